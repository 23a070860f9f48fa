// SPDX-License-Identifier: EUPL-1.2
// What a reader does at the desk, in a real browser. Nothing here sleeps: each step waits for what it
// brings about. Runs on the mock, or on a running node (see README.md).
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { open, startWorld } from './world.mjs';

let world;
let page;
const mockOnly = (t) => {
  if (!world.onNode) return false;
  t.skip('only the mock can bring this about');
  return true;
};

before(async () => {
  world = await startWorld();
});
after(() => world?.close());
beforeEach(async () => {
  await world.reset();
});

const start = async (path = '/alerts', options = {}) => {
  page = await open(world, path, options);
  if (path.startsWith('/alerts')) await page.locator('.queue tbody tr, .empty').first().waitFor();
  return page;
};
/** Every test ends here: the page must not have complained, not about the CSP either. */
const end = async () => {
  assert.deepEqual(page.wrongs, []);
  await page.context().close();
};
const press = async (...keys) => {
  for (const k of keys) await page.keyboard.press(k);
};
/** `f`, and its form has the focus: a busy machine is slower than a machine that types. */
const startClosing = async () => {
  await press('f');
  await page.locator('.close-form :focus').waitFor();
};
const currentKey = () => page.evaluate(() => document.querySelector('tr:has(a.row[aria-current])')?.dataset.key ?? null);
const keysOfRows = () => page.evaluate(() => [...document.querySelectorAll('.queue tbody tr')].map((r) => r.dataset.key));
const until = (f, arg) => page.waitForFunction(f, arg);
const focusOn = (want) => until((w) => (document.activeElement?.closest('tr')?.dataset.key ?? document.activeElement?.id) === w, want);
/** Filters down to single alerts whose state the test may change. */
const rowOf = (key) => page.locator(`tr[data-key="${key.replace(/["\\]/g, '\\$&')}"]`);

test('j and k walk the rows, stop at both ends, and take the focus along', async () => {
  await start();
  const rows = await keysOfRows();
  assert.ok(rows.length >= 3);
  await press('j');
  assert.equal(await currentKey(), rows[0]);
  await focusOn(rows[0]);
  await press('k');
  assert.equal(await currentKey(), rows[0]);
  await press('j', 'j');
  assert.equal(await currentKey(), rows[2]);
  await press('k');
  assert.equal(await currentKey(), rows[1]);
  for (let i = 0; i < rows.length + 2; i += 1) await press('j');
  assert.equal(await currentKey(), rows[rows.length - 1]);
  await end();
});

test('Enter opens the drawer under its own URL, j keeps it open, Escape goes back to the row', async () => {
  await start();
  await press('j', 'Enter');
  await page.locator('.drawer h2').waitFor();
  await until(() => /^\/alerts\/.+/.test(location.pathname));
  const first = await page.evaluate(() => location.pathname);
  await press('j');
  await until((p) => location.pathname !== p, first);
  const row = await currentKey();
  const title = await page.locator('.drawer h2').textContent();
  assert.equal(await rowOf(row).locator('a.row').textContent(), title);
  await press('Escape');
  await page.locator('.drawer').waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => location.pathname), '/alerts');
  await focusOn(row);
  await end();
});

test('a link to an alert opens its drawer, marks its row, and survives a reload', async () => {
  await start();
  await press('j', 'j', 'Enter');
  await page.locator('.why li, .drawer .sect').first().waitFor();
  const url = page.url();
  const row = await currentKey();
  await page.reload();
  await page.locator('.drawer .sect').first().waitFor();
  assert.equal(page.url(), url);
  await until((k) => document.querySelector('tr:has(a.row[aria-current])')?.dataset.key === k, row);
  await page.goBack();
  await page.locator('.drawer').waitFor({ state: 'detached' });
  await end();
});

test('why it fired: what was asked, the bytes with marks, the rule, the record', async () => {
  // On a node the first row may be a correlation, which matched no bytes of its record.
  await start(world.onNode ? '/alerts?q=status%3Aopen+%22Log+Files+Cleared%22' : '/alerts');
  await press('j', 'Enter');
  await page.locator('.why li').first().waitFor();
  assert.ok((await page.locator('.why li .rule code').count()) > 0);
  const marked = await page.locator('.why mark').allTextContents();
  assert.ok(marked.length > 0 && marked.every((m) => m.length > 0));
  await page.locator('.drawer details summary').click();
  await page.getByText('detection:').waitFor();
  assert.ok((await page.locator('pre.record').textContent()).length > 0);
  await end();
});

