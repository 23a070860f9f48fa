// SPDX-License-Identifier: EUPL-1.2
// What happened to a record, on a real node: each change as it was made, older ones by a key, what stood under another's label left out
// and said to be; by keyboard alone; axe by day and by night, wide and narrow.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { judge } from './judge.mjs';
import { until } from './node.mjs';
import { open, startNode } from './world.mjs';

let world;
let node;
let risk;
const title = 'Remote portal of the pump maker without second factor';
const says = (more) => ({ title, scenario: 'A stolen password is enough to stop the pumps for 212,000 people.', likelihood: 3, impact: 5, ...more });

before(async () => {
  world = await startNode({ attacked: false });
  node = world.node;
  const put = async (fields, why, version) => {
    risk = await node.api(`/registers/risks/${risk.id}`, { fields, why }, version);
  };
  const portal = await node.api('/registers/systems', { fields: { name: 'Remote portal', domain: 'IT' } });
  risk = await node.api('/registers/risks', { fields: says({}), why: 'Raised after the visit of the maker' });
  await put(says({ impact: 4 }), 'Local control keeps the pumps running', 1);
  await put(says({ impact: 4, systems: [portal.id] }), '', 2);
  for (let v = 3; v < 14; v += 1) await put(says({ impact: 4, systems: [portal.id], likelihood: 1 + (v % 4) }), `Look number ${v}`, v);
});
after(() => world?.close());

const page = (o) => open(world, `/registers/risks/${risk.id}`, o);
const texts = (p, selector) => p.locator(selector).allTextContents();

test('each change: who, when, why, and each field before and after', async () => {
  const p = await page();
  await p.locator('.reg-history > li').nth(9).waitFor();
  assert.equal(await p.locator('.reg-history > li').count(), 10);
  const first = p.locator('.reg-history > li').first();
  assert.match(await first.textContent(), /^Changed by Elena .*Reason Look number 13/);
  assert.deepEqual(await first.locator('dt').allTextContents(), ['Likelihood', 'Score']); // what is worked out of it moved as well
  assert.deepEqual(await first.locator('dd').allTextContents(), ['before 1', 'after 2', 'before 4', 'after 8']);
  await p.getByRole('button', { name: 'Show older changes' }).click();
  await p.locator('.reg-history > li').nth(13).waitFor();
  const heads = await texts(p, '.reg-history h3');
  assert.equal(heads.length, 14);
  assert.match(heads[13], /^Entered by Elena/);
  const names = p.locator('.reg-history > li').nth(11);
  assert.deepEqual(await names.locator('dd').allTextContents(), ['before not filled in', 'after Remote portal']);
  await p.locator('.reg-history details summary').click();
  await p.locator('.reg-history details', { hasText: 'A stolen password is enough' }).waitFor();
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('by keyboard alone: older changes come, and the focus is where they begin', async () => {
  const p = await page();
  await p.locator('.reg-history > li').nth(9).waitFor();
  const on = (what) => p.evaluate((w) => document.activeElement?.textContent?.includes(w) ?? false, what);
  for (let i = 0; i < 120 && !(await p.evaluate(() => document.activeElement?.textContent === 'Show older changes')); i += 1) await p.keyboard.press('Tab');
  await p.keyboard.press('Enter');
  await until('the focus on the first of the older ones', () => p.evaluate(() => document.activeElement?.id === 'change-4'));
  for (let i = 0; i < 20 && !(await on('What it said at first')); i += 1) await p.keyboard.press('Tab');
  await p.keyboard.press('Enter');
  await p.locator('.reg-history details[open]').waitFor();
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('a change made here is at the top at once; what stood under another label is left out, and said to be', async () => {
  const made = await node.api('/registers/risks', { fields: { ...says({}), title: 'Told in confidence' }, tlp: 'RED' });
  await node.api(`/registers/risks/${made.id}`, { fields: { ...says({}), title: 'Told in confidence' }, tlp: 'AMBER' }, 1);
  await node.api('/users', { name: 'Bo', password: 'harbour lamp seven', role: 'ciso' });
  const p = await open({ ...world, cookie: undefined }, '/login');
  await p.fill('#name', 'Bo');
  await p.fill('#password', 'harbour lamp seven');
  await p.click('button[type=submit]');
  await p.waitForURL(`${world.url}/`);
  await node.api(`/registers/risks/${made.id}`, { fields: { ...says({ impact: 2 }), title: 'Told in confidence' } }, 2);
  await p.goto(`${world.url}/registers/risks/${made.id}`);
  await p.locator('.reg-history > li', { hasText: '2 changes are not shown' }).waitFor();
  assert.equal(await p.locator('.reg-history h3').count(), 1);
  await p.locator('#moves .btn[data-to=closed]').click();
  await p.locator('.reg-move :is(textarea, input)').fill('It cannot happen any more');
  await p.locator('.reg-move button[type=submit]').click();
  const moved = p.locator('.reg-history > li', { hasText: 'Moved to another state by Bo' });
  await moved.waitFor();
  assert.match(await moved.textContent(), /It cannot happen any more.*before Identifiedafter Closed/);
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('axe finds nothing by day and night, wide and narrow', async () => {
  const p = await page();
  await p.locator('.reg-history > li').nth(9).waitFor();
  await p.getByRole('button', { name: 'Show older changes' }).click();
  await p.locator('.reg-history > li').nth(13).waitFor();
  await p.locator('.reg-history details summary').click();
  for (const theme of ['light', 'dark', 'contrast']) {
    await p.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);
    for (const width of [1280, 320]) {
      await p.setViewportSize({ width, height: 900 });
      assert.deepEqual(await judge(p), [], `${theme}, ${width}`);
      const over = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `scrolls sideways by ${over} at ${width}`);
      if (process.env.SHOTS) await p.screenshot({ path: `${process.env.SHOTS}/history-${theme}-${width}.png`, fullPage: true });
    }
  }
  await p.context().close();
});
