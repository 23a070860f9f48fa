// SPDX-License-Identifier: EUPL-1.2
// Today, the first page, on a real node: each figure opens a list of as many, one by one by keyboard alone; axe on it by day and by night,
// wide and narrow, in nine languages.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { judge } from './judge.mjs';
import { until } from './node.mjs';
import { open, startNode } from './world.mjs';

const LANGUAGES = ['bg-BG', 'da-DK', 'de-DE', 'en-GB', 'es-ES', 'fr-FR', 'hr-HR', 'it-IT', 'nl-NL'];
const DAY_MS = 24 * 3600 * 1000;
const day = (offset) => new Date(Date.now() + offset * DAY_MS).toISOString().slice(0, 10);
let world;
let node;

before(async () => {
  world = await startNode();
  node = world.node;
  const make = (plural, fields) => node.api(`/registers/${plural}`, { fields });
  for (const due of [-20, -2, 4, 29]) await make('findings', { title: `Old firmware ${due}`, origin: 'audit', severity: 'high', found: day(-30), due: day(due), owner: 'Bo' });
  const [first] = (await node.api('/registers/findings')).items;
  await node.api(`/registers/findings/${first.id}/move`, { to: 'fixing' }, first.version);
  await make('risks', { title: 'The pumps stand still', scenario: 'Somebody cuts the link.', likelihood: 3, impact: 4, review: day(-3) });
  await make('waivers', { title: 'Old browser', what: 'The archive needs it.', why: 'Until it is replaced.', until: day(12) });
  await make('systems', { name: 'Pumping station', domain: 'OT', support_ends: day(-1), review: day(20) });
});
after(() => world?.close());

async function today(options) {
  const p = await open(world, '/', options);
  await p.locator('#t-held').waitFor();
  await p.locator('.tiles .tile').nth(7).waitFor();
  return p;
}

/** How many records or alerts stand behind the address that a figure opens, as the page there shows them, or as the node lists them. */
async function behind(p, url) {
  const at = new URL(url, world.url);
  if (at.pathname === '/registers/appointments/gaps') {
    await p.locator(at.hash).waitFor();
    return p.locator(`section[aria-labelledby="${at.hash.slice(1)}"] tbody tr`).count();
  }
  if (at.pathname.startsWith('/registers/')) {
    const tab = p.locator('.reg-states a[aria-current=true] .n');
    await tab.filter({ hasText: /\d/ }).waitFor();
    const rows = await p.locator('#main table tbody tr').count();
    assert.equal(Number(await tab.innerText()), rows, url);
    return rows;
  }
  assert.equal(at.pathname, '/alerts', url);
  const asked = Object.fromEntries([...(at.searchParams.get('q') ?? 'status:open').matchAll(/(\w+):(\S+)/g)].map((m) => [m[1], m[2]]));
  await p.locator('.queue tbody tr').first().waitFor();
  return listed(asked);
}
const listed = async (asked) => (await node.api(`/alerts?${new URLSearchParams({ ...asked, limit: 500 })}`)).items.length;

/** Correlations of the attack may still come: until what Today says is what the list has, twice in a row. */
async function settled() {
  let before = -1;
  await until('the queue to be still', async () => {
    const told = (await node.api('/today')).alerts.filter((f) => f.level).reduce((sum, f) => sum + f.count, 0);
    const now = await listed({ status: 'open' });
    const same = told === now && now === before;
    before = now;
    return same;
  });
  return before;
}

