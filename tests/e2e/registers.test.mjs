// SPDX-License-Identifier: EUPL-1.2
// The pages of the registers on a real node, with a city's own register that has a field of every shape beside those shipped:
// journeys by keyboard alone, axe on every list, record, form, board and conflict, and the words of every language.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { judge } from './judge.mjs';
import { REPO, until } from './node.mjs';
import { focusOn, open, startNode } from './world.mjs';

const WIDTHS = [1280, 320];
const OWN = join(REPO, 'tests', 'e2e', 'registers', 'inspection.yml');
const FINDING = { title: 'Old firmware in the tunnel', origin: 'audit', severity: 'high', found: '2026-11-01' };
const SYSTEM = { name: 'Gates of the tunnel', domain: 'OT' };
let world;
let node;

before(async () => {
  world = await startNode({ attacked: false, registers: [OWN] });
  node = world.node;
});
after(() => world?.close());

const make = (plural, fields, more = {}) => node.api(`/registers/${plural}`, { ...more, fields });
const read = (plural, id) => node.api(`/registers/${plural}/${id}`);
const change = (r, plural, fields) => node.api(`/registers/${plural}/${r.id}`, { fields: { ...r.fields, ...fields } }, r.version);
const focused = (p) => p.evaluate(() => document.activeElement?.id || document.activeElement?.textContent);
const h1 = (p, text) => p.locator('main h1', { hasText: text }).waitFor();
/** Tab until what has the focus fits; a person who cannot see the page counts on coming there. */
async function tabTo(p, selector, key = 'Tab') {
  for (let i = 0; i < 80; i += 1) {
    if (await p.evaluate((s) => document.activeElement?.matches(s), selector)) return;
    await p.keyboard.press(key);
  }
  assert.fail(`nothing that fits ${selector} is reached by ${key}`);
}
const end = async (p) => {
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
};

test('by keyboard alone: a finding is entered, a fault mended, the record found by filter and taken through its states', async () => {
  const p = await open(world, '/alerts');
  await p.locator('#main h1').waitFor();
  await p.keyboard.press('g');
  await p.keyboard.press('e');
  await h1(p, 'Registers');
  await p.locator('.reg-kinds a', { hasText: 'Findings' }).waitFor();
  await tabTo(p, 'main .reg-kinds a[href="/registers/findings"]');
  await p.keyboard.press('Enter');
  await p.locator('.empty', { hasText: 'No record yet' }).waitFor();

  await p.keyboard.press('n');
  await p.locator('#f-title').waitFor();
  await focusOn(p, 'f-title');
  await p.keyboard.type('Doors of the pumping station');
  await p.keyboard.press('Enter');
  // The faults are told together, with the focus on them, and each leads to its field.
  await p.locator('.reg-wrong li').first().waitFor();
  await focusOn(p, /^3 things cannot be taken/);
  await p.keyboard.press('Tab');
  await focusOn(p, 'Found by');
  await p.keyboard.press('Enter');
  await focusOn(p, 'f-origin');
  assert.equal(await p.locator('#f-origin').getAttribute('aria-invalid'), 'true');
  assert.match(await p.locator('#f-origin').getAttribute('aria-describedby'), /^f-origin-error f-origin-hint$/);
  assert.equal(await p.locator('#f-origin-error').innerText(), 'This is needed.');
  assert.equal(await p.locator('#f-title').inputValue(), 'Doors of the pumping station');
  await p.keyboard.press('A'); // a select takes the word that begins so
  await tabTo(p, '[name=f-severity]');
  await p.keyboard.press('ArrowDown');
  await p.keyboard.press('ArrowDown');
  await tabTo(p, '#f-found');
  await p.keyboard.type('11012026');
  await tabTo(p, '#f-where');
  await p.keyboard.type('Pumping station');
  await p.keyboard.press('Enter');
  await h1(p, 'Doors of the pumping station');
  const { items } = await node.api('/registers/findings?where=Pumping%20station');
  assert.equal(items.length, 1);
  const [made] = items;
  assert.equal(made.fields.origin, 'audit');
  assert.equal(made.state, 'open');

  // What the move asks for is said before, filled in by one way, and the move goes on from there.
  await p.keyboard.press('m');
  await tabTo(p, '#moves [data-to=fixing]');
  await p.keyboard.press('Enter');
  await p.locator('.reg-move', { hasText: 'Due on, Owner' }).or(p.locator('.reg-move', { hasText: 'Owner, Due on' })).waitFor();
  await tabTo(p, '.reg-move a.main-act');
  await p.keyboard.press('Enter');
  await p.locator('.reg-mark').first().waitFor();
  await p.waitForFunction(() => ['f-owner', 'f-due'].includes(document.activeElement?.id));
  await p.locator('#f-owner').focus();
  await p.keyboard.type('Bo Larsen');
  await tabTo(p, '#f-due', 'Shift+Tab');
  await p.keyboard.press('Home');
  await p.locator('#f-due').fill('2026-12-24');
  await p.keyboard.press('Enter');
  await p.locator('.reg-move .main-act').waitFor();
  await tabTo(p, '.reg-move .main-act');
  await p.keyboard.press('Enter');
  await p.locator('.reg-tags .chip', { hasText: 'Being mended' }).waitFor();
  assert.equal((await read('findings', made.id)).state, 'fixing');

  // A reason is asked for where the register wants one, and stays asked for.
  await p.keyboard.press('m');
  await tabTo(p, '#moves [data-to=open]');
  await p.keyboard.press('Enter');
  await p.locator('#move-why').waitFor();
  await tabTo(p, '#move-why');
  await p.keyboard.press('Enter');
  await p.locator('#move-why-error').waitFor();
  await focusOn(p, 'move-why');
  await p.keyboard.type('The doors came back');
  await p.keyboard.press('Enter');
  await p.locator('.reg-tags .chip', { hasText: 'Open' }).waitFor();

  // Back to the list, which keeps the row; another one to tell it from; then by filter.
  await make('findings', { ...FINDING, title: 'Another one', severity: 'low' });
  await p.keyboard.press('Escape');
  await p.locator('table.records').waitFor();
  await p.waitForFunction((id) => document.activeElement?.dataset?.id === id, made.id);
  await p.keyboard.press('/');
  await focusOn(p, 'reg-field');
  await p.keyboard.press('W'); // Where
  await tabTo(p, '#reg-a');
  await p.keyboard.type('Pump');
  await p.keyboard.press('Enter');
  await p.locator('.reg-filters', { hasText: 'Where begins with Pump' }).waitFor();
  await p.waitForFunction(() => document.querySelectorAll('a.row').length === 1);
  assert.equal(await p.locator('a.row').innerText(), 'Doors of the pumping station');
  await p.evaluate(() => document.activeElement.blur());
  await p.keyboard.press('j');
  await p.keyboard.press('Enter');
  await h1(p, 'Doors of the pumping station');
  await end(p);
});

