// SPDX-License-Identifier: EUPL-1.2
// The pages of accounts on a real node: one's own account by keyboard alone, a second factor enrolled with codes made here, a role
// that demands one, people made, given roles, suspended and let in again; axe on each of it, in two themes and at two widths.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { judge } from './judge.mjs';
import { until } from './node.mjs';
import { focusOn, open, startNode } from './world.mjs';

const WIDTHS = [1280, 320];
const PASSWORD = 'harbour lamp seven';
let world;
let node;

before(async () => {
  world = await startNode({ attacked: false, roles: { 'guard.yml': 'name: guard\ntitle: Guard\nhelp: Looks, with two factors.\nacts_as: [reader]\nmay: [watch]\nsecond_factor: required\n' } });
  node = world.node;
});
after(() => world?.close());

/** RFC 6238 with HMAC-SHA-1 and six digits, from a key in base 32. */
function codeOf(key, step) {
  const bits = [...key].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const secret = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}
let lastStep = -1;
/** A code that the node has not seen: of this step, or of the next one. */
const fresh = (key) =>
  until('a fresh code', () => {
    const now = Math.floor(Date.now() / 30_000);
    const step = Math.max(now, lastStep + 1);
    if (step > now + 1) return null;
    lastStep = step;
    return codeOf(key, step);
  });

const h1 = (p, text) => p.locator('main h1', { hasText: text }).waitFor();
async function tabTo(p, selector) {
  for (let i = 0; i < 80; i += 1) {
    if (await p.evaluate((s) => document.activeElement?.matches(s), selector)) return;
    await p.keyboard.press('Tab');
  }
  assert.fail(`nothing that fits ${selector} is reached by Tab`);
}
/** The browser notes each answer that refuses; those are what these tests ask for. */
const end = async (p) => {
  assert.deepEqual(p.wrongs.filter((w) => !/status of 40[013] /.test(w)), []);
  await p.context().close();
};
/** axe says nothing, and nothing scrolls sideways, by day and by night, wide and narrow. */
async function fair(p, what) {
  for (const theme of ['light', 'dark']) {
    await p.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);
    for (const width of WIDTHS) {
      await p.setViewportSize({ width, height: 900 });
      assert.deepEqual(await judge(p), [], `${what}, ${theme}, ${width}`);
      const over = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `${what} scrolls sideways by ${over} at ${width}`);
    }
  }
  await p.evaluate(() => { delete document.documentElement.dataset.theme; });
  await p.setViewportSize({ width: 1280, height: 900 });
}
const person = (name, role = 'reader') => node.api('/users', { name, role, password: PASSWORD });
/** Somebody's first step: name and password typed, as on paper. */
async function signIn(name, path = '/account') {
  const p = await open({ ...world, cookie: undefined, browser: world.browser, url: node.url }, `/login?next=${encodeURIComponent(path)}`);
  await p.fill('#name', name);
  await p.fill('#password', PASSWORD);
  await p.click('button[type=submit]');
  return p;
}

