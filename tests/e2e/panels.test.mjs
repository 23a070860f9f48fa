// SPDX-License-Identifier: EUPL-1.2
// Pages of their own for services, suppliers, risks, findings and extracts of minutes, on a real node: each figure opens exactly what it
// counted; by keyboard alone; on paper an extract is an extract; axe by day and by night, wide and narrow.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { judge } from './judge.mjs';
import { until } from './node.mjs';
import { open, startNode } from './world.mjs';

let world;
let node;
const ids = {};
const DAY = 86_400_000;
const inDays = (n) => new Date(Date.now() + n * DAY).toISOString().slice(0, 10);

before(async () => {
  world = await startNode({ attacked: false });
  node = world.node;
  for (const kind of ['minute', 'contract', 'continuity_plan', 'control', 'solution', 'budget_request']) {
    await node.api(`/register-kinds/${kind}`, { to: 'on' }, 0);
  }
  const make = async (name, plural, fields) => {
    const made = await node.api(`/registers/${plural}`, { fields });
    ids[name] = made.id;
    return made;
  };
  const move = (plural, id, to, version, why) => node.api(`/registers/${plural}/${id}/move`, why ? { to, why } : { to }, version);
  await make('elena', 'people', { name: 'Elena Ruiz' });
  await make('maker', 'suppliers', { name: 'Pump maker', country: 'ES', control: 'EU', exclusion_decision: 'Council, 3 June 2026, item 4', exclusion_ground: 'Delivered nothing for a year.', excluded_until: inDays(200) });
  await make('portal', 'systems', { name: 'Remote portal', domain: 'IT', suppliers: [ids.maker] });
  await make('water', 'services', { name: 'Drinking water', priority: 1, systems: [ids.portal], manager: ids.elena, rto_minutes: 240, rpo_minutes: 15, workaround: 'Local control, three crews.' });
  await make('plan', 'continuity_plans', { title: 'Water without the portal', service: ids.water, rto_hours: 4 });
  await make('contract', 'contracts', { title: 'Care of the pumps', supplier: ids.maker, number: 'C-17', begins: inDays(-300), ends: inDays(65), notice_city: 90, notice_supplier: 180, services: [ids.water] });
  for (let i = 0; i < 3; i += 1) {
    const made = await make(`finding${i}`, 'findings', { title: `Weakness ${i}`, origin: 'audit', severity: 'high', found: inDays(-20), due: inDays(i * 10), retest: inDays(40), systems: [ids.portal], services: [ids.water] });
    if (i === 2) await move('findings', made.id, 'accepted', 1, 'until the crew is back');
  }
  await make('risk', 'risks', { title: 'Portal without second factor', scenario: 'A stolen password stops the pumps.', likelihood: 4, impact: 5, residual_likelihood: 2, residual_impact: 3, treatment: 'reduce', measures: 'Second factor', services: [ids.water], suppliers: [ids.maker], accepted_by: 'The council', accepted_until: inDays(30) });
  await make('minute', 'minutes', { title: 'Second factor for the remote portal', body: 'City council', held: '2026-10-01', item: '4', record_kept: 'City archive, shelf 12', documents: [{ name: 'Report.pdf', sha256: 'ab'.repeat(32) }], heard: 'A stolen password could stop pumps for 212,000 people.', decision: 'mitigate', votes: '21 for, 2 against', risks: [ids.risk], services: [ids.water] });
  await make('corrigendum', 'minutes', { title: 'Votes of item 4', body: 'City council', held: '2026-10-15', item: '2', record_kept: 'City archive, shelf 12', documents: [], heard: '22 for, 1 against.', corrects: ids.minute });
});
after(() => world?.close());

const PAGES = [['services', 'water', '.chain-pic'], ['suppliers', 'maker', '.chain-pic'], ['risks', 'risk', '.reg-scale svg'], ['findings', 'finding1', '.reg-days'], ['minutes', 'minute', '#corrections']];
const page = (plural, name, o) => open(world, `/registers/${plural}/${ids[name]}`, o);
const panel = (p, heading) => p.locator('.reg-panels > .panel', { has: p.locator('h2', { hasText: heading }) });

/** Follows every figure of the page and compares with the list that it opens. */
async function figures(p, plural, name) {
  const links = await p.locator('.reg-panels .reg-counts a.fig').evaluateAll((all) => all.map((a) => [a.getAttribute('href'), a.textContent]));
  for (const [href, text] of links) {
    const got = await node.api(href);
    assert.equal(String(got.count), /^\d+/.exec(text)[0], `${text} of ${plural}/${name}: ${href}`);
  }
  return links.length;
}