test('counts open what they count, columns sort, and pages go on by key', async () => {
  for (let i = 0; i < 56; i += 1) await make('inspections', { label: `Row ${String(i).padStart(2, '0')}`, ok: i % 2 === 0, place: { street: 'Long' }, grade: 1 + (i % 5), code: `ABC-${i}` });
  const p = await open(world, '/registers');
  await p.locator('.reg-counts a', { hasText: '56 Planned' }).click();
  await p.locator('.head [role=status]', { hasText: '56 records' }).waitFor();
  await p.waitForFunction(() => /All 56/.test(document.querySelector('.reg-states a')?.textContent ?? ''));
  await p.waitForFunction(() => document.querySelectorAll('a.row').length === 50);
  await p.locator('th .sort', { hasText: 'Label' }).click();
  await p.locator('th[aria-sort=ascending]', { hasText: 'Label' }).waitFor();
  await p.locator('a.row', { hasText: 'Row 00' }).waitFor();
  await p.waitForFunction(() => document.querySelector('a.row')?.textContent === 'Row 00');
  await p.getByRole('button', { name: 'Show more' }).click();
  await p.waitForFunction(() => document.querySelectorAll('a.row').length === 56);
  await focusOn(p, 'Row 50');
  await p.keyboard.press('ArrowDown');
  await focusOn(p, 'Row 51');
  await p.keyboard.press('k');
  await focusOn(p, 'Row 50');
  await p.locator('#reg-field').selectOption('grade');
  await p.fill('#reg-a', '4');
  await p.locator('.reg-filter [type=submit]').click();
  await p.locator('.head [role=status]', { hasText: '22 records' }).waitFor();
  // Each state's count is the count of its list under this filter.
  await p.waitForFunction(() => /Planned 22/.test(document.querySelectorAll('.reg-states a')[1]?.textContent ?? ''));
  await p.locator('.reg-x').click();
  await p.locator('.head [role=status]', { hasText: '56 records' }).waitFor();
  await p.goto(`${world.url}/registers/inspections?grade=9`);
  await p.locator('.empty', { hasText: 'No record fits' }).waitFor();
  await p.locator('.empty a').click();
  await p.locator('.head [role=status]', { hasText: '56 records' }).waitFor();
  await end(p);
});

