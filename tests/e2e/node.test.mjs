// SPDX-License-Identifier: EUPL-1.2
// The first hour with a real node, in the order in which a person meets it: set-up without JavaScript, the empty page
// and the line it offers, the recorded attack, why each alert fired, a live alert, sources, tokens, sign-out, sign-in.
// The tests build on one another; what the page does with an alert is tested in e2e.test.mjs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { WIDTHS, judge } from './judge.mjs';
import { ADMIN, REPO, setUp, until } from './node.mjs';
import { open, startNode } from './world.mjs';

const run = promisify(execFile);
const LIVE_LIMIT_MS = 60_000; // far beyond what anybody should see; the time itself is printed
let world;
let node;

before(async () => {
  world = await startNode({ setup: false });
  node = world.node;
});
after(() => world?.close());

const alerts = async (query = 'status=all&limit=100') => (await node.api(`/alerts?${query}`)).items;
const titled = (title, more = () => true) => until(`an alert "${title}"`, async () => (await alerts()).find((a) => a.rule.title === title && more(a)));
const end = async (page) => {
  assert.deepEqual(page.wrongs, []);
  await page.context().close();
};

/** The pages that work without JavaScript, by eye of axe and ruler. axe itself needs JavaScript, the pages do not. */
async function plainPage(path, ready) {
  for (const theme of ['light', 'dark']) {
    const context = await world.browser.newContext({ colorScheme: theme });
    const page = await context.newPage();
    await page.goto(path);
    await page.locator(ready).waitFor();
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      assert.deepEqual(await judge(page), [], `${path}, ${theme}, ${width} px`);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `${path} scrolls sideways by ${over} px at ${width} px`);
    }
    await context.close();
  }
}

test('before set-up: nobody gets in, a wrong link is refused, the right one shows a form that axe likes', async () => {
  assert.equal((await fetch(`${node.url}/api/v1/alerts`)).status, 401);
  const wrong = await fetch(node.setupUrl.replace(/.$/, (c) => (c === '0' ? '1' : '0')));
  assert.equal(wrong.status, 403);
  await plainPage(node.setupUrl, 'form');
});

test('set-up: mistakes are told in the form, then the administrator is made, and the link is dead', async () => {
  const context = await world.browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(node.setupUrl);
  for (const [password, again] of [['short', 'short'], [ADMIN.password, `${ADMIN.password}s`]]) {
    await page.fill('#name', ADMIN.name);
    await page.fill('#password', password);
    await page.fill('#again', again);
    await page.click('button[type=submit]');
    await page.locator('.wrong').waitFor();
    assert.equal(await page.inputValue('#name'), ADMIN.name);
    assert.equal(await page.inputValue('#password'), '');
  }
  await context.close();
  await setUp(node, world.browser);
  assert.equal((await node.api('/session')).user.name, ADMIN.name);
  assert.equal((await fetch(node.setupUrl)).status, 403);
});

test('the line that the empty page offers raises the alert that it promises', async () => {
  const page = await open(world, '/alerts');
  await page.locator('.empty .curl').waitFor();
  await page.locator('.empty a.main-act').click();
  await page.fill('#token-name', 'first light');
  await page.fill('#token-source', 'first-light');
  await page.click('.token-form [type=submit]');
  const line = await page.locator('.made .curl pre').innerText();
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await page.locator('.empty').waitFor();
  const { stdout } = await run('/bin/sh', ['-c', line]);
  assert.deepEqual(JSON.parse(stdout), { kept: 1, bad: 0 });
  // The page that waits shows it by itself.
  const row = page.locator('.queue a.row');
  await row.getByText('Sudo Refused by Policy').waitFor();
  await row.click();
  await page.locator('.drawer h2').getByText('Sudo Refused by Policy').waitFor();
  const alert = await titled('Sudo Refused by Policy');
  assert.equal(alert.host, 'first-light');
  assert.equal(alert.user, 'guest');
  assert.equal(alert.source.name, 'first-light');
  await page.locator('.drawer .why mark').getByText('user NOT in sudoers').first().waitFor();
  await end(page);
});

test('the recorded attack by syslog: every alert says why, and its marks stand where they say', async () => {
  await node.attack('ssh');
  await titled('Log Files Cleared Through Sudo');
  const list = (await alerts()).filter((a) => a.source.name === 'firewall-room');
  assert.ok(list.length >= 10, `${list.length} alerts`);
  let marks = 0;
  for (const { id } of list) {
    const a = await node.api(`/alerts/${id}`);
    assert.equal(a.host, 'lantern', a.rule.title);
    assert.ok(a.why.length > 0, `${a.rule.title} says why`);
    assert.equal(a.rule_detail.text.includes(`id: ${a.rule.id}`), true, `${a.rule.title} brings its rule`);
    assert.deepEqual(a.history.map((h) => h.what), ['created']);
    for (const w of a.why) {
      if (w.selection !== 'correlation' && w.field === null) assert.ok(a.record.text.includes(w.value), `${a.rule.title}: ${w.value}`);
      for (const [from, to] of w.marks) {
        marks += 1;
        const marked = w.value.slice(from, to).toLowerCase();
        assert.ok(from < to && to <= w.value.length);
        if (['contains', 'equals', 'starts with', 'ends with'].includes(w.operator) && !/[*?\\]/.test(w.wanted)) {
          assert.equal(marked, w.wanted.toLowerCase(), `${a.rule.title}: ${w.operator}`);
        }
      }
    }
  }
  assert.ok(marks >= list.length / 2, `${marks} marks`);
});

