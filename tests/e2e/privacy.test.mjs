// SPDX-License-Identifier: EUPL-1.2
// What is masked of persons, on a real node: drawn as masked on lists, records, forms and choosers, shown with a reason by keyboard alone,
// masked again; axe on each of it, in two themes and at two widths.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { judge } from './judge.mjs';
import { until } from './node.mjs';
import { open, startNode } from './world.mjs';

const WIDTHS = [1280, 320];
const PASSWORD = 'harbour lamp seven';
const WHY = 'call to the night shift, case 47';
let world;
let node;
let anna;
let system;

before(async () => {
  world = await startNode({ attacked: false });
  node = world.node;
  anna = await node.api('/registers/people', { fields: { name: 'Anna Torres', mail: 'anna@town.example', office: 'Keeper of the gates' } });
  await node.api('/registers/people', { fields: { name: 'Bo Larsen' } });
  system = await node.api('/registers/systems', { fields: { name: 'Gates of the tunnel', domain: 'OT', owner: anna.id } });
  await node.api('/users', { name: 'Ines', role: 'analyst', password: PASSWORD });
  await node.api('/users', { name: 'Rea', role: 'reader', password: PASSWORD });
});
after(() => world?.close());

const text = (p) => p.locator('#main').innerText();
const end = async (p) => {
  assert.deepEqual(p.wrongs.filter((w) => !/status of 40[03] /.test(w)), []);
  await p.context().close();
};
async function signIn(name, path) {
  const p = await open({ ...world, cookie: undefined, browser: world.browser, url: node.url }, `/login?next=${encodeURIComponent(path)}`);
  await p.fill('#name', name);
  await p.fill('#password', PASSWORD);
  await p.click('button[type=submit]');
  return p;
}
async function tabTo(p, selector) {
  for (let i = 0; i < 80; i += 1) {
    if (await p.evaluate((s) => document.activeElement?.matches(s), selector)) return;
    await p.keyboard.press('Tab');
  }
  assert.fail(`nothing that fits ${selector} is reached by Tab`);
}
async function fair(p, what) {
  for (const theme of ['light', 'dark']) {
    await p.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);
    for (const width of WIDTHS) {
      await p.setViewportSize({ width, height: 900 });
      assert.deepEqual(await judge(p), [], `${what}, ${theme}, ${width}`);
      const over = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `${what} scrolls sideways by ${over} at ${width}`);
      if (process.env.SHOTS) await p.screenshot({ path: `${process.env.SHOTS}/${what}-${theme}-${width}.png`, fullPage: true });
    }
  }
  await p.evaluate(() => { delete document.documentElement.dataset.theme; });
  await p.setViewportSize({ width: 1280, height: 900 });
}

test('by keyboard alone: a masked person is shown with a reason, for this session, and masked again', async () => {
  const p = await signIn('Ines', `/registers/people/${anna.id}`);
  await p.locator('.reg-mask').waitFor();
  assert.doesNotMatch(await text(p), /Anna|Torres|anna@|Keeper/);
  assert.match(await p.locator('main h1').innerText(), /^Masked, /);
  await fair(p, 'record');
  await p.keyboard.press('u');
  await p.waitForFunction(() => document.activeElement?.id === 'show-why');
  await p.keyboard.type('because');
  await p.keyboard.press('Enter');
  await p.locator('#show-why-error').waitFor();
  assert.match(await p.locator('#show-why-error').innerText(), /at least 10/);
  await fair(p, 'asked');
  await p.locator('#show-why').fill('');
  await p.keyboard.type(WHY);
  await p.keyboard.press('Enter');
  await p.locator('main h1', { hasText: 'Anna Torres' }).waitFor();
  await p.locator('.reg-mask', { hasText: 'Shown to you until' }).waitFor();
  await p.locator('.reg-fields', { hasText: 'anna@town.example' }).waitFor();
  await fair(p, 'shown');

  // One record was shown, not the list.
  await p.goto(`${world.url}/registers/people`);
  await p.locator('a.row', { hasText: 'Anna Torres' }).waitFor();
  await p.locator('a.row', { hasText: 'Masked, ' }).waitFor();
  assert.doesNotMatch(await text(p), /Bo Larsen/);
  await fair(p, 'list');
  assert.equal(await p.locator('th.c-t button').count(), 0); // no order by what is masked
  await p.goto(`${world.url}/registers/people/${anna.id}`);
  await p.locator('main h1', { hasText: 'Anna Torres' }).waitFor();
  await p.locator('.reg-mask button').waitFor();
  await tabTo(p, '.reg-mask button');
  await p.keyboard.press('Enter');
  await p.locator('main h1', { hasText: 'Masked, ' }).waitFor();
  assert.doesNotMatch(await text(p), /Torres/);
  await end(p);
});

test('whom a record names is masked as well, and the chooser of a form shows all of the kind at once', async () => {
  const p = await signIn('Ines', `/registers/systems/${system.id}`);
  await p.locator('.reg-links', { hasText: 'Masked, ' }).waitFor();
  assert.doesNotMatch(await text(p), /Torres/);
  await p.goto(`${world.url}/registers/people`);
  await p.locator('.reg-mask button').waitFor();
  await p.keyboard.press('u');
  await p.locator('#show-why').fill(WHY);
  await p.keyboard.press('Enter');
  await p.locator('a.row', { hasText: 'Bo Larsen' }).waitFor();
  await p.locator('th.c-t button').waitFor();
  await p.goto(`${world.url}/registers/systems/${system.id}`);
  await p.locator('.reg-links', { hasText: 'Anna Torres' }).waitFor();
  await end(p);
});