test('a form has a control for every shape of field, and what it sends is what was typed', async () => {
  const p = await open(world, '/registers/inspections/new');
  await p.fill('#f-label', 'x');
  await p.locator('#f-others-add').click();
  await focusOn(p, 'f-others-0-street');
  await p.fill('#f-meters', '12 m');
  await p.fill('#f-words', 'a\nb\nb\nc');
  await p.locator('.reg-form [type=submit]').click();
  await p.locator('.reg-wrong li').first().waitFor();
  for (const [id, says] of [['label', /at least 3/], ['meters', /must be/], ['ok', /needed/], ['place', /needed/], ['others-0-street', /needed/], ['words', /.+/]]) {
    assert.match(await p.locator(`#f-${id}-error`).innerText(), says, id);
  }
  await p.fill('#f-label', 'Room 4');
  await p.fill('#f-notes', 'one\ntwo');
  await p.locator('#f-sort_of').selectOption('water');
  await p.locator('[name=f-grade][value="3"]').check();
  await p.fill('#f-meters', '0');
  await p.fill('#f-price', '12,50');
  await p.locator('[name=f-ok][value=false]').check();
  await p.fill('#f-day', '2026-11-01');
  await p.fill('#f-seen', '2026-11-01T09:30'); // in Madrid
  await p.fill('#f-mail', 'desk@example.org');
  await p.fill('#f-page', 'https://example.org/a');
  await p.fill('#f-sensor', '192.0.2.7');
  await p.fill('#f-code', 'ABC-7');
  await p.fill('#f-words', 'a\n b \n');
  await p.getByLabel('Roof').check();
  await p.fill('#f-place-street', 'Long street');
  await p.fill('#f-place-floor', '-2');
  await p.fill('#f-others-0-street', 'Short');
  await p.fill('#f-free', '{"seen": [1, 2]}');
  await p.locator('#f-tlp').selectOption('AMBER');
  assert.equal(await p.locator('#f-sealed').count(), 0);
  assert.match(await p.locator('.reg-fixed').innerText(), /Your role may read this/);
  assert.equal(await p.locator('text=Secret').count(), 0);
  await p.locator('.reg-form [type=submit]').click();
  await h1(p, 'Room 4');
  const { items } = await node.api('/registers/inspections?code=ABC-7&label=Room%204');
  assert.equal(items.length, 1);
  assert.deepEqual(items[0].fields, {
    label: 'Room 4', notes: 'one\ntwo', sort_of: 'water', grade: 3, meters: 0, price: 12.5, ok: false, day: '2026-11-01', seen: '2026-11-01T08:30:00Z', mail: 'desk@example.org',
    page: 'https://example.org/a', sensor: '192.0.2.7', code: 'ABC-7', words: ['a', 'b'], doors: ['roof'], place: { street: 'Long street', floor: -2 }, others: [{ street: 'Short' }], free: { seen: [1, 2] },
  });
  assert.equal(items[0].tlp, 'AMBER');
  const says = await p.locator('.reg-fields').innerText();
  for (const word of ['Water', 'Sun 1 Nov 2026', '09:30', 'Long street', 'Roof', 'No']) assert.ok(says.includes(word), word);
  await end(p);
});

test('what was typed and not saved is kept on other pages, told, and given up only when asked', async () => {
  const made = await make('findings', { ...FINDING, title: 'Kept' });
  const p = await open(world, `/registers/findings/${made.id}/edit`);
  await p.fill('#f-where', 'Room 9');
  await p.locator('.nav a', { hasText: 'Sources' }).click();
  await p.locator('.toast', { hasText: 'not saved yet' }).waitFor();
  let asked = 0;
  p.once('dialog', (d) => {
    asked += 1;
    void d.dismiss();
  });
  await p.close({ runBeforeUnload: true });
  await until('the browser to ask before the window goes', () => asked === 1);
  await p.keyboard.press('z');
  await p.locator('.reg-restored').waitFor();
  assert.equal(await p.locator('#f-where').inputValue(), 'Room 9');
  await p.locator('.reg-restored .btn').click();
  await p.waitForFunction(() => document.querySelector('#f-where')?.value === '');
  await p.locator('.nav a', { hasText: 'Sources' }).click();
  await h1(p, 'Sources');
  assert.equal(await p.locator('.toast', { hasText: 'not saved yet' }).count(), 0);
  await end(p);
});