test('a hostile record is shown as text: nothing runs, nothing hides', async (t) => {
  if (mockOnly(t)) return;
  await start('/alerts?q=status%3Aopen+%22hides+its+ending%22');
  await press('j', 'Enter');
  await page.locator('.why li').first().waitFor();
  const text = await page.locator('.drawer').textContent();
  assert.ok(text.includes('⟨U+202E⟩'));
  assert.ok(!text.includes('\u202e'));
  assert.ok(text.includes('<script>alert(1)</script>'));
  await page.locator('.drawer details summary').click();
  assert.equal(await page.locator('.drawer a[href^="javascript"]').count(), 0);
  await page.getByRole('button', { name: 'As received' }).click();
  assert.ok((await page.locator('pre.record').textContent()).includes('18446744073709551615'));
  await end();
});

test('a acknowledges, z takes it back, and the node agrees', async () => {
  await start('/alerts?q=status%3Anew');
  await press('j');
  const [key, before] = [await currentKey(), await keysOfRows()];
  await press('a');
  await page.locator('.toast').waitFor();
  await until((k) => !document.querySelector(`tr[data-key="${CSS.escape(k)}"]`), key);
  // The row left the view of new ones: the next one is current and has the focus.
  await focusOn(before[1]);
  await press('z');
  await rowOf(key).waitFor();
  await page.getByText('as it was before').or(page.getByText('as they were before')).waitFor();
  await page.reload();
  await rowOf(key).waitFor();
  await end();
});

test('f closes with a reason and a note; r reopens; the history tells', async () => {
  await start();
  await press('j', 'Enter');
  await page.locator('.drawer .sect').first().waitFor();
  const [url, key] = [page.url(), await currentKey()];
  await press('f');
  await page.locator('.close-form').waitFor();
  await press('Enter');
  await page.locator('.close-form .error').waitFor();
  await press('3');
  assert.equal(await page.locator('input[value=benign]').isChecked(), true);
  await page.fill('#close-note', 'The backup job, known since spring.');
  await page.locator('#close-note').press('Control+Enter');
  await page.locator('.toast').waitFor();
  await until((k) => !document.querySelector(`tr[data-key="${CSS.escape(k)}"]`), key);
  // The drawer goes on to the next alert.
  await until((u) => location.href !== u, url);
  await page.goto(url);
  await page.locator('.history .note').getByText('The backup job, known since spring.').first().waitFor();
  const reopened = page.locator('.history').getByText('Reopened'); // what was taken back before is told so as well
  const before = await reopened.count();
  await press('r');
  await page.locator('.drawer .chip.is-new').waitFor();
  await reopened.nth(before).waitFor();
  await end();
});

test('closing is undone for all alerts of a group', async (t) => {
  if (mockOnly(t)) return;
  await start('/alerts?q=status%3Aopen+%22Encoded+PowerShell%22');
  await press('j', 'f', '2', 'Enter');
  await page.locator('.toast').getByText('7 alerts').waitFor();
  await page.locator('.empty').or(page.locator('.queue')).first().waitFor();
  await press('z');
  await page.locator('.queue .sub').getByText('7 alerts').waitFor();
  const { log } = await world.tell('/mock/log');
  assert.equal(log.filter((l) => l.what === 'close').length, 7);
  assert.equal(log.filter((l) => l.what === 'reopen').length, 7);
  // One of the seven had been acknowledged, and is again.
  assert.equal(log.filter((l) => l.what === 'acknowledge').length, 1);
  await end();
});

test('x selects, Shift x selects up to here, acts count what they do', async () => {
  await start();
  await press('j', 'x', 'j', 'j', 'Shift+X');
  await page.locator('.bulk').waitFor();
  assert.equal(await page.locator('.queue tbody input:checked').count(), 3);
  await press('Escape');
  await page.locator('.bulk').waitFor({ state: 'detached' });
  assert.equal(await page.locator('.queue tbody input:checked').count(), 0);
  await page.locator('.queue thead input').click();
  assert.equal(await page.locator('.queue tbody input:checked').count(), await page.locator('.queue tbody tr').count());
  await page.locator('.queue thead input').click();
  await end();
});

