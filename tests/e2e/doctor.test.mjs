// SPDX-License-Identifier: EUPL-1.2
// The doctor on a page of a real node: the same lines as the command's, what is wrong first with what to do, a look anew by key; who reads no numbers
// of the whole node gets none; axe by day and night, wide and narrow.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { judge } from './judge.mjs';
import { until } from './node.mjs';
import { open, startNode } from './world.mjs';

let world;
let node;
before(async () => {
  world = await startNode({ attacked: false });
  node = world.node;
});
after(() => world?.close());

/** As the command says it; its exit status is its verdict. */
function command() {
  try {
    return JSON.parse(execFileSync(process.env.SERENO_PROGRAM, ['doctor', '--json', '--data', join(node.folder, 'data')], { encoding: 'utf8' }));
  } catch (err) {
    return JSON.parse(err.stdout);
  }
}

test('the page says what the command says, and looks again', async () => {
  const p = await open(world, '/doctor');
  await p.locator('#doctor-h').waitFor();
  const told = await node.api('/doctor');
  const said = command();
  assert.deepEqual(told.report.lines.map((l) => l.check), said.lines.map((l) => l.check));
  assert.ok(told.report.running);
  assert.deepEqual(told.report.lines.filter((l) => l.check === 'backup'), said.lines.filter((l) => l.check === 'backup'));
  const items = await p.locator('#main .rows > li').allInnerTexts();
  assert.equal(items.length, told.report.lines.length);
  const backup = told.report.lines.find((l) => l.check === 'backup');
  assert.ok(items.some((x) => x.includes('Backup') && x.includes(backup.advice)), items.join('|'));
  const first = told.at;
  await until('the pause between two looks', async () => Date.now() - Date.parse(first) > 5100);
  await p.getByRole('button', { name: 'Look again' }).focus();
  await p.keyboard.press('Enter');
  await until('a newer look', async () => Date.parse((await node.api('/doctor')).at) > Date.parse(first));
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('axe finds nothing, and nothing scrolls sideways', async () => {
  const p = await open(world, '/doctor');
  await p.locator('#doctor-h').waitFor();
  for (const theme of ['light', 'dark']) {
    await p.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);
    for (const width of [1280, 320]) {
      await p.setViewportSize({ width, height: 900 });
      assert.deepEqual(await judge(p), [], `${theme}, ${width}`);
      const over = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `scrolls sideways by ${over} at ${width}`);
      if (process.env.SHOTS) await p.screenshot({ path: `${process.env.SHOTS}/doctor-${theme}-${width}.png`, fullPage: true });
    }
  }
  await p.context().close();
});