test('by keyboard alone: when somebody was faster, both versions are shown and nobody\'s change is lost', async () => {
  const made = await make('findings', { ...FINDING, title: 'Two at once', owner: 'Ann', where: 'Room 1' });
  const p = await open(world, `/registers/findings/${made.id}`);
  await h1(p, 'Two at once');
  await p.keyboard.press('e');
  await p.locator('#f-title').waitFor();
  await p.locator('#f-title').focus();
  await p.keyboard.press('Control+a');
  await p.keyboard.type('Mine');
  await tabTo(p, '#f-where');
  await p.keyboard.press('Control+a');
  await p.keyboard.type('Room 2');
  await change(made, 'findings', { title: 'Theirs', owner: 'Bo' });
  await p.keyboard.press('Enter');
  await h1(p, 'Somebody saved another version meanwhile');
  assert.deepEqual(await p.locator('.reg-clash legend').allInnerTexts(), ['Title', 'Where', 'Owner']);
  assert.match(await p.locator('.reg-clash').first().innerText(), /Before: Two at once[^]*Theirs[^]*Mine/);
  assert.deepEqual(await p.evaluate(() => [...document.querySelectorAll('.reg-clash input:checked')].map((x) => x.id)), ['c-where-mine', 'c-owner-theirs']);
  // What both changed waits for a choice.
  await tabTo(p, '.reg-form [type=submit]');
  await p.keyboard.press('Enter');
  await p.locator('#c-title-error').waitFor();
  await focusOn(p, 'c-title-theirs');
  assert.equal((await read('findings', made.id)).version, 2);
  await p.keyboard.press('ArrowDown');
  await tabTo(p, '.reg-form [type=submit]');
  await p.keyboard.press('Enter');
  await h1(p, 'Mine');
  const now = await read('findings', made.id);
  assert.deepEqual([now.version, now.fields.title, now.fields.where, now.fields.owner], [3, 'Mine', 'Room 2', 'Bo']);
  await end(p);
});

const column = (p, state) => p.locator(`.reg-column[data-state="${state}"]`);
test('the board: a card goes from state to state by keyboard, by its menu and by pointer, and each step is announced', async () => {
  for (const n of ['one', 'two', 'three']) await make('risks', { title: `Risk ${n}`, scenario: 'Water', likelihood: 2, impact: 3, owner: 'Bo', threat: 'error', review: '2027-01-01' });
  const p = await open(world, '/registers/risks');
  await p.locator('a.row').first().waitFor();
  await p.keyboard.press('b');
  await column(p, 'identified').locator('.reg-card').nth(2).waitFor();
  await p.keyboard.press('j');
  await p.locator('.reg-card :focus').waitFor();
  const title = await focused(p);
  await p.keyboard.press('Space');
  const said = (text) => p.locator('.reg > [role=status]', { hasText: text }).waitFor();
  await said('taken up. It may go to: Assessed, Closed');
  await p.keyboard.press('ArrowRight');
  await said('over Assessed');
  assert.equal(await column(p, 'assessed').getAttribute('data-drop'), 'here');
  assert.equal(await column(p, 'treated').getAttribute('data-drop'), 'shut');
  await p.keyboard.press('Escape');
  await said('put back in Identified');
  await p.keyboard.press('Space');
  await p.keyboard.press('ArrowRight');
  await p.keyboard.press('Space');
  await said('now in Assessed');
  await column(p, 'assessed').locator('.reg-card', { hasText: title }).waitFor();
  await focusOn(p, title);
  await until('one card less in the first column', async () => (await column(p, 'identified').locator('h2 a').innerText()).split(/\s/)[0] === '2');
  // By its menu, with a reason asked for in a dialog.
  await column(p, 'identified').locator('.reg-menu > button').first().click();
  await column(p, 'identified').locator('.reg-menu li button', { hasText: 'Closed' }).click();
  await p.locator('dialog[open] #move-why').fill('Not one after all');
  await p.locator('dialog[open] [type=submit]').click();
  await column(p, 'closed').locator('.reg-card').waitFor();
  // By pointer; what is not allowed does not take it.
  const last = column(p, 'identified').locator('.reg-card');
  await last.dragTo(column(p, 'treated'));
  assert.equal(await column(p, 'treated').locator('.reg-card').count(), 0);
  await last.dragTo(column(p, 'assessed'));
  await column(p, 'assessed').locator('.reg-card').nth(1).waitFor();
  const counts = await Promise.all(['identified', 'assessed', 'closed'].map(async (s) => (await node.api(`/registers/risks?state=${s}`)).count));
  assert.deepEqual(counts, [0, 2, 1]);
  await end(p);
});

