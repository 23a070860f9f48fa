// SPDX-License-Identifier: EUPL-1.2
// The brief for the council on a real node, in a browser without script: read, walked by keyboard, printed; axe by day and by night, wide
// and narrow.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { judge } from './judge.mjs';
import { startNode } from './world.mjs';

let world;
let node;

before(async () => {
  world = await startNode({ attacked: false });
  node = world.node;
  for (const kind of ['minute', 'budget_request']) await node.api(`/register-kinds/${kind}`, { to: 'on' }, 0);
  const ask = await node.api('/registers/budget_requests', { fields: { title: 'A second proof at sign-in for the care of the pumps', year: 2027, asked: 18400, purpose: 'Safe pumps', owner: 'Elena', consequence: 'A stranger could stop pumps for 212,000 people until crews arrive, about four hours.' } });
  await node.api(`/registers/budget_requests/${ask.id}/move`, { to: 'presented' }, 1);
  const minute = await node.api('/registers/minutes', { fields: { title: 'Second copy of the backups in hall B', body: 'City council', held: '2026-09-03', item: '3', record_kept: 'City archive', documents: [], heard: 'It may burn.', decision: 'mitigate', reason: 'It costs little.', owner: 'Elena', due: '2027-01-31' } });
  let version = 1;
  for (const to of ['read', 'approved', 'sealed']) version = (await node.api(`/registers/minutes/${minute.id}/move`, { to, why: 'as held' }, version)).version;
  for (let i = 0; i < 3; i += 1) await node.api('/registers/findings', { fields: { title: `Weakness ${i}`, origin: 'audit', severity: 'high', found: '2026-10-01', due: '2026-11-01' } });
});
after(() => world?.close());

async function read(o = {}) {
  const context = await world.browser.newContext({ viewport: { width: o.width ?? 1280, height: 900 }, colorScheme: o.theme ?? 'light', javaScriptEnabled: o.script ?? false, locale: 'de-DE' });
  const [name, ...value] = world.cookie.split('=');
  await context.addCookies([{ name, value: value.join('='), url: world.url, sameSite: 'Strict' }]);
  const page = await context.newPage();
  await page.goto(`${world.url}/brief`);
  return page;
}

test('it reads without script, and each figure leads to its list', async () => {
  const p = await read();
  await p.locator('h1', { hasText: 'Brief for the council' }).waitFor();
  assert.match(await p.locator('.five').innerText(), /3\s+weaknesses found and still open/);
  assert.equal(await p.locator('.five a', { hasText: 'still open' }).getAttribute('href'), '/registers/findings?state=open');
  await p.locator('td', { hasText: 'about four hours' }).waitFor();
  await p.locator('td', { hasText: 'City council, 2026-09-03, item 3' }).waitFor();
  await p.locator('nav', { hasText: 'only languages that a person has read through' }).waitFor();
  assert.equal(await p.locator('html').getAttribute('lang'), 'en');
  await p.context().close();
});

test('by keyboard alone: from a figure to the records that it counted', async () => {
  const p = await read({ script: true });
  for (let i = 0; i < 30 && !(await p.evaluate(() => document.activeElement?.matches('a') && document.activeElement.textContent.includes('still open'))); i += 1) await p.keyboard.press('Tab');
  await p.keyboard.press('Enter');
  await p.locator('table.records tbody tr').nth(2).waitFor();
  assert.equal(await p.locator('table.records tbody tr').count(), 3);
  await p.context().close();
});

test('axe finds nothing by day and night, wide and narrow; on paper frame and choices are gone', async () => {
  for (const theme of ['light', 'dark']) {
    for (const width of [1280, 320]) {
      const p = await read({ theme, width, script: true });
      await p.locator('.five a').first().waitFor();
      assert.deepEqual(await judge(p), [], `${theme}, ${width}`);
      const over = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `scrolls sideways by ${over} at ${width}`);
      if (process.env.SHOTS) await p.screenshot({ path: `${process.env.SHOTS}/brief-${theme}-${width}.png`, fullPage: true });
      await p.emulateMedia({ media: 'print' });
      assert.equal(await p.locator('nav').isVisible(), false);
      assert.equal(await p.locator('.tlp').count(), 2);
      if (process.env.SHOTS) await p.screenshot({ path: `${process.env.SHOTS}/brief-print-${theme}-${width}.png`, fullPage: true });
      await p.context().close();
    }
  }
});

