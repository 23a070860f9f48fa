// SPDX-License-Identifier: EUPL-1.2
// My department on a real node, as an officer by appointment alone and as an administrator: what is asked leads to where it is done, each figure
// opens a list of as many, the report is one sheet; by keyboard, axe by day and night, wide and narrow, in nine languages.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { judge } from './judge.mjs';
import { until } from './node.mjs';
import { open, startNode } from './world.mjs';

const LANGUAGES = ['bg-BG', 'da-DK', 'de-DE', 'en-GB', 'es-ES', 'fr-FR', 'hr-HR', 'it-IT', 'nl-NL'];
const PASSWORD = 'correct lantern battery staple two';
const DAY_MS = 24 * 3600 * 1000;
const day = (offset) => new Date(Date.now() + offset * DAY_MS).toISOString().slice(0, 10);
let world;
let node;
let officer;
const make = (plural, fields, organisation) => node.api(`/registers/${plural}`, { fields, organisation });

async function signIn(name) {
  const context = await world.browser.newContext();
  const page = await context.newPage();
  await page.goto(`${world.url}/login`);
  await page.fill('input[name=name]', name);
  await page.fill('input[name=password]', PASSWORD);
  await page.click('[type=submit]');
  await page.waitForURL(`${world.url}/`);
  const cookie = (await context.cookies()).find((c) => /session/.test(c.name));
  await context.close();
  return { ...world, cookie: `${cookie.name}=${cookie.value}` };
}

before(async () => {
  world = await startNode({ attacked: false });
  node = world.node;
  const city = await make('organisations', { name: 'Lantern', code: 'lantern', type: 'city' }, 'lantern');
  const works = await make('organisations', { name: 'Works', code: 'lantern/works', type: 'department', parent: city.id }, 'lantern');
  const unit = await make('units', { name: 'Works office', part_of: works.id }, 'lantern');
  await make('units', { name: 'Pump hall', part_of: works.id }, 'lantern/works');
  const ada = await make('people', { name: 'Ada Works' }, 'lantern');
  const ben = await make('people', { name: 'Ben Deputy' }, 'lantern');
  const account = await node.api('/users', { name: 'Ada', password: PASSWORD, role: 'appointed', organisation: 'lantern' });
  await node.api(`/users/${account.id}/person`, { person: ada.id });
  const appointment = await make('appointments', { title: 'Officer of the works', person: ada.id, deputy: ben.id, unit: unit.id, function: 'security_officer', act: '7/26', begins: '2026-01-01T08:00:00Z', ends: '2031-01-01T08:00:00Z' }, 'lantern');
  await node.api(`/registers/appointments/${appointment.id}/move`, { to: 'signed' }, appointment.version);
  const system = await make('systems', { name: 'Pump control', domain: 'OT', address: 'gate-1', availability: 'high', integrity: 'high', confidentiality: 'low' }, 'lantern/works');
  await node.api(`/registers/systems/${system.id}/move`, { to: 'live' }, system.version);
  const service = await make('services', { name: 'Water', priority: 1, citizens: 212000, rto_minutes: 240, tested: day(-400), systems: [system.id] }, 'lantern/works');
  await node.api(`/registers/services/${service.id}/move`, { to: 'live' }, service.version);
  for (let i = 0; i < 3; i += 1) await make('findings', { title: `Old firmware ${i}`, origin: 'audit', severity: 'high', found: day(-30), due: day(i * 3 - 2), owner: 'Ada' }, 'lantern/works');
  await make('findings', { title: 'Elsewhere', origin: 'audit', severity: 'high', found: day(-30), due: day(-2) }, 'lantern');
  await make('risks', { title: 'The pumps stand still', scenario: 'Somebody cuts the link.', likelihood: 3, impact: 4 }, 'lantern/works');
  await make('waivers', { title: 'Old browser', what: 'It stays.', why: 'Until it is replaced.', until: day(3) }, 'lantern/works');
  await node.refusal('gate-1');
  await until('an alert of the pump', async () => (await node.api('/alerts?host=gate-1')).items.length > 0);
  officer = await signIn('Ada');
});
after(() => world?.close());