test('each figure opens exactly what it counted, reached and opened by keyboard alone', async () => {
  const p = await today();
  const figures = await p.locator('main a.fig').evaluateAll((all) => all.map((a) => ({ href: a.getAttribute('href'), n: Number(/\d+/.exec(a.textContent)[0]) })));
  assert.ok(figures.length >= 10, JSON.stringify(figures));
  for (const kind of ['findings', 'risks', 'waivers', 'systems']) assert.ok(figures.some((f) => f.href.startsWith(`/registers/${kind}?`)), `${kind}: ${JSON.stringify(figures)}`);
  const late = [];
  for (const f of figures) {
    for (let i = 0; i < 120 && !(await p.evaluate((h) => document.activeElement?.matches('main a.fig') && document.activeElement.getAttribute('href') === h, f.href)); i += 1) {
      await p.keyboard.press('Tab');
    }
    assert.equal(await p.evaluate(() => document.activeElement.getAttribute('href')), f.href, 'Tab reaches each figure');
    await p.keyboard.press('Enter');
    await p.waitForURL(`${world.url}${f.href}`);
    const found = await behind(p, f.href);
    if (found !== f.n && f.href.startsWith('/alerts')) late.push({ ...f, found });
    else assert.equal(found, f.n, f.href);
    await p.evaluate(() => document.activeElement?.blur());
    await p.keyboard.press('g');
    await p.keyboard.press('t');
    await p.waitForURL(`${world.url}/`);
    await p.locator('#t-held').waitFor();
  await p.locator('.tiles .tile').nth(7).waitFor();
  }
  // An alert that came between the page and its list: the figure of now is that of the list of now.
  const open_ = await settled();
  for (const f of (await node.api('/today')).alerts) assert.equal(await listed({ status: 'open', ...(f.level && { level: f.level }), ...(f.until && { until: f.until }) }), f.count);
  for (const f of late) assert.ok(f.found > f.n && f.found <= open_, JSON.stringify(f));
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('what is due next stands there in words, the first day first, and each line opens its record', async () => {
  const p = await today();
  const lines = p.locator('.due-rows li');
  await lines.first().waitFor();
  const texts = await lines.allInnerTexts();
  assert.match(texts[0], /Old firmware -20[\s\S]*20 days past/);
  assert.ok(texts.some((x) => /The pumps stand still[\s\S]*3 days past/.test(x)), texts.join('|'));
  await p.locator('.due-rows').locator('..').getByRole('button', { name: 'Show more' }).click();
  await p.locator('.due-rows li', { hasText: 'Old browser' }).waitFor();
  await lines.first().getByRole('link').click();
  await p.locator('.reg-tags', { hasText: '20 days past' }).waitFor();
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('days of somebody else are told with his name, and go with Only mine, which stays chosen', async () => {
  const account = await node.api('/users', { name: 'kim', role: 'analyst', password: 'harbour lamp seven' });
  const kim = await node.api('/registers/people', { fields: { name: 'Kim Ode' } });
  await node.api(`/users/${account.id}/person`, { person: kim.id });
  await node.api('/registers/findings', { fields: { title: 'Hers to mend', origin: 'audit', severity: 'low', found: day(-30), due: day(-40), responsible: kim.id } });
  const p = await today();
  const lines = p.locator('.due-rows li');
  await lines.filter({ hasText: 'Hers to mend' }).filter({ hasText: 'Kim Ode' }).waitFor();
  await p.getByRole('button', { name: 'Only mine' }).press('Enter');
  await lines.filter({ hasText: 'Hers to mend' }).waitFor({ state: 'detached' });
  await lines.filter({ hasText: 'Old firmware -20' }).filter({ hasText: 'yours' }).waitFor();
  await p.reload();
  await p.locator('button[aria-pressed=true]', { hasText: 'Only mine' }).waitFor();
  await lines.filter({ hasText: 'Old firmware -20' }).waitFor();
  assert.equal(await lines.filter({ hasText: 'Hers to mend' }).count(), 0);
  await p.getByRole('button', { name: 'All', exact: true }).press('Enter');
  await lines.filter({ hasText: 'Hers to mend' }).waitFor();
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('sources and warnings can be asked for as the figures do, and say so', async () => {
  const p = await open(world, '/sources?show=silent');
  await p.getByText('Only silent sources are shown.').waitFor();
  await p.getByText('None just now.').waitFor();
  await p.getByRole('link', { name: 'Show all' }).click();
  await p.locator('#main table tbody tr').first().waitFor();
  await p.goto(`${world.url}/warnings?show=waiting`);
  await p.getByRole('link', { name: 'Show all warnings' }).waitFor();
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('axe finds nothing, and nothing scrolls sideways: by day and night, wide and narrow, in nine languages', async () => {
  const p = await today();
  for (const theme of ['light', 'dark', 'contrast']) {
    await p.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);
    for (const width of [1280, 400, 320]) {
      await p.setViewportSize({ width, height: 900 });
      assert.deepEqual(await judge(p), [], `${theme}, ${width}`);
    }
  }
  await p.context().close();
  for (const locale of LANGUAGES) {
    const l = await today({ locale, width: 320 });
    assert.equal(await l.evaluate(() => document.documentElement.lang), locale.slice(0, 2));
    const over = await l.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${locale} scrolls sideways by ${over}`);
    const cut = await l.evaluate(() => [...document.querySelectorAll('.nav li a, .nav .more')].filter((e) => e.offsetParent && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.textContent));
    assert.deepEqual(cut, [], locale);
    assert.deepEqual(l.wrongs, []);
    await l.context().close();
  }
});
