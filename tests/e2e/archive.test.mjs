// SPDX-License-Identifier: EUPL-1.2
// Records of the archive are taken out on the page of sources, by keyboard alone: what is missing is said at its field, and the file has the
// bytes that came; axe by day and by night, wide and narrow.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { judge } from './judge.mjs';
import { until } from './node.mjs';
import { open, startNode } from './world.mjs';

let world;
let node;
const day = (offset) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);

before(async () => {
  world = await startNode({ attacked: false });
  node = world.node;
  const sent = await node.post('{"message":"marked for the way out"}\n');
  assert.equal(sent.status, 200);
  await until('the record in the archive', async () => (await node.api('/status')).archive.events > 0);
});
after(() => world?.close());

test('by keyboard alone: a reason is asked for, then the file has what came', async () => {
  const p = await open(world, '/sources');
  await p.locator('#out-from').waitFor();
  for (let i = 0; i < 80 && !(await p.evaluate(() => document.activeElement?.id === 'out-from')); i += 1) await p.keyboard.press('Tab');
  await p.locator('#out-from').fill(day(-1)); // whenever midnight comes
  await p.locator('#out-to').fill(day(1));
  await p.locator('#out-why').focus();
  await p.keyboard.press('Enter');
  await p.locator('#out-why-error', { hasText: 'Say for what' }).waitFor();
  await until('the focus at the reason', () => p.evaluate(() => document.activeElement?.id === 'out-why'));
  await p.keyboard.type('Asked for by the court, file 17');
  const download = p.waitForEvent('download');
  await p.keyboard.press('Enter');
  const file = await download;
  assert.equal(file.suggestedFilename(), 'archive.ndjson');
  assert.match(readFileSync(await file.path(), 'utf8'), /marked for the way out/);
  assert.match(p.url(), /\/sources$/);
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('axe finds nothing by day and night, wide and narrow', async () => {
  const p = await open(world, '/sources');
  await p.locator('#out-from').waitFor();
  for (const theme of ['light', 'dark']) {
    await p.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);
    for (const width of [1280, 320]) {
      await p.setViewportSize({ width, height: 900 });
      assert.deepEqual(await judge(p), [], `${theme}, ${width}`);
      if (process.env.SHOTS) await p.screenshot({ path: `${process.env.SHOTS}/out-${theme}-${width}.png`, fullPage: true });
    }
  }
  await p.context().close();
});