test('by keyboard alone: a second factor is enrolled, its recovery codes shown once, and the log-in asks for it', async () => {
  await person('Eva');
  const p = await signIn('Eva', '/alerts');
  await p.locator('#main h1').waitFor();
  await p.keyboard.press('g');
  await p.keyboard.press('m');
  await h1(p, 'Your account');
  await p.locator('#open-enrol').waitFor();
  await fair(p, 'the account without a factor');
  await tabTo(p, '#open-enrol');
  await p.keyboard.press('Enter');
  await focusOn(p, 'enrol-password');
  await p.keyboard.press('Enter');
  await p.locator('#enrol-password-error').waitFor();
  await p.keyboard.type('not this one at all');
  await p.keyboard.press('Enter');
  await p.locator('#enrol-password-error', { hasText: 'another one' }).waitFor();
  await fair(p, 'a wrong password');
  await p.locator('#enrol-password').fill(PASSWORD);
  await p.locator('#enrol-password').focus();
  await p.keyboard.press('Enter');
  await p.locator('svg.qr').waitFor();
  await fair(p, 'the QR code');
  const key = (await p.locator('.enrol .secret code').innerText()).replaceAll(' ', '');
  assert.match(key, /^[A-Z2-7]{32}$/);
  await focusOn(p, 'confirm-code');
  await p.keyboard.type('12');
  await p.keyboard.press('Enter');
  await p.locator('#confirm-code-error').waitFor();
  await p.locator('#confirm-code').fill('');
  await p.locator('#confirm-code').focus();
  await p.keyboard.type(await fresh(key));
  await p.keyboard.press('Enter');
  await p.locator('.codes li').first().waitFor();
  await focusOn(p, /recovery codes/);
  const codes = await p.locator('.codes code').allInnerTexts();
  assert.equal(codes.length, 10);
  await fair(p, 'recovery codes');
  await tabTo(p, '.made .main-act');
  await p.keyboard.press('Enter');
  await p.locator('.chip.is-ok', { hasText: 'on' }).first().waitFor();
  assert.equal(await p.locator('.codes').count(), 0);
  await p.getByText('10 recovery codes are left.').waitFor();
  await fair(p, 'the account with a factor');
  await end(p);

  const q = await signIn('Eva');
  await q.locator('#code').waitFor();
  await fair(q, 'the second step');
  await q.keyboard.type('000'); // the field has the focus
  await q.keyboard.press('Enter');
  await q.locator('#wrong').waitFor();
  await q.locator('#code').fill(codes[0]);
  await q.keyboard.press('Enter');
  await h1(q, 'Your account');
  await q.getByText('9 recovery codes are left.').waitFor();
  // New codes, then given up: both ask for password and code.
  await q.click('#open-anew');
  await q.fill('#anew-password', PASSWORD);
  await q.fill('#anew-code', codes[1]);
  await q.keyboard.press('Enter');
  await q.locator('.codes li').first().waitFor();
  const more = await q.locator('.codes code').allInnerTexts();
  assert.ok(!codes.includes(more[0]));
  await q.click('.made .main-act');
  await q.click('#open-drop');
  await q.fill('#drop-password', PASSWORD);
  await q.fill('#drop-code', more[0]);
  await q.keyboard.press('Enter');
  await q.locator('#open-enrol').waitFor();
  await end(q);
});

test('a role that demands a factor opens nothing but the account, then everything', async () => {
  await person('Gus', 'guard');
  const p = await signIn('Gus', '/alerts');
  await h1(p, 'Your account');
  await p.getByText('Your role needs a second factor').waitFor();
  await p.goto(`${node.url}/alerts`);
  await h1(p, 'Your account');
  await fair(p, 'a factor is needed');
  await p.click('#open-enrol');
  await p.fill('#enrol-password', PASSWORD);
  await p.keyboard.press('Enter');
  await p.locator('svg.qr').waitFor();
  const key = (await p.locator('.enrol .secret code').innerText()).replaceAll(' ', '');
  lastStep = -1;
  await p.fill('#confirm-code', await fresh(key));
  await p.keyboard.press('Enter');
  await p.locator('.codes li').first().waitFor();
  await p.click('.made .main-act');
  await h1(p, 'Alerts'); // where he wanted to go
  await end(p);
});

test('a password is changed and a session ended from the account page', async () => {
  await person('Sam');
  const other = await signIn('Sam');
  await h1(other, 'Your account');
  const p = await signIn('Sam');
  await h1(p, 'Your account');
  const end_ = p.locator('section:has(#sessions-h) li', { hasNot: p.locator('.chip') }).first().locator('button');
  await end_.focus();
  await p.keyboard.press('Enter');
  await p.keyboard.press('Enter');
  await until('one session', async () => (await p.locator('section:has(#sessions-h) li').count()) === 1);
  await p.click('#open-password');
  await p.fill('#password-password', PASSWORD);
  await p.fill('#password-new', 'short');
  await p.keyboard.press('Enter');
  await p.locator('#password-new-error').waitFor();
  await fair(p, 'a password that is too short');
  await p.fill('#password-new', 'another lamp than this');
  await p.keyboard.press('Enter');
  await p.locator('#open-password').waitFor();
  await end(p);
  await other.context().close();
});

