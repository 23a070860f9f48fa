// SPDX-License-Identifier: EUPL-1.2
// What fails with a record, on a real node: the picture and the lists say the same as the node's chain, and a risk leads there, by
// keyboard alone; axe on it by day and by night, wide and narrow.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { judge } from './judge.mjs';
import { open, startNode } from './world.mjs';

let world;
let node;
const ids = {};

before(async () => {
  world = await startNode({ attacked: false });
  node = world.node;
  const make = async (name, plural, fields) => {
    ids[name] = (await node.api(`/registers/${plural}`, { fields })).id;
  };
  await make('maker', 'suppliers', { name: 'Maker of pumps with a rather long name', country: 'ES', control: 'EU' });
  await make('lonely', 'suppliers', { name: 'Nobody needs us', country: 'ES', control: 'EU' });
  await make('portal', 'systems', { name: 'Remote portal', domain: 'IT', suppliers: [ids.maker] });
  await make('pumps', 'systems', { name: 'Pumping stations', domain: 'OT', depends_on: [ids.portal] });
  await make('meters', 'systems', { name: 'Meters', domain: 'OT', suppliers: [ids.maker] });
  for (const [name, systems] of [['Drinking water', [ids.pumps]], ['Fire hydrants', [ids.pumps]], ['Bills', [ids.meters]]]) {
    await make(name, 'services', { name, priority: 1, systems });
  }
  await make('risk', 'risks', { title: 'The link is cut', scenario: 'Pumps stand still.', likelihood: 2, impact: 5, systems: [ids.portal] });
});
after(() => world?.close());

const chain = (plural, id) => `/registers/${plural}/${id}/chain`;

test('which services fail with a supplier: one number, one picture, and the lists have the same', async () => {
  const services = (await node.api(`${chain('suppliers', ids.maker)}?kind=service`)).items;
  assert.equal(services.length, 3);
  const p = await open(world, chain('suppliers', ids.maker));
  await p.locator('#fails a.fig', { hasText: '3 services may fail with it' }).waitFor();
  const boxes = await p.locator('.chain-pic .box .name').allTextContents();
  const listed = await p.locator('.chain-lists .reg-links a').allTextContents();
  assert.equal(boxes.length, listed.length + 1);
  for (const s of services) assert.ok(listed.includes(s.title) && boxes.includes(s.title), s.title);
  assert.equal(await p.locator('.chain-pic .box.here .name').textContent(), 'Maker of pumps with a ra…');
  const at = (name) => p.locator('.chain-pic .box', { hasText: name }).evaluate((e) => e.getBoundingClientRect().left);
  assert.ok((await at('Drinking water')) < (await at('Pumping stations')) && (await at('Pumping stations')) < (await at('Remote portal')) && (await at('Remote portal')) < (await at('Maker of pumps')));
  assert.equal(await p.locator('.chain-pic .wire').count(), 6);
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('by keyboard alone: from a risk to what fails with its system, to a service, and back', async () => {
  const p = await open(world, `/registers/risks/${ids.risk}`);
  await p.locator('.reg-fails').waitFor();
  for (let i = 0; i < 80 && !(await p.evaluate(() => document.activeElement?.matches('.reg-fails'))); i += 1) await p.keyboard.press('Tab');
  await p.keyboard.press('Enter');
  await p.locator('main h1', { hasText: 'If “Remote portal” fails' }).waitFor();
  await p.locator('#fails', { hasText: '2 services may fail with it' }).waitFor();
  for (let i = 0; i < 80 && !(await p.evaluate(() => document.activeElement?.textContent === 'Fire hydrants')); i += 1) await p.keyboard.press('Tab');
  await p.keyboard.press('Enter');
  await p.locator('main h1', { hasText: 'Fire hydrants' }).waitFor();
  await p.goBack();
  await p.locator('main h1', { hasText: 'If “Remote portal” fails' }).waitFor();
  await p.keyboard.press('Escape');
  await p.waitForURL(`${world.url}/registers/systems/${ids.portal}`);
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

test('what stands alone says so and names the next step; axe finds nothing by day and night, wide and narrow', async () => {
  for (const [plural, id, ready] of [['suppliers', ids.lonely, '.empty'], ['suppliers', ids.maker, '.chain-pic'], ['systems', ids.portal, '.chain-pic'], ['services', ids['Drinking water'], '.chain-pic']]) {
    const p = await open(world, chain(plural, id));
    await p.locator(ready).waitFor();
    for (const theme of ['light', 'dark', 'contrast']) {
      await p.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);
      for (const width of [1280, 320]) {
        await p.setViewportSize({ width, height: 900 });
        assert.deepEqual(await judge(p), [], `${plural}, ${theme}, ${width}`);
        const over = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(over <= 0, `${plural} scrolls sideways by ${over} at ${width}`);
      }
    }
    assert.deepEqual(p.wrongs, []);
    await p.context().close();
  }
});