test('groups open and fold, by key and by button', async (t) => {
  await start();
  const toggle = page.locator('.queue .tw').first();
  if ((await toggle.count()) === 0) return t.skip('no two alerts of one rule on one host');
  await toggle.click();
  await page.locator('tr.kid').first().waitFor();
  await press('ArrowLeft');
  await page.locator('tr.kid').first().waitFor({ state: 'detached' });
  await press('ArrowRight');
  await page.locator('tr.kid').first().waitFor();
  await press('j');
  assert.match(await currentKey(), /^a:/);
  await press('ArrowLeft');
  assert.match(await currentKey(), /^g:/);
  return end();
});

test('at the top with nothing in hand a new alert appears at once', async (t) => {
  if (!world.canSend) return t.skip('SERENO_SEND is not set');
  await start('/alerts?q=status%3Aopen');
  await until(() => document.querySelector('.watch[data-live]'));
  const n = await page.locator('.nav .n').textContent();
  await world.newAlert({ host: 'brand-new-host' });
  await until((was) => document.querySelector('.nav .n').textContent !== was, n);
  assert.equal(await page.locator('.fresh .btn').count(), 0);
  if (!world.onNode) await page.locator('.queue .c-w').getByText('brand-new-host').first().waitFor();
  return end();
});

test('with a row in hand new alerts wait, n shows them, and the place is kept', async (t) => {
  if (!world.canSend) return t.skip('SERENO_SEND is not set');
  await start();
  await until(() => document.querySelector('.watch[data-live]'));
  await press('j', 'j');
  const key = await currentKey();
  const before = await keysOfRows();
  for (let i = 0; i < 4; i += 1) await world.newAlert({ host: `waiting-${i}` });
  await page.locator('.fresh .btn').getByText('4 new').waitFor();
  assert.match(await page.title(), /^4 new/);
  assert.deepEqual(await keysOfRows(), before);
  await press('n');
  await page.locator('.fresh .btn').waitFor({ state: 'detached' });
  assert.equal(await currentKey(), key);
  assert.ok((await keysOfRows()).length >= before.length);
  return end();
});

test('what someone else does changes the row where it stands', async (t) => {
  if (mockOnly(t)) return;
  await start('/alerts?q=status%3Anew');
  await until(() => document.querySelector('.watch[data-live]'));
  await press('j');
  const key = await currentKey();
  const id = await rowOf(key).getAttribute('data-id');
  const before = await keysOfRows();
  await world.tell('/mock/other', { id });
  await rowOf(key).locator('.chip.is-ack').waitFor();
  assert.deepEqual(await keysOfRows(), before);
  await end();
});

test('409: nothing is overwritten, the row shows what is true, the message says it', async (t) => {
  if (mockOnly(t)) return;
  await start('/alerts?q=status%3Aopen+%22Security+log+cleared%22');
  await press('j');
  const id = await rowOf(await currentKey()).getAttribute('data-id');
  await startClosing();
  await page.locator('.drawer .why').first().waitFor(); // asked for before the other was faster, or there is nothing to refuse
  await world.tell('/mock/other', { id, silent: true });
  await press('1', 'Enter');
  await page.locator('.toast.wrong').getByText('Someone else was faster').waitFor();
  await page.locator('.drawer .chip.is-ack').waitFor();
  await page.locator('.queue .sub').getByText('Acknowledged').waitFor();
  const { log } = await world.tell('/mock/log');
  assert.deepEqual(log, []);
  await end();
});

test('a refusal puts the alert back and says what to do', async (t) => {
  if (mockOnly(t)) return;
  await start('/alerts?q=status%3Anew+%22Security+log+cleared%22');
  await world.tell('/mock/fail', { count: 1 });
  await press('j', 'a');
  await page.locator('.toast.wrong').getByText('Try again in a moment').waitFor();
  await page.locator('.queue .chip.is-new').waitFor();
  await end();
});

test('the filter: / goes to it, words filter, the URL keeps it, Back undoes it', async () => {
  await start();
  const all = (await keysOfRows()).length;
  await press('/');
  await focusOn('q');
  await page.fill('#q', 'status:open level:critical,high');
  await page.keyboard.press('Enter');
  await until(() => location.search.includes('level'));
  await until((n) => document.querySelectorAll('.queue tbody tr').length < n || document.querySelector('.empty'), all);
  const words = await page.locator('.queue tbody .c-v').allTextContents();
  assert.ok(words.every((w) => /Critical|High/.test(w)));
  await page.reload();
  assert.equal(await page.inputValue('#q'), 'status:open level:critical,high');
  await page.goBack();
  await until((n) => document.querySelectorAll('.queue tbody tr').length === n, all);
  await page.fill('#q', 'age:3 level:loud');
  await page.locator('#q').press('Enter');
  await page.getByText('Not understood and left out: age:3 level:loud').waitFor();
  await end();
});