test('the attack on a web server, whose access lines come in syslog frames', async () => {
  await node.attack('web');
  for (const title of ['SQL Injection Attempt in a Request', 'Web Shell Answered']) {
    const a = await titled(title);
    assert.deepEqual([a.host, a.source.name, a.source.category], ['lantern', 'firewall-room', 'webserver']);
  }
});

test('the same by HTTP, as the journal wrote it: the alerts name their own source', async () => {
  const before = (await alerts()).length;
  const body = readFileSync(join(REPO, 'tests/data/attack/journal.ndjson'));
  const lines = body.toString('utf8').trim().split('\n').length;
  assert.deepEqual(await node.post(body), { status: 200, body: { kept: lines, bad: 0 } });
  const a = await titled('Log Files Cleared Through Sudo', (x) => x.source.name === 'posted');
  assert.equal(a.host, 'lantern');
  assert.ok((await alerts()).length > before);
});

test('a live alert: from the moment it is sent to the moment it is on the page', async (t) => {
  const page = await open(world, '/alerts');
  await page.locator('.watch[data-live]').waitFor();
  const times = [];
  for (let i = 0; i < 5; i += 1) {
    const seen = page.locator('.queue .c-w').getByText(`live-${i}`, { exact: true }).first().waitFor({ timeout: LIVE_LIMIT_MS });
    const from = performance.now();
    await node.refusal(`live-${i}`);
    await seen;
    times.push(performance.now() - from);
  }
  times.sort((a, b) => a - b);
  const said = `from send to visible: median ${times[2].toFixed(0)} ms, worst ${times[4].toFixed(0)} ms of ${times.length}`;
  t.diagnostic(said);
  console.log(said);
  await end(page);
});

test('two people: the slower one is told, nothing is overwritten', async () => {
  await node.refusal('contested');
  const { id, revision } = await titled('Sudo Refused by Policy', (a) => a.host === 'contested');
  const page = await open(world, '/alerts?q=status%3Aopen+host%3Acontested');
  await page.locator('.queue a.row').first().waitFor();
  const other = await world.browser.newContext();
  await other.addCookies([{ name: node.cookie.split('=')[0], value: node.cookie.split('=')[1], url: node.url }]);
  const { csrf } = await node.api('/session');
  const post = (what, body) =>
    other.request.post(`${node.url}/api/v1/alerts/${id}/${what}`, { data: body, headers: { 'X-Sereno-CSRF': csrf, Origin: node.url } });
  assert.equal((await post('acknowledge', { revision })).status(), 200);
  // Told by the stream, the row changes where it stands.
  await page.locator('.queue .chip.is-ack').waitFor();
  const stale = await post('close', { revision, reason: 'duplicate', note: '' });
  assert.equal(stale.status(), 409);
  assert.equal((await node.api(`/alerts/${id}`)).status, 'acknowledged');
  await other.close();
  await end(page);
});

test('sources: each with its own name, kind and count, as the node counts them', async () => {
  const page = await open(world, '/sources');
  await page.locator('table.plain').first().waitFor();
  const { items } = await node.api('/sources');
  assert.deepEqual(items.map((s) => [s.name, s.kind]).sort(), [['firewall-room', 'syslog-tcp'], ['first-light', 'http'], ['posted', 'http']]);
  for (const s of items) {
    assert.ok(s.events > 0, `${s.name}: ${s.events}`);
    await page.locator('table.plain th').getByText(s.name, { exact: true }).first().waitFor();
  }
  await end(page);
});

test('a token works until it is revoked', async () => {
  const page = await open(world, '/sources?new=token');
  await page.fill('#token-name', 'mail server');
  await page.fill('#token-source', 'posted');
  await page.click('.token-form [type=submit]');
  const secret = await page.locator('.secret code').textContent();
  await until('the token to be known', async () => (await node.post('{"a":1}\n', secret)).status === 200);
  await page.locator('.made .main-act').click();
  assert.ok(!(await page.content()).includes(secret));
  await page.getByRole('button', { name: 'Revoke the token mail server' }).click();
  await page.getByRole('button', { name: 'Press again to revoke the token mail server' }).click();
  await page.locator('tbody').getByText('mail server').waitFor({ state: 'detached' });
  await until('the token to be refused', async () => (await node.post('{"a":1}\n', secret)).status === 401);
  await end(page);
});

test('signing out ends the session; signing in again leads back to where one was', async () => {
  const page = await open(world, '/alerts');
  await page.locator('.queue tbody tr').first().waitFor();
  await page.locator('.nav .more').click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('**/login');
  assert.equal((await fetch(`${node.url}/api/v1/session`, { headers: { Cookie: node.cookie } })).status, 401);
  await page.goto(`${node.url}/sources`);
  await page.waitForURL('**/login?next=*');
  await page.fill('#name', ADMIN.name);
  await page.fill('#password', 'not the password at all');
  await page.click('button[type=submit]');
  await page.locator('.wrong').waitFor();
  await page.fill('#password', ADMIN.password);
  await page.click('button[type=submit]');
  await page.waitForURL(`${node.url}/sources`);
  await page.locator('table.plain').first().waitFor();
  await page.context().close();
  await plainPage(`${node.url}/login`, 'form');
});

test('SIGTERM: the node says good-bye and ends with 0', async () => {
  assert.equal(await node.stop(), 0);
  assert.match(node.log, /node\.stopped status=0/);
});