test('by keyboard alone: a record names others, and each side shows the other and what may fail with it', async (t) => {
  const { items } = await node.api('/registers');
  if (!items.some((k) => k.schema.properties.suppliers?.['x-ref'])) return t.skip('no register here names another');
  const lamps = await make('suppliers', { name: 'Lantern works', country: 'ES', control: 'EU' });
  await make('suppliers', { name: 'Other works', country: 'ES', control: 'EU' });
  const system = await make('systems', SYSTEM);
  const p = await open(world, `/registers/systems/${system.id}/edit`);
  await p.locator('#f-suppliers-find').waitFor();
  await p.locator('#f-suppliers-find').focus();
  await p.keyboard.type('Lant');
  await p.locator('#f-suppliers .reg-found', { hasText: 'Lantern works' }).waitFor();
  await p.keyboard.press('Enter');
  await p.locator('#f-suppliers .chip', { hasText: 'Lantern works' }).waitFor();
  await focusOn(p, 'f-suppliers-find');
  await p.keyboard.press('Enter');
  await p.locator('.reg-fields .reg-links a', { hasText: 'Lantern works' }).waitFor();
  assert.deepEqual((await read('systems', system.id)).fields.suppliers, [lamps.id]);
  await p.locator('section:has(#chain-down-h) a', { hasText: 'Lantern works' }).waitFor();
  await p.locator('.reg-fields .reg-links a').first().focus();
  await p.keyboard.press('Enter');
  await h1(p, 'Lantern works');
  await p.locator('section:has(#chain-up-h) a', { hasText: SYSTEM.name }).waitFor();
  await p.locator('section:has(#named-h) a').first().click();
  await p.locator('.reg-filters', { hasText: 'Lantern works' }).waitFor();
  await p.locator('a.row', { hasText: SYSTEM.name }).waitFor();
  await p.waitForFunction(() => document.querySelectorAll('a.row').length === 1);
  await end(p);
  await judgeAll('a record with links', `/registers/systems/${system.id}`, (x) => x.locator('section:has(#chain-down-h)').waitFor());
  await judgeAll('a record being chosen', `/registers/systems/${system.id}/edit`, async (x) => {
    await x.locator('#f-suppliers-find').fill('O');
    await x.locator('#f-suppliers .reg-found').waitFor();
  });
});