test('letters typed into a field are letters', async () => {
  await start();
  await press('/');
  await page.fill('#q', '');
  await page.keyboard.type('jkxafrz?g');
  assert.equal(await page.inputValue('#q'), 'jkxafrz?g');
  assert.equal(await currentKey(), null);
  assert.equal(await page.locator('dialog[open], .toast').count(), 0);
  await press('Escape');
  await until(() => document.activeElement?.id !== 'q');
  await end();
});

test('nothing matches: says so, counts what is open, gives the way back', async () => {
  await start('/alerts?q=status%3Aopen+zzzznothing');
  await page.locator('.empty').getByText('Nothing matches this filter').waitFor();
  await page.locator('.empty button').click();
  await page.locator('.queue tbody tr').first().waitFor();
  await end();
});

test('? shows every key and turns single letters off', async () => {
  await start();
  await press('?');
  await page.locator('dialog[open] .keys').waitFor();
  assert.ok((await page.locator('.keys dt').count()) >= 18);
  await page.locator('dialog .check input').uncheck();
  await press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  await press('j', 'a', 'x');
  assert.equal(await currentKey(), null);
  await page.reload();
  await page.locator('.queue tbody tr').first().waitFor();
  await press('j');
  assert.equal(await currentKey(), null);
  await end();
});

test('g a, g s, g r go to the pages', async () => {
  await start();
  await press('g', 's');
  await page.locator('h1').getByText('Sources').waitFor();
  await press('g', 'r');
  await page.locator('h1').getByText('Rules').waitFor();
  assert.equal(await page.title(), 'Rules · Sereno');
  await press('g', 'a');
  await page.locator('.queue').waitFor();
  await end();
});

test('Ctrl K finds pages, acts and alerts, without accents, and does what it says', async () => {
  await start();
  await press('j', 'Control+k');
  await page.locator('dialog.palette').waitFor();
  await page.keyboard.type('acknow');
  await page.locator('.palette li[aria-selected=true]').getByText('Acknowledge').waitFor();
  await press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  await until(() => document.activeElement !== null);
  await press('Control+k');
  await page.keyboard.type('rulés');
  await press('Enter');
  await page.locator('h1').getByText('Rules').waitFor();
  await press('Control+k');
  await page.keyboard.type('theme: night');
  await press('Enter');
  await until(() => document.documentElement.dataset.theme === 'dark');
  await end();
});