/** How the node as a whole is an appointment does not open: that refusal is no fault of the page. */
const wrongs = (p) => p.wrongs.filter((w) => !/status of 403/.test(w));

async function me(who, options, path = '/me') {
  const p = await open(who, path, options);
  await p.locator(path.includes('report') ? '#me-sheet' : '#me-figures').waitFor();
  return p;
}

test('an officer by appointment sees his department, and only that', async () => {
  const p = await me(officer);
  await p.locator('.lead', { hasText: 'lantern/works' }).waitFor();
  const asked = await p.locator('.me-tasks li').allInnerTexts();
  for (const wanted of [/Have “Old firmware 0” mended by/, /Weigh the risk “The pumps stand still”/, /Decide on the exception “Old browser”/, /Say who answers for the service “Water”/, /Try by .* whether “Water” comes back/, /Nobody holds “Security officer” in Pump hall/]) {
    assert.ok(asked.some((x) => wanted.test(x)), `${wanted}: ${asked.join('|')}`);
  }
  assert.ok(!asked.some((x) => /Elsewhere/.test(x)));
  const own = await p.locator('section[aria-labelledby=me-own]').innerText();
  assert.match(own, /Works office · act 7\/26[\s\S]*From .*2026.* until .*2031[\s\S]*Stands in: Ben Deputy/);
  await p.locator('section[aria-labelledby=me-alerts]', { hasNotText: 'does not read alerts' }).waitFor(); // by the appointment
  await p.getByRole('link', { name: 'Say who answers for the service “Water”.' }).click();
  await p.waitForURL(/\/registers\/services\/[0-9a-f-]{36}\/edit$/);
  assert.deepEqual(wrongs(p), []);
  await p.context().close();
});

test('each figure opens a list of as many; by keys there and back', async () => {
  const q = await me(officer);
  const figures = await q.locator('section[aria-labelledby=me-figures] a.fig').evaluateAll((all) => all.map((a) => ({ href: a.getAttribute('href'), n: Number(/\d+/.exec(a.textContent)[0]) })));
  assert.ok(figures.length >= 6, JSON.stringify(figures));
  assert.ok(figures.some((f) => /findings\?state=open&organisation=lantern%2Fworks/.test(f.href) && f.n === 3), JSON.stringify(figures));
  for (const f of figures) {
    await q.locator(`section[aria-labelledby=me-figures] a.fig[href="${f.href}"]`).focus();
    await q.keyboard.press('Enter');
    await q.waitForURL(`${world.url}${f.href}`);
    await q.locator('.reg-states a[aria-current=true] .n').filter({ hasText: /\d/ }).waitFor();
    await until(`${f.n} rows at ${f.href}`, async () => (await q.locator('#main table tbody tr').count()) === f.n);
    await q.evaluate(() => document.activeElement?.blur());
    await q.keyboard.press('g');
    await q.keyboard.press('d');
    await q.waitForURL(`${world.url}/me`);
    await q.locator('#me-figures').waitFor();
  }
  assert.deepEqual(wrongs(q), []);
  await q.context().close();
});

test('who follows the watch sees open alerts of his systems, and the figure opens them', async () => {
  const p = await me(world);
  const figure = p.locator('section[aria-labelledby=me-alerts] a.fig');
  await figure.waitFor();
  const n = Number(/\d+/.exec(await figure.innerText())[0]);
  await figure.click();
  await p.waitForURL(/\/alerts\?q=/);
  await p.locator('.queue tbody tr').first().waitFor();
  assert.equal((await node.api('/alerts?status=open&host=gate-1')).items.length, n);
  await p.context().close();
});

test('the report is one sheet of paper, with its label at head and foot', async () => {
  const p = await me(officer, {}, '/me/report');
  await p.emulateMedia({ media: 'print' });
  assert.equal(await p.locator('.me-sheet .tlp').count(), 2);
  assert.equal(await p.locator('.nav').isVisible(), false);
  const pdf = (await p.pdf({ preferCSSPageSize: true })).toString('latin1');
  assert.equal((pdf.match(/\/Type\s*\/Page\b(?!s)/g) ?? []).length, 1, 'one page');
  await p.context().close();
});