test('by keyboard alone: somebody is invited, given a role, suspended, let in again and given a new link', async () => {
  const p = await open(world, '/alerts');
  await p.locator('#main h1').waitFor();
  await p.keyboard.press('g');
  await p.keyboard.press('p');
  await h1(p, 'People');
  await p.locator('table.people').waitFor();
  await fair(p, 'people');
  await p.keyboard.press('n');
  await focusOn(p, 'person-name');
  await p.keyboard.type('Nora Ibáñez');
  await tabTo(p, '#person-role');
  await p.keyboard.press('A');
  await fair(p, 'a new person');
  await tabTo(p, 'form .main-act');
  await p.keyboard.press('Enter');
  await p.locator('.made .secret').waitFor();
  await fair(p, 'a one-time link');
  const link = await p.locator('.made .secret code').innerText();
  assert.match(link, /\/welcome\?token=[0-9a-f]{64}$/);
  await tabTo(p, '.made .main-act');
  await p.keyboard.press('Enter');
  await tabTo(p, '#people-q');
  await p.keyboard.type('nora');
  await until('one row', async () => (await p.locator('table.people tbody tr').count()) === 1);
  assert.match(await p.locator('table.people tbody tr').innerText(), /Nora Ibáñez.*invited/s);
  await tabTo(p, 'table.people a');
  await p.keyboard.press('Enter');
  await h1(p, 'Nora Ibáñez');
  await p.locator('#open-role').waitFor();
  await fair(p, 'a person');
  // She chooses her password with the link, without script.
  const bare = await world.browser.newContext({ javaScriptEnabled: false });
  const w = await bare.newPage();
  await w.goto(link);
  await w.fill('#password', PASSWORD);
  await w.fill('#again', PASSWORD);
  await w.click('button[type=submit]');
  await w.waitForURL(`${node.url}/`);
  await bare.close();
  await p.click('#open-role');
  await focusOn(p, 'role-role');
  await p.selectOption('#role-role', 'auditor');
  await p.fill('#role-why', 'moved to the audit office');
  await fair(p, 'another role');
  await p.keyboard.press('Enter');
  await p.locator('dd', { hasText: 'Auditor' }).waitFor();
  await p.click('#open-disable');
  await p.fill('#disable-why', 'on leave');
  await p.keyboard.press('Enter');
  await p.locator('.chip', { hasText: 'suspended' }).waitFor();
  await fair(p, 'a suspended person');
  await p.getByRole('button', { name: 'Let in again' }).click();
  await p.locator('.chip', { hasText: 'can log in' }).waitFor();
  const twice = p.getByRole('button', { name: /one-time link/ });
  await twice.click();
  await p.getByRole('button', { name: /older links end/ }).click();
  await p.locator('.made .secret').waitFor();
  await end(p);
});

test('an administrator takes away a lost factor; a reader sees no people', async () => {
  await person('Ren');
  const p = await signIn('Ren');
  await p.click('#open-enrol');
  await p.fill('#enrol-password', PASSWORD);
  await p.keyboard.press('Enter');
  await p.locator('svg.qr').waitFor();
  const key = (await p.locator('.enrol .secret code').innerText()).replaceAll(' ', '');
  lastStep = -1;
  await p.fill('#confirm-code', await fresh(key));
  await p.keyboard.press('Enter');
  await p.locator('.codes li').first().waitFor();
  assert.equal(await p.locator('nav a[href="/people"]').count(), 0);
  const a = await open(world, '/people');
  await a.locator('#people-q').fill('Ren');
  await a.locator('table.people a', { hasText: 'Ren' }).click();
  await a.click('#open-factor');
  await a.fill('#factor-why', 'telephone in the river');
  await a.keyboard.press('Enter');
  await a.locator('dd', { hasText: 'none' }).waitFor();
  await end(a);
  const q = await signIn('Ren');
  await h1(q, 'Your account'); // the password alone
  await end(q);
  await p.context().close();
});