test('a service: its chain, its continuity, what is open on it, who answers for it; each figure is its list', async () => {
  const p = await page('services', 'water');
  await panel(p, 'Findings').locator('a.fig').first().waitFor();
  await panel(p, 'Contracts').locator('a.fig').first().waitFor();
  await panel(p, 'Extracts of minutes').locator('a.fig').first().waitFor();
  assert.deepEqual(await panel(p, 'Findings').locator('a.fig').allTextContents(), ['2 Open', '1 Accepted']);
  assert.deepEqual(await panel(p, 'Findings').locator('tbody th').allTextContents(), ['Weakness 0', 'Weakness 1', 'Weakness 2']);
  assert.ok((await figures(p, 'services', 'water')) >= 6);
  await panel(p, 'Who answers for it').locator('a', { hasText: 'Elena Ruiz' }).waitFor();
  await panel(p, 'Continuity').locator('dd', { hasText: '240' }).waitFor();
  assert.equal(await p.locator('.reg-fields dt', { hasText: 'On paper' }).count(), 1); // once, not twice
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('a supplier: which services stand on it, contracts with notice, and an exclusion only where there is one', async () => {
  const p = await page('suppliers', 'maker');
  await p.locator('.reg-panels a.fig', { hasText: 'One service may fail with it' }).waitFor();
  await panel(p, 'Contracts').locator('tbody tr', { hasText: 'C-17' }).waitFor();
  const cells = await panel(p, 'Contracts').locator('tbody td').allTextContents();
  assert.ok(cells.includes('90') && cells.includes('180'), cells.join());
  assert.equal(await panel(p, 'Excluded').count(), 0);
  await figures(p, 'suppliers', 'maker');
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('a risk before and after, a finding with its days, both in words as well', async () => {
  const p = await page('risks', 'risk');
  await p.locator('.reg-scale svg[aria-label*="As things are: Likelihood 4, Impact 5. Once the treatment is in place: Likelihood 2"]').waitFor();
  assert.deepEqual(await p.locator('.reg-scale dd').allTextContents(), ['Likelihood 4, Impact 5', 'Likelihood 2, Impact 3']);
  await panel(p, 'Days').locator('strong', { hasText: /^in (29|30) days$/ }).waitFor();
  await panel(p, 'Extracts of minutes').locator('a', { hasText: 'Second factor for the remote portal' }).waitFor();
  await p.goto(`${world.url}/registers/findings/${ids.finding1}`);
  await panel(p, 'Days').locator('strong').nth(2).waitFor();
  const days = await panel(p, 'Days').locator('strong').allTextContents();
  assert.match(days.join('|'), /^(20|21|19) days ago\|in (9|10) days\|in (39|40) days$/);
  await panel(p, 'Where it was found').locator('a', { hasText: 'Remote portal' }).waitFor();
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('an extract reads like a minute, knows its corrigenda both ways, and only it is printed', async () => {
  const p = await page('minutes', 'minute');
  await p.locator('#corrections a', { hasText: 'Votes of item 4' }).waitFor();
  await p.locator('.paper-docs code', { hasText: 'ab'.repeat(32) }).waitFor();
  await p.emulateMedia({ media: 'print' });
  assert.equal(await p.locator('.paper-minute').isVisible(), true);
  for (const gone of ['.reg-states-panel', '.reg-history', '.nav', '.paper-minute .acts']) assert.equal(await p.locator(gone).isVisible(), false, gone);
  if (process.env.SHOTS) await p.screenshot({ path: `${process.env.SHOTS}/minute-print.png`, fullPage: true });
  await p.emulateMedia({ media: 'screen' });
  for (let i = 0; i < 120 && !(await p.evaluate(() => document.activeElement?.closest('#corrections') !== null)); i += 1) await p.keyboard.press('Tab');
  await p.keyboard.press('Enter');
  await p.locator('#corrections a', { hasText: 'Second factor for the remote portal' }).waitFor();
  await p.keyboard.press('Escape');
  await until('the list of extracts', async () => p.url().endsWith('/registers/minutes'));
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('axe finds nothing by day and night, wide and narrow', async () => {
  for (const [plural, name, ready] of PAGES) {
    const p = await page(plural, name);
    await p.locator(ready).first().waitFor();
    await p.locator('.reg-history > li').first().waitFor();
    for (const theme of ['light', 'dark']) {
      await p.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);
      for (const width of [1280, 320]) {
        await p.setViewportSize({ width, height: 900 });
        assert.deepEqual(await judge(p), [], `${plural}, ${theme}, ${width}`);
        const over = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(over <= 0, `${plural} scrolls sideways by ${over} at ${width}`);
        if (process.env.SHOTS) await p.screenshot({ path: `${process.env.SHOTS}/${plural}-${theme}-${width}.png`, fullPage: true });
      }
    }
    assert.deepEqual(p.wrongs, []);
    await p.context().close();
  }
});