test('nothing asked: it says so, and that it looked', async () => {
  const other = await node.api('/users', { name: 'Nobody', password: PASSWORD, role: 'appointed', organisation: 'lantern' });
  assert.ok(other.id);
  const p = await open(await signIn('Nobody'), '/me');
  await p.getByText('Nothing asked of you').waitFor();
  await p.getByText('No appointment and no role of your account opens a department now.').waitFor();
  assert.deepEqual(await judge(p), []);
  await p.context().close();
});

test('the account page says what one is appointed to, until when, by whom one is stood in for, and what it opens', async () => {
  const p = await open(officer, '/account');
  const own = p.locator('section[aria-labelledby=appointed-h]');
  await own.getByText('Opens there: seeing alerts, searches and sources, reading its records, making and changing records').waitFor();
  assert.match(await own.innerText(), /Security officer[\s\S]*act 7\/26[\s\S]*From .*2026.* until .*2031[\s\S]*Stands in: Ben Deputy/);
  assert.equal(await own.getByRole('link').count(), 0); // the act is the town's record, which an officer of the works does not read
  assert.deepEqual(await judge(p), []);
  if (process.env.SHOTS) await p.screenshot({ path: `${process.env.SHOTS}/account.png`, fullPage: true });
  await p.context().close();
});

test('the bar says what the account hears, and never that a connection is missing where nothing was asked for', async () => {
  const p = await open(officer, '/me');
  await p.locator('.watch', { hasText: 'Connected to the node.' }).waitFor(); // alerts come, numbers of the whole node do not
  assert.equal(await p.locator('.watch.still').count(), 0);
  await p.context().close();
  const made = await node.api('/users', { name: 'Later', password: PASSWORD, role: 'appointed', organisation: 'lantern' });
  const row = await make('people', { name: 'Later Officer' }, 'lantern');
  await node.api(`/users/${made.id}/person`, { person: row.id });
  const q = await open(await signIn('Later'), '/me');
  await q.clock.install();
  const asked = [];
  q.on('request', (r) => asked.push(new URL(r.url()).pathname));
  await q.reload();
  await q.locator('.watch', { hasText: 'Your account does not read alerts now.' }).waitFor();
  await q.clock.runFor(30_000);
  assert.equal(await q.locator('.watch', { hasText: 'Your account does not read alerts now.' }).count(), 1);
  assert.deepEqual(asked.filter((a) => /stream|status/.test(a)), []);
  // Somebody signs his appointment: the page hears of it by itself.
  const act = await make('appointments', { title: 'Later', person: row.id, function: 'data_protection_officer', act: '8/26', begins: '2026-01-01T08:00:00Z', ends: '2031-01-01T08:00:00Z' }, 'lantern');
  await node.api(`/registers/appointments/${act.id}/move`, { to: 'signed' }, act.version);
  await q.clock.runFor(61_000);
  await q.locator('.watch', { hasText: 'Connected to the node.' }).waitFor();
  await q.context().close();
});

test('axe finds nothing, and nothing scrolls sideways: by day and night, wide and narrow, in nine languages', async () => {
  for (const path of ['/me', '/me/report']) {
    const p = await me(officer, {}, path);
    for (const theme of ['light', 'dark', 'contrast']) {
      await p.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);
      for (const width of [1280, 320]) {
        await p.setViewportSize({ width, height: 900 });
        assert.deepEqual(await judge(p), [], `${path}, ${theme}, ${width}`);
        if (process.env.SHOTS) await p.screenshot({ path: `${process.env.SHOTS}/me${path.includes('report') ? '-report' : ''}-${theme}-${width}.png`, fullPage: true });
      }
    }
    await p.context().close();
  }
  for (const locale of LANGUAGES) {
    const l = await me(officer, { locale, width: 320 });
    const over = await l.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${locale} scrolls sideways by ${over}`);
    assert.deepEqual(wrongs(l), []);
    await l.context().close();
  }
});