test('by keyboard alone: an API token is made and shown once, works, and an administrator ends it', async () => {
  await person('Tess');
  const p = await signIn('Tess');
  await h1(p, 'Your account');
  await p.locator('#open-apitoken').waitFor();
  await tabTo(p, '#open-apitoken');
  await p.keyboard.press('Enter');
  await focusOn(p, 'apitoken-name');
  await p.keyboard.type('nightly report');
  await tabTo(p, '#apitoken-password');
  await p.keyboard.type(PASSWORD);
  await p.keyboard.press('Enter'); // nothing is chosen yet
  await p.locator('#apitoken-scopes-error').waitFor();
  await p.waitForFunction(() => document.activeElement?.matches('#apitoken-scopes input'));
  await fair(p, 'a token without a scope');
  assert.ok(!(await p.locator('#apitoken-scopes').innerText()).includes('people.manage'));
  const watch = await p.locator('#apitoken-scopes label').allInnerTexts();
  for (let i = 0; i < watch.findIndex((s) => s.trim() === 'watch'); i += 1) await p.keyboard.press('Tab');
  await p.keyboard.press('Space');
  await p.locator('#apitoken-password').focus(); // what was typed is still there
  await p.keyboard.press('Enter');
  await p.locator('.made .secret code').waitFor();
  await fair(p, 'a token shown once');
  const token = await p.locator('.made .secret code').innerText();
  assert.match(token, /^sereno_[0-9a-f]{64}$/);
  await tabTo(p, '.made .main-act');
  await p.keyboard.press('Enter');
  await p.locator('section:has(#apitokens-h) li').waitFor();
  assert.ok(!(await p.locator('main').innerText()).includes(token));
  const ask = async (path) => (await fetch(`${node.url}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } })).status;
  assert.equal(await ask('/alerts'), 200);
  assert.equal(await ask('/registers'), 403);
  await fair(p, 'the account with a token');
  const a = await open(world, '/people');
  await a.locator('#people-q').fill('Tess');
  await a.locator('table.people a', { hasText: 'Tess' }).click();
  const end_ = a.locator('section:has(#apitokens-h) li button');
  await end_.waitFor();
  await fair(a, 'a person with a token');
  await end_.focus();
  await a.keyboard.press('Enter');
  await a.keyboard.press('Enter');
  await a.locator('section:has(#apitokens-h) .chip', { hasText: 'ended' }).waitFor();
  assert.equal(await ask('/alerts'), 401);
  await end(a);
  await end(p);
});

test('a list of the personnel office: its faults, what it would do, done and taken back', async () => {
  await person('Lev', 'analyst');
  const a = await open(world, '/people');
  await a.locator('#staff-look').click();
  await a.locator('#staff-file-error').waitFor();
  await a.locator('#staff-file').setInputFiles({ name: 'bad.csv', mimeType: 'text/csv', buffer: Buffer.from('name,role\nKim,king\n') });
  await a.locator('#staff-look').click();
  await a.locator('section:has(#staff-h) td', { hasText: 'no such role' }).waitFor();
  assert.equal(await a.locator('#staff-do').count(), 0);
  await fair(a, 'a list with a fault');
  await a.locator('#staff-file').setInputFiles({ name: 'november.csv', mimeType: 'text/csv', buffer: Buffer.from('name;state;role\nKim;active;reader\nLev;left;\n') });
  await tabTo(a, '#staff-look');
  await a.keyboard.press('Enter');
  await a.locator('#staff-do').waitFor();
  await a.waitForFunction(() => document.activeElement?.textContent.includes('november.csv'));
  await fair(a, 'what a list would do');
  await tabTo(a, '#staff-do');
  await a.keyboard.press('Enter');
  await a.locator('section:has(#staff-h) .secret code').waitFor();
  assert.match(await a.locator('section:has(#staff-h) .secret code').innerText(), /\/welcome\?token=[0-9a-f]{64}$/);
  await a.locator('table.people a', { hasText: 'Kim' }).waitFor();
  await fair(a, 'a list that was done');
  const undo = a.locator('section:has(#staff-h) li button');
  await undo.focus();
  await a.keyboard.press('Enter');
  await a.keyboard.press('Enter');
  await a.locator('section:has(#staff-h) li .chip', { hasText: 'Taken back' }).waitFor();
  await end(a);
});

test('what a list does to records of people is shown before: fields, what stays, what a leaver held', async () => {
  const make = (plural, fields) => node.api(`/registers/${plural}`, { fields });
  const rita = await make('people', { name: 'Rita Vale', staff_number: '9001', office: 'Mayor' });
  const act = await make('appointments', { title: 'Act', person: rita.id, function: 'ciso', act: '7/26', begins: '2026-01-01T08:00:00Z' });
  await node.api(`/registers/appointments/${act.id}/move`, { to: 'signed' }, act.version);
  await make('people', { name: 'Tom Gray', staff_number: '9002', office: 'Clerk' });
  const a = await open(world, '/people');
  const table = a.getByRole('region', { name: 'What becomes of records of people' });
  const csv = 'name,state,role,number,office,mail\nrita,left,,9001,,\ntgray,active,reader,9002,Archivist,tom@town.example\n';
  await a.locator('#staff-file').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
  await a.locator('#staff-look').click();
  const row = (name) => table.locator('tbody tr', { hasText: name });
  await row('Rita Vale').filter({ hasText: 'leaves: the record says so' }).filter({ hasText: 'nobody stands in' }).waitFor();
  await row('Tom Gray').filter({ hasText: 'tom@town.example' }).filter({ hasText: 'stays: Office' }).waitFor();
  assert.equal((await node.api(`/registers/people/${rita.id}`)).state, 'active');
  await fair(a, 'what a list would do to records of people');
  await a.locator('#staff-do').click();
  await a.locator('section:has(#staff-h) h3', { hasText: 'Done' }).waitFor();
  await row('Rita Vale').waitFor();
  assert.equal((await node.api(`/registers/people/${rita.id}`)).state, 'left');
  await end(a);
});

test('a password is changed only by who has one here', async () => {
  const p = await open(world, '/account');
  await p.locator('#open-password').waitFor();
  // Somebody whom a provider knows: the node's answer, but for that.
  await p.route('**/api/v1/account', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), password: false } });
  });
  await p.reload();
  await p.locator('#sessions-h').waitFor();
  await p.locator('#open-enrol').waitFor();
  assert.equal(await p.locator('#password-h, #open-password').count(), 0);
  await end(p);
});

test('an account is said to be a person of the registers, by name, and nobody\'s again; what nobody holds is listed', async () => {
  await person('Uma', 'appointed');
  const record = await node.api('/registers/people', { fields: { name: 'Uma Officer' } });
  const unit = await node.api('/registers/units', { fields: { name: 'Trams office' } });
  const id = (await node.api('/users?q=Uma')).items[0].id;
  const p = await open(world, `/people/${id}`);
  await h1(p, 'Uma');
  await p.locator('#open-person').focus();
  await p.keyboard.press('Enter');
  await focusOn(p, 'person-record');
  await p.keyboard.type('Nobody at all');
  await p.keyboard.press('Enter');
  await p.locator('#person-record-error').waitFor();
  await fair(p, 'a name that is in no record');
  await p.fill('#person-record', 'Uma Officer');
  await p.keyboard.press('Enter');
  await p.getByRole('link', { name: 'open the record' }).waitFor();
  assert.equal((await node.api(`/users/${id}`)).person, record.id);
  await p.locator('#open-person').focus();
  await p.keyboard.press('Enter');
  await focusOn(p, 'person-record');
  await p.keyboard.press('Enter');
  await until('nobody', async () => (await node.api(`/users/${id}`)).person === '');
  await p.goto(`${node.url}/registers/appointments/gaps`);
  await h1(p, 'Functions that nobody holds');
  await p.locator(`#gaps-now ~ div a[href="/registers/units/${unit.id}"]`).waitFor();
  await fair(p, 'functions that nobody holds');
  await end(p);
});

test('in Spanish: account and people say nothing in English', async () => {
  for (const [path, ready] of [['/account', 'section:has(#sessions-h)'], ['/people', 'table.people']]) {
    const p = await open(world, path, { locale: 'es-ES' });
    await p.locator(ready).first().waitFor();
    const text = await p.locator('main').innerText();
    assert.doesNotMatch(text, /\b(the|your|and|with|not|Set|People|Account)\b/, `${path}: ${text}`);
    await end(p);
  }
});