test('who may not have it shown is told so', async () => {
  const p = await signIn('Rea', `/registers/people/${anna.id}`);
  await p.locator('.reg-mask', { hasText: 'Your role does not' }).waitFor();
  assert.equal(await p.locator('.reg-mask button').count(), 0);
  assert.doesNotMatch(await text(p), /Anna|Torres/);
  await p.keyboard.press('u');
  await fair(p, 'reader');
  assert.equal(await p.locator('#show-why').count(), 0);
  await end(p);
});

test('who keeps the registers sees no mask', async () => {
  const p = await open(world, `/registers/people/${anna.id}`);
  await p.locator('main h1', { hasText: 'Anna Torres' }).waitFor();
  await until('the record is there', async () => /anna@town\.example/.test(await text(p)));
  assert.equal(await p.locator('.reg-mask').count(), 0);
  await end(p);
});

test('a search for a person in the list of alerts asks why, and stands where auditors read it', async () => {
  await node.attack('ssh');
  const named = await until('an alert of a user', async () => {
    const { items } = await node.api('/alerts?status=all&limit=100');
    return items.find((a) => a.user && !['root', 'admin'].includes(a.user) && /^[a-z]{3,}$/.test(a.user) && !a.rule.title.toLowerCase().includes(a.user));
  });
  const p = await signIn('Ines', '/alerts');
  await p.locator('#q').waitFor();
  await p.locator('#q').fill(`status:all ${named.user}`);
  await p.locator('#q').press('Enter');
  await p.locator('#show-why').waitFor();
  await p.waitForFunction(() => document.activeElement?.id === 'show-why');
  assert.equal(await p.locator('.queue tbody tr').count(), 0);
  await fair(p, 'why-alerts');
  await p.locator('#show-why').focus();
  await p.keyboard.type(WHY);
  await p.keyboard.press('Enter');
  await p.locator('.queue tbody tr').first().waitFor();
  await end(p);

  await node.api('/hunts', { search: 'user=maria', why: WHY });
  const q = await open(world, '/people');
  await q.locator('a[href="/people/looks"]').waitFor();
  await tabTo(q, 'a[href="/people/looks"]');
  await q.keyboard.press('Enter');
  await q.locator('tbody tr', { hasText: named.user }).first().waitFor();
  await q.locator('tbody tr', { hasText: 'user=maria' }).first().waitFor();
  await q.locator('tbody tr', { hasText: WHY }).first().waitFor();
  await q.locator('#reads tbody tr', { hasText: 'Ines' }).first().waitFor(); // what Ines had shown he also read
  await fair(q, 'looks');
  await end(q);
});

test('what will go, by keyboard alone: each figure opens the records that it counts, with the hold that keeps one', async () => {
  const left = [];
  for (const name of ['Old Harbour', 'Old Lamp', 'Old Gate']) {
    const row = await node.api('/registers/people', { fields: { name, leaves: '2020-01-01' } });
    let version = row.version;
    for (const to of ['leaving', 'left']) ({ version } = await node.api(`/registers/people/${row.id}/move`, { to, why: 'gone' }, version));
    left.push(row.id);
  }
  await node.api('/holds', { from: '2020-01-01', to: '2099-01-01', source: `registers/person/${left[0]}`, reason: 'case 4711' });
  const p = await open(world, '/people/looks');
  await p.locator('#retention tbody tr', { hasText: 'People' }).waitFor();
  await fair(p, 'retention');
  const figure = (which) => p.locator(`#retention a[href^="/people/looks/people/${which}"]`);
  assert.equal(await figure('due').innerText(), '2');
  assert.equal(await figure('held').innerText(), '1');
  await tabTo(p, '#retention a[href^="/people/looks/people/due"]');
  await p.keyboard.press('Enter');
  await p.locator('#retention-records tbody tr', { hasText: 'Old Lamp' }).waitFor();
  assert.equal(await p.locator('#retention-records tbody tr').count(), 2);
  assert.equal(await p.locator('#retention-records tbody tr', { hasText: 'Old Harbour' }).count(), 0);
  await fair(p, 'retention-due');
  await p.goto(`${world.url}/people/looks/people/held`);
  await p.locator('#retention-records tbody tr', { hasText: 'Old Harbour' }).waitFor();
  await p.locator('#retention-records tbody tr', { hasText: 'case 4711' }).waitFor();
  assert.equal(await p.locator('#retention-records tbody tr').count(), 1);
  await fair(p, 'retention-held');
  // Within seven days nothing goes: it was told today.
  await p.goto(`${world.url}/people/looks`);
  await p.locator('#within').waitFor();
  await p.locator('#within').selectOption('7');
  await until('no figure of what goes', async () => (await figure('due').count()) === 0);
  await end(p);

  // A data protection officer has the figures; who they are he has shown with a reason.
  await node.api('/users', { name: 'Dora', role: 'auditor', password: PASSWORD });
  const d = await signIn('Dora', '/people/looks/people/due');
  await d.locator('.reg-mask button').waitFor();
  assert.doesNotMatch(await text(d), /Old (Harbour|Lamp|Gate)/);
  await fair(d, 'retention-masked');
  await d.keyboard.press('u');
  await d.waitForFunction(() => document.activeElement?.id === 'show-why');
  await d.keyboard.type(WHY);
  await d.keyboard.press('Enter');
  await d.locator('#retention-records tbody tr', { hasText: 'Old Lamp' }).waitFor();
  await end(d);
});