test('theme, density and language are remembered', async () => {
  await start();
  await page.selectOption('#theme', 'dark');
  await page.selectOption('#density', 'compact');
  await page.locator('.nav .more').click();
  await page.selectOption('#set-lang', 'es');
  await page.getByRole('heading', { name: 'Ajustes' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Alertas' }).waitFor();
  assert.deepEqual(await page.evaluate(() => [document.documentElement.dataset.theme, document.documentElement.dataset.density, document.documentElement.lang]), ['dark', 'compact', 'es']);
  await end();
});

test('the heartbeat says when it stops', async (t) => {
  if (mockOnly(t)) return;
  await start();
  await page.locator('.watch:not(.still) > span:not(.hide)').getByText('Watching 4 of 6 sources.').waitFor();
  await world.tell('/mock/pulse', { last_event: new Date(Date.now() - 45 * 60_000).toISOString() });
  await page.locator('.watch.still > span:not(.hide)').getByText('No event for 45').waitFor();
  await world.tell('/mock/pulse');
  await page.locator('.watch:not(.still)').waitFor();
  await end();
});

test('a cut connection is told, and what was missed waits afterwards', async (t) => {
  if (mockOnly(t)) return;
  await start();
  await page.locator('.watch[data-live]').waitFor();
  await press('j');
  await page.route('**/api/v1/stream', (r) => r.abort());
  await world.tell('/mock/cut');
  await page.locator('.watch.still > span:not(.hide)').getByText('No connection').waitFor();
  await world.newAlert({ host: 'missed-host' });
  await page.unroute('**/api/v1/stream');
  await page.locator('.fresh .btn').waitFor();
  await page.locator('.watch:not(.still)').waitFor();
  page.wrongs = page.wrongs.filter((w) => !/ERR_(FAILED|INCOMPLETE|EMPTY|CONNECTION)/.test(w));
  await end();
});

test('the end of a session keeps what was typed', async (t) => {
  if (mockOnly(t)) return;
  await start();
  await press('j', 'Enter');
  await page.locator('.drawer .sect').first().waitFor();
  await startClosing();
  await press('4');
  await page.fill('#close-note', 'half a sentence');
  await world.tell('/mock/expire');
  await world.tell('/mock/cut');
  await page.getByRole('alert').getByText('Your session has ended').waitFor();
  assert.equal(await page.inputValue('#close-note'), 'half a sentence');
  await page.getByRole('button', { name: 'Go on here' }).click();
  await page.getByText('Still signed out').waitFor();
  await world.tell('/mock/renew');
  await page.getByRole('button', { name: 'Go on here' }).click();
  await page.locator('.banner').waitFor({ state: 'detached' });
  assert.equal(await page.inputValue('#close-note'), 'half a sentence');
  page.wrongs = page.wrongs.filter((w) => !/ERR_(FAILED|INCOMPLETE|EMPTY|CONNECTION)|MIME|EventSource/.test(w));
  await end();
});

test('signing out carries the token and leaves the page', async (t) => {
  if (mockOnly(t)) return;
  await start();
  const asked = page.waitForRequest((r) => r.url().endsWith('/logout') && r.method() === 'POST');
  await page.locator('.nav .more').click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  assert.match((await asked).postData(), /^csrf=.+/);
  await page.waitForURL('**/login');
  await page.context().close();
});

test('without a session the page goes to sign in', async (t) => {
  if (mockOnly(t)) return;
  await world.tell('/mock/expire');
  page = await open(world, '/alerts?q=status%3Anew');
  await page.waitForURL('**/login?next=*');
  assert.equal(new URL(page.url()).searchParams.get('next'), '/alerts?q=status%3Anew');
  await page.context().close();
});

test('sources: how late their events come, and what was not taken in for which cause', async (t) => {
  if (mockOnly(t)) return;
  await start('/sources');
  const row = (name) => page.locator('table.plain tbody tr').filter({ has: page.getByRole('rowheader', { name }) });
  await row('linux-auth').getByText('1 s', { exact: true }).waitFor();
  await row('web-portal').getByText('1 h 35 min', { exact: true }).waitFor();
  await row('journal').getByText('4 s ahead', { exact: true }).waitFor();
  await row('library').getByText('not stated', { exact: true }).waitFor();
  const lost = row('Zeek Modbus').locator('td.lost');
  assert.deepEqual((await lost.locator('.sub').allInnerTexts()).slice(0, 3), ['Buffer full: 15', 'Turned away: 1', 'Cause not kept: 2']);
  assert.equal(await page.locator('td.lost').count(), 1);
  await end();
});

test('sources: the second copy says where it is, and what to do when it fails or there is none', async (t) => {
  if (mockOnly(t)) return;
  const shown = async (state, ...words) => {
    await world.tell('/mock/copy', { state }).then(() => start('/sources'));
    for (const text of words) await page.locator('section:has(#copy-h)').getByText(text).first().waitFor();
    await end();
  };
  await shown('fine', 'Up to date', 's3://valdehierro-archive-evidence/second-copy/node-1', '25 days, ', 'nothing');
  await shown('fails', 'Fails', 'status 403', 'Look at the server', '3 days, the oldest');
  await shown('late', 'Late', '/mnt/safe/sereno', 'its log says what it does');
  await shown('no_key', 'No recovery key', 'none yet');
  await shown('none', 'None', 'one disk holds all evidence', 'copy: {folder: /mnt/safe/sereno}');
  return world.tell('/mock/copy', {});
});

test('sources: a token is shown once with a line to paste, and revoked by two presses', async (t) => {
  if (mockOnly(t)) return;
  await start('/sources');
  await page.locator('table.plain').first().waitFor();
  await page.getByRole('button', { name: 'New token' }).click();
  await page.locator('.token-form [type=submit]').click();
  await page.locator('#token-name-error').waitFor();
  await page.fill('#token-name', 'Windows collectors');
  await page.fill('#token-source', 'mail');
  await page.locator('.token-form [type=submit]').click();
  await page.getByText('A token of this name exists').waitFor();
  await page.fill('#token-name', 'mail server');
  await page.locator('.token-form [type=submit]').click();
  const secret = await page.locator('.secret code').textContent();
  assert.ok((await page.locator('.made .curl pre').textContent()).includes(`Bearer ${secret}`));
  await page.getByRole('button', { name: 'I have kept it' }).click();
  assert.ok(!(await page.content()).includes(secret));
  await page.getByRole('button', { name: 'Revoke the token mail server' }).click();
  await page.getByRole('button', { name: 'Press again to revoke the token mail server' }).click();
  await page.locator('.toast').getByText('mail server').waitFor();
  await page.locator('tbody').getByText('mail server').waitFor({ state: 'detached' });
  await end();
});

test('rules: what could not be loaded is named with file, line and reason; search finds', async () => {
  await start('/rules');
  await page.locator('table.rules tbody tr').first().waitFor();
  if (!world.onNode) {
    await page.locator('.refused').getByText('rules/local/admin_share.yml:14').waitFor();
    await page.locator('.refused').getByText('the placeholder %admins% has no list').waitFor();
  }
  const title = (await page.locator('table.rules tbody th').first().innerText()).split('\n')[0];
  await press('/');
  await page.locator('#rules-q').fill(title);
  await press('Enter');
  await until((want) => {
    const first = document.querySelector('table.rules tbody th');
    return first?.innerText.startsWith(want) && location.search.includes('q=');
  }, title);
  await page.locator('#rules-q').fill('zzzznothing');
  await press('Enter');
  await page.locator('.empty').waitFor();
  await end();
});

test('rules: what each costs, in the order asked for; what was stopped stands above with its reason', async (t) => {
  if (world.onNode) return t.skip('a node counts costs every 15 s; the mock has some');
  await start('/rules');
  await page.locator('table.rules tbody tr').first().waitFor();
  await page.getByRole('link', { name: 'What they cost' }).click();
  await page.locator('table.costs tbody tr').first().waitFor();
  await page.locator('.stopped').getByText('it took 71 % of the processor').waitFor();
  await page.locator('.stopped').getByText('sereno rules resume').waitFor();
  assert.equal(await page.locator('table.costs th[aria-sort=descending]').innerText(), 'Time ↓');
  await page.getByRole('link', { name: 'Sort by matches' }).click();
  await until(() => location.search === '?by=hits');
  await until(() => {
    const hits = [...document.querySelectorAll('table.costs tbody tr')].map((r) => Number.parseInt(r.children[4].innerText, 10));
    return hits.length > 4 && hits[0] > 1 && hits.every((h, i) => i === 0 || h <= hits[i - 1]);
  });
  await page.locator('table.costs tbody a[href^="/alerts"]').first().click();
  await until(() => location.pathname === '/alerts' && decodeURIComponent(location.search).includes('rule:'));
  await end();
});

test('on a small screen the drawer takes the view, and Back returns to the same place', async () => {
  await start('/alerts', { width: 400, height: 700 });
  await page.evaluate(() => scrollTo(0, 300));
  await until(() => scrollY > 200);
  const y = await page.evaluate(() => scrollY);
  const row = page.locator('.queue a.row').nth(4);
  const name = await row.textContent();
  await row.click();
  await page.locator('.drawer h2').getByText(name).waitFor();
  assert.equal(await page.locator('.list').isVisible(), false);
  const at = await page.evaluate(() => scrollY);
  assert.equal(at, 0);
  await page.locator('.drawer .shut').click();
  await page.locator('.list').waitFor();
  await until((was) => Math.abs(scrollY - was) < 200, y);
  await end();
});

test('a key press changes no more of the page with a thousand alerts in the queue than with a few', async (t) => {
  if (mockOnly(t)) return;
  for (let i = 0; i < 19; i += 1) await world.tell('/mock/alert', { count: 50, host: `load-${i}` });
  await start();
  await until(() => Number(document.querySelector('.queue').getAttribute('aria-rowcount')) > 300);
  const presses = await page.evaluate(async () => {
    const out = [];
    for (let i = 0; i < 30; i += 1) {
      const from = performance.now();
      let changes = 0;
      const watch = new MutationObserver((records) => { changes += records.length; });
      watch.observe(document.documentElement, { subtree: true, childList: true, attributes: true, characterData: true });
      dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }));
      await new Promise((r) => requestAnimationFrame(() => setTimeout(r)));
      out.push({ changes, ms: performance.now() - from });
      watch.disconnect();
    }
    return out;
  });
  const middle = (of) => presses.map(of).sort((a, b) => a - b)[Math.floor(presses.length / 2)];
  t.diagnostic(`median of a press: ${middle((p) => p.changes)} changes, ${middle((p) => p.ms).toFixed(1)} ms`);
  assert.ok(middle((p) => p.changes) > 0 && middle((p) => p.changes) < 40, JSON.stringify(presses));
  await end();
});