/** One page by day and by night at both widths. */
async function judgeAll(name, path, ready) {
  const p = await open(world, path);
  await ready(p);
  for (const theme of ['light', 'dark']) {
    await p.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);
    for (const width of WIDTHS) {
      await p.setViewportSize({ width, height: 900 });
      assert.deepEqual(await judge(p), [], `${name}, ${theme}, ${width} px`);
      const over = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `${name} scrolls sideways by ${over} px at ${width} px`);
      const small = await p.evaluate(() =>
        [...document.querySelectorAll('main button, main select, main .tabs a')]
          .map((el) => ({ r: el.getBoundingClientRect(), name: el.textContent }))
          .filter(({ r }) => r.width > 0 && (r.height < 24 || r.width < 24))
          .map(({ r, name: n }) => `${n}: ${Math.round(r.width)}x${Math.round(r.height)}`));
      assert.deepEqual(small, [], `${name}, targets at ${width} px`);
    }
  }
  await end(p);
}
const SAMPLES = {
  findings: { ...FINDING, text: 'What was seen.', owner: 'Bo', due: '2026-12-24', tags: ['x'] },
  risks: { title: 'Flood', scenario: 'Water', likelihood: 2, impact: 4, cost: 12.5 },
  services: { name: 'Water', priority: 1, citizens: 300000 },
  systems: { name: 'Gates', domain: 'OT', availability: 'high' },
  suppliers: { name: 'Lamps & Co', country: 'ES', control: 'EU', legal_ids: [{ kind: 'VAT', number: '1' }], sub_processors: [{ name: 'Cloud', country: 'IE' }] },
  inspections: { label: 'Room 5', ok: true, place: { street: 'Long' }, others: [{ street: 'x', floor: 2 }], free: { a: [1] }, doors: ['roof'] },
};
const button = (p, name) => p.getByRole('button', { name, exact: true });
test('axe: every list, record, form and board of every register, by day and by night', async (t) => {
  const { items } = await node.api('/registers');
  for (const { plural, may } of items) {
    const sample = may.includes('create') ? SAMPLES[plural] : undefined;
    const made = sample && (await make(plural, sample));
    const at = `/registers/${plural}`;
    const card = sample ? '.reg-card' : '.reg-column';
    await t.test(`${plural}: list`, () => judgeAll(plural, at, (p) => p.locator('table.records, .empty').first().waitFor()));
    if (may.includes('create')) await t.test(`${plural}: form with faults`, () => judgeAll(plural, `${at}/new`, async (p) => {
      for (const add of await p.locator('[id$=-add]').all()) await add.click();
      await p.locator('.reg-form [type=submit]').click();
      await p.locator('.reg-wrong li').first().waitFor();
    }));
    await t.test(`${plural}: board`, () => judgeAll(plural, `${at}/board`, (p) => p.locator(card).first().waitFor()));
    if (!made) continue;
    await t.test(`${plural}: record with a move`, () => judgeAll(plural, `${at}/${made.id}`, async (p) => {
      await p.locator('#moves .btn').first().waitFor();
      if (plural === 'inspections') return; // its first move asks for nothing
      await p.locator('#moves .btn').first().click();
      await p.locator('.reg-move').waitFor();
    }));
    await t.test(`${plural}: being changed`, () => judgeAll(plural, `${at}/${made.id}/edit`, (p) => p.locator('.reg-form').waitFor()));
  }
});

test('a table is looked at, stored and taken back; another goes out', async () => {
  const p = await open(world, '/registers/units');
  await p.locator('nav.tabs a', { hasText: 'Import and export' }).click();
  await p.locator('#in-file').waitFor();
  const table = 'name,type\nBrought in,department\nWrong,palace\n';
  await p.setInputFiles('#in-file', { name: 'units.csv', mimeType: 'text/csv', buffer: Buffer.from(table) });
  await button(p, 'Look at it').click();
  await p.locator('h3', { hasText: 'What units.csv would do' }).waitFor();
  const cells = await p.locator('.reg-tables td').allTextContents();
  assert.ok(cells.includes('Brought in') && cells.includes('New'), cells.join('|'));
  assert.ok(cells.includes('3') && cells.includes('Type'), cells.join('|'));
  assert.equal((await node.api('/registers/units?name=Brought%20in')).count, 0, 'nothing is stored before');
  await button(p, 'Store the one that can be taken').click();
  await p.locator('h3', { hasText: 'Stored: 1 new, 0 changed.' }).waitFor();
  assert.equal((await node.api('/registers/units?name=Brought%20in')).count, 1);
  const [file] = await Promise.all([p.waitForEvent('download'), button(p, 'CSV, semicolons').click()]);
  assert.equal(file.suggestedFilename(), 'units.csv');
  assert.match(readFileSync(await file.path(), 'utf8'), /^\ufeffid;state;tlp;organisation;name/);
  await button(p, 'Take back').click();
  await p.locator('.reg-past .chip', { hasText: 'Taken back' }).waitFor();
  assert.equal((await node.api('/registers/units?name=Brought%20in')).count, 0);
  await end(p);
});

