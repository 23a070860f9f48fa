// SPDX-License-Identifier: EUPL-1.2
// Changed files of registers on the page, on a real node: what each would change, which records would not fit, the word that it is meant, by keyboard;
// nothing of it for who is of one organisation; axe by day and by night, wide and narrow.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { judge } from './judge.mjs';
import { until } from './node.mjs';
import { focusOn, open, startNode } from './world.mjs';

const file = ({ wheels = '', more = '', colour = 'colour: {type: string, maxLength: 20}' } = {}) => `title: Bicycles
type: object
required: [label]
additionalProperties: false
properties:
  label: {type: string, minLength: 1, maxLength: 40}
  wheels: {type: integer, minimum: 1${wheels}}
  ${colour}
${more}x-table: {name: bicycle, plural: bicycles, title: label}
x-perm: {administrator: {ops: [read, create, change]}}
x-states: {initial: fine, list: [{id: fine, final: true}]}
`;
let world;
let node;
let folder;
const ids = {};
const write = (o) => writeFileSync(join(node.folder, 'data', 'registers', 'bicycle.yml'), file(o));
const panel = (p) => p.locator('section[aria-labelledby="chg-h"]');
const says = (p, text) => until(`the panel to say ${text}`, async () => (await panel(p).textContent()).replace(/\s+/g, ' ').includes(text));

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sereno-e2e-file-'));
  writeFileSync(join(folder, 'bicycle.yml'), file());
  world = await startNode({ attacked: false, registers: [join(folder, 'bicycle.yml')] });
  node = world.node;
  for (const [label, wheels] of [['two', 2], ['five', 5]]) ids[label] = (await node.api('/registers/bicycles', { fields: { label, wheels, colour: 'red' } })).id;
});
after(async () => {
  await world?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('what fits says that it comes into force; what does not fit names the records; by keyboard it is meant, with a reason', async () => {
  const p = await open(world, '/registers');
  await says(p, 'Every file is in force as it lies there.');
  assert.equal(await panel(p).locator('form').count(), 0);

  write({ colour: 'paint: {type: string, maxLength: 20, x-was: colour}', more: '  bell: {type: boolean}\n' });
  await p.getByRole('button', { name: 'Look again' }).press('Enter');
  await says(p, 'All records fit: it comes into force at the next start.');
  await focusOn(p, 'chg-h');
  for (const text of ['Field called otherwise paint before: colour', 'New field bell', 'Records: 2. Rewritten: 2.']) await says(p, text);
  assert.equal(await panel(p).locator('form').count(), 0);

  write({ wheels: ', maximum: 4' });
  await p.getByRole('button', { name: 'Look again' }).press('Enter');
  await says(p, 'Not all records fit: the former file stays in force');
  await says(p, '1 wheels a value that the file refuses (maximum)');
  assert.equal(await panel(p).locator('.reg-ids a').getAttribute('href'), `/registers/bicycles/${ids.five}`);

  await focusOn(p, 'chg-h');
  for (let i = 0; i < 20 && !(await p.evaluate(() => document.activeElement?.id === 'chg-why')); i += 1) await p.keyboard.press('Tab');
  await p.keyboard.press('Enter');
  await p.locator('#chg-why-error').waitFor();
  await focusOn(p, 'chg-why');
  assert.equal((await node.api('/register-changes')).items[0].meant, false);
  await p.keyboard.type('four wheels are enough');
  await p.keyboard.press('Enter');
  await says(p, 'Somebody said that it is meant');
  await focusOn(p, 'chg-h');
  const now = (await node.api('/register-changes')).items[0];
  assert.equal(now.meant, true);
  assert.equal(await panel(p).locator('form').count(), 0);
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('who is of one organisation sees nothing of it, and is offered no registers to switch on', async () => {
  const password = 'harbour lamp seven';
  await node.api('/users', { name: 'Tom', password, role: 'administrator', organisation: 'Ourtown' });
  const context = await world.browser.newContext({ locale: 'en-GB' });
  const p = await context.newPage();
  await p.goto(`${node.url}/`);
  await p.fill('#name', 'Tom');
  await p.fill('#password', password);
  await p.click('button[type=submit]');
  await until('Tom to be in', async () => (await context.cookies()).some((c) => /session/.test(c.name)));
  await p.goto(`${node.url}/registers`);
  await p.locator('.reg-kinds .reg-counts, .reg-kinds .soft').first().waitFor();
  assert.equal(await p.locator('#chg-h, #more-h').count(), 0);
  await context.close();
});

test('axe finds nothing, and nothing scrolls sideways', async () => {
  write({ wheels: ', maximum: 3' });
  const p = await open(world, '/registers');
  await p.locator('#chg-why').waitFor();
  for (const theme of ['light', 'dark']) {
    await p.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);
    for (const width of [1280, 320]) {
      await p.setViewportSize({ width, height: 900 });
      assert.deepEqual(await judge(p), [], `${theme}, ${width}`);
      const over = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `scrolls sideways by ${over} at ${width}`);
      if (process.env.SHOTS) await panel(p).screenshot({ path: `${process.env.SHOTS}/changes-${theme}-${width}.png` });
    }
  }
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});