async function open(path, o = {}) {
  const p = await read(o);
  await p.goto(world.url + path);
  return p;
}

test('by keyboard alone: a brief is issued, a figure is compared, the brief is withdrawn', async () => {
  const p = await open('/briefs', { script: true });
  const tabTo = async (what) => {
    await p.locator(what).first().waitFor(); // the page that has it is there
    for (let i = 0; i < 40 && !(await p.evaluate((w) => document.activeElement?.matches(w), what)); i += 1) await p.keyboard.press('Tab');
    assert.ok(await p.evaluate((w) => document.activeElement?.matches(w), what), what);
  };
  await tabTo('textarea#text');
  await p.keyboard.type('Three weaknesses wait for money.');
  await p.keyboard.press('Tab');
  await p.keyboard.press('Enter');
  await p.waitForURL('**/briefs/*');
  await p.locator('p', { hasText: 'Three weaknesses wait for money.' }).waitFor();
  await p.locator('.hint', { hasText: 'sereno verify finds any byte that did' }).waitFor();
  await node.api('/registers/findings', { fields: { title: 'Found later', origin: 'audit', severity: 'high', found: '2026-10-01', due: '2026-11-01' } });
  assert.match(await p.locator('.five').innerText(), /3\s+weaknesses found and still open/);
  await p.reload({ waitUntil: 'load' });
  assert.match(await p.locator('.five').innerText(), /3\s+weaknesses found and still open/);
  await tabTo('.five a[href$="/figures/2"]');
  await p.keyboard.press('Enter');
  await p.locator('td', { hasText: /Heute gezählt, damals nicht/ }).waitFor();
  assert.equal(await p.locator('td', { hasText: 'unverändert' }).count(), 3);
  await tabTo('nav a');
  await p.keyboard.press('Enter');
  await tabTo('input#why');
  await p.keyboard.type('A word was wrong.');
  await p.keyboard.press('Enter');
  await p.locator('.wrong', { hasText: 'A word was wrong.' }).waitFor();
  assert.equal(await p.locator('form').count(), 0);
  await p.context().close();
});

test('axe finds nothing on issued briefs by day and night, wide and narrow; paper has no navigation and no form', async () => {
  const made = await node.api('/briefs', { from: '2026-11-01', to: '2026-11-30', text: 'A word about the pumps.' });
  for (const theme of ['light', 'dark']) {
    for (const width of [1280, 320]) {
      const p = await read({ theme, width, script: true });
      for (const [name, path] of [['list', '/briefs'], ['issued', `/briefs/${made.id}`], ['figure', `/briefs/${made.id}/figures/2`]]) {
        await p.emulateMedia({ media: 'screen' });
        await p.goto(world.url + path);
        await p.locator({ list: 'ul.issued', issued: '.five', figure: 'td' }[name]).first().waitFor();
        assert.deepEqual(await judge(p), [], `${name}, ${theme}, ${width}`);
        const over = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(over <= 0, `${name} scrolls sideways by ${over} at ${width}`);
        if (process.env.SHOTS) await p.screenshot({ path: `${process.env.SHOTS}/briefs-${name}-${theme}-${width}.png`, fullPage: true });
        await p.emulateMedia({ media: 'print' });
        assert.equal(await p.locator('nav:visible, form:visible').count(), 0);
        if (process.env.SHOTS && name === 'issued') await p.screenshot({ path: `${process.env.SHOTS}/briefs-print-${theme}-${width}.png`, fullPage: true });
      }
      await p.context().close();
    }
  }
});