test('axe: all registers, a narrowed list, a menu, a card taken up, a dialog, a conflict, no such register', async (t) => {
  const made = await make('findings', { ...FINDING, title: 'For axe' });
  const PAGES = {
    home: ['/registers', (p) => p.locator('.reg-counts a').first().waitFor()],
    narrowed: ['/registers/findings?severity=high&found.from=2026-01-01', (p) => p.locator('.reg-filters li').first().waitFor()],
    nothing: ['/registers/findings?severity=high&where=nowhere', (p) => p.locator('.empty').waitFor()],
    'no such register': ['/registers/nothing', (p) => p.locator('.empty').waitFor()],
    'no such record': ['/registers/findings/01a21cda-be8a-734a-a166-fbe99700333b', (p) => p.locator('.problem').waitFor()],
    'a table': ['/registers/findings/tables', async (p) => {
      await p.setInputFiles('#in-file', { name: 'f.csv', mimeType: 'text/csv', buffer: Buffer.from('title,origin,severity,found\nA,audit,high,2026-11-01\nB,x,high,2026-11-01\n') });
      await button(p, 'Look at it').click();
      await p.locator('.reg-tables table').nth(1).waitFor();
    }],
    'a menu': ['/registers/findings/board', (p) => p.locator('.reg-menu > button').first().click()],
    'a card taken up': ['/registers/findings/board', async (p) => {
      await p.locator('.reg-card a.row').first().focus();
      await p.keyboard.press('Space');
      await p.locator('.reg-card.is-held').waitFor();
    }],
    'a dialog': ['/registers/findings/board', async (p) => {
      const card = p.locator('.reg-column[data-state=open] .reg-card').first();
      await card.locator('.reg-menu > button').click();
      await card.locator('.reg-menu li button', { hasText: 'Accepted' }).click();
      await p.locator('dialog[open] #move-why').waitFor();
    }],
    'a conflict': [`/registers/findings/${made.id}/edit`, async (p) => {
      await p.fill('#f-title', 'Mine');
      await change(await read('findings', made.id), 'findings', { title: 'Theirs' });
      await button(p, 'Save').click();
      await p.locator('.reg-clash').waitFor();
      await button(p, 'Save with these choices').click();
      await p.locator('#c-title-error').waitFor();
    }],
  };
  for (const [name, [path, ready]] of Object.entries(PAGES)) await t.test(name, () => judgeAll(name, path, ready));
});

test('every field, word and state of the registers shipped has its words in each language, and none is a verdict', async () => {
  const folder = join(REPO, 'i18n', 'registers');
  const all = Object.fromEntries(readdirSync(folder).map((f) => [f.replace('.json', ''), JSON.parse(readFileSync(join(folder, f), 'utf8'))]));
  const desk = readdirSync(join(REPO, 'i18n')).filter((f) => f.endsWith('.json')).map((f) => f.replace('.json', ''));
  assert.deepEqual(Object.keys(all).sort(), desk.sort(), 'the registers speak the languages of the desk');
  const { items } = await node.api('/registers');
  const shipped = items.filter((k) => k.file.startsWith('registers/') && all.en[k.name] !== undefined);
  assert.ok(shipped.length >= 3);
  for (const [lang, words] of Object.entries(all)) {
    const has = (what, ...keys) => assert.ok(keys.some((k) => typeof words[k] === 'string' && words[k].trim() !== ''), `${lang}: ${what}: none of ${keys.join(', ')}`);
    const walk = (kind, path, s) => {
      const last = path.slice(path.lastIndexOf('.') + 1);
      has(kind.name, `${kind.name}.${path}`, `.${last}`);
      if (lang !== 'en' && s.description) has(kind.name, `${kind.name}.${path}?`);
      for (const v of (s.enum ?? s.items?.enum ?? []).filter((x) => typeof x === 'string')) has(kind.name, `${kind.name}.${path}=${v}`, `=${v}`);
      for (const [n, member] of Object.entries(s.properties ?? s.items?.properties ?? {})) walk(kind, `${path}.${n}`, member);
    };
    for (const kind of shipped) {
      has(kind.name, kind.name);
      if (lang !== 'en' && kind.schema.description) has(kind.name, `${kind.name}?`);
      for (const [n, s] of Object.entries(kind.schema.properties)) walk(kind, n, s);
      for (const s of kind.schema['x-states'].list) has(kind.name, `${kind.name}@${s.id}`, `@${s.id}`);
    }
    for (const [k, v] of Object.entries(words)) {
      assert.doesNotMatch(String(v), /\b(liable|compliant|negligent|reportable|breach|failed to|forgot|responsable legal|incumpl\w+|negligen\w+)\b|!/i, `${lang}: ${k}`);
      if (!k.startsWith('_') && !k.endsWith('?')) for (const other of Object.keys(all)) assert.ok(k in all[other], `${other} lacks ${k}`);
    }
  }
  const p = await open(world, '/registers/findings/new', { locale: 'es-ES' });
  await p.locator('#f-title').waitFor();
  await p.locator('label[for=f-origin]', { hasText: 'Encontrado por' }).waitFor();
  assert.match(await p.locator('#f-due-hint').innerText(), /corregido/);
  await end(p);
});
