// SPDX-License-Identifier: EUPL-1.2
// Pictures of every screen, for eyes: node shots.mjs OUT_DIR. Uses the mock; changes nothing.
import { mkdirSync } from 'node:fs';
import { open, startWorld } from './world.mjs';

const out = process.argv[2];
if (!out) {
  console.error('usage: node shots.mjs OUT_DIR [part of a name]');
  process.exit(2);
}
const only = process.argv[3] ?? '';
mkdirSync(out, { recursive: true });
const world = await startWorld();

const opened = async (p) => {
  await p.keyboard.press('j');
  await p.keyboard.press('j');
  await p.keyboard.press('Enter');
  await p.locator('.why li').first().waitFor();
};
const SCREENS = {
  today: ['/', (p) => p.locator('.tile').first().waitFor()],
  alerts: ['/alerts', (p) => p.locator('.queue tbody tr').first().waitFor()],
  drawer: ['/alerts', async (p) => { await p.locator('.queue tbody tr').first().waitFor(); await opened(p); }],
  closing: ['/alerts', async (p) => { await p.locator('.queue tbody tr').first().waitFor(); await opened(p); await p.keyboard.press('f'); await p.keyboard.press('3'); }],
  group: ['/alerts', async (p) => { await p.locator('.queue .tw').first().click(); await p.keyboard.press('j'); await world.newAlert(); await p.locator('.fresh .btn').waitFor(); }],
  bulk: ['/alerts', async (p) => { await p.locator('.queue tbody tr').first().waitFor(); for (const k of ['j', 'x', 'j', 'x', 'j', 'x']) await p.keyboard.press(k); await p.keyboard.press('f'); }],
  undo: ['/alerts', async (p) => { await p.locator('.queue tbody tr').first().waitFor(); await p.keyboard.press('j'); await p.keyboard.press('a'); await p.locator('.toast').waitFor(); }],
  nomatch: ['/alerts?q=zzzz', (p) => p.locator('.empty').waitFor()],
  sources: ['/sources', (p) => p.locator('table.plain').first().waitFor()],
  copy: ['/sources', async (p) => { await p.locator('#copy-h').scrollIntoViewIfNeeded(); }],
  token: ['/sources?new=token', async (p) => { await p.fill('#token-name', `mail ${Math.random()}`); await p.fill('#token-source', 'mail'); await p.click('.token-form [type=submit]'); await p.locator('.made').waitFor(); }],
  rules: ['/rules', (p) => p.locator('table.rules').waitFor()],
  costs: ['/rules?by=ns', (p) => p.locator('table.costs').waitFor()],
  board: ['/federation', (p) => p.locator('.map').waitFor()],
  sharing: ['/federation/sharing', (p) => p.locator('table').first().waitFor()],
  members: ['/federation/members', (p) => p.locator('.request').waitFor()],
  links: ['/federation/members', async (p) => { await p.locator('section:has(#links-h) summary').click(); await p.locator('#link-days').waitFor(); await p.locator('#links-h').scrollIntoViewIfNeeded(); }],
  stories: ['/stories', (p) => p.locator('.stories').waitFor()],
  story: ['/stories/i1', (p) => p.locator('#retract-why').waitFor()],
  officers: ['/stories/i3', (p) => p.locator('#stone-why-story').waitFor()],
  chatham: ['/stories/i3', async (p) => { await p.getByRole('button', { name: 'Take the sources out' }).click(); await p.getByRole('link', { name: 'Save it' }).waitFor(); }],
  version: ['/stories/i1/edit', async (p) => { await p.locator('.aud strong').waitFor(); await p.locator('#c-reach').selectOption('all'); await p.locator('.aud [type=checkbox]').waitFor(); }],
  compose: ['/stories/new', (p) => p.locator('.aud strong').waitFor()],
  warnings: ['/warnings', (p) => p.locator('table').waitFor()],
  warning: ['/warnings/w2', (p) => p.locator('#decide-why').waitFor()],
  derived: ['/warnings/w3', (p) => p.locator('#derived-h').waitFor()],
  palette: ['/alerts', async (p) => { await p.locator('.queue tbody tr').first().waitFor(); await p.keyboard.press('Control+k'); await p.locator('.palette li').first().waitFor(); }],
  keys: ['/alerts', async (p) => { await p.locator('.queue tbody tr').first().waitFor(); await p.keyboard.press('?'); await p.locator('.sheet-keys').waitFor(); }],
  settings: ['/alerts', async (p) => { await p.locator('.queue tbody tr').first().waitFor(); await p.locator('.nav .more').click(); await p.locator('.settings').waitFor(); }],
};
const SIZES = { 1440: [1440, 900], 1280: [1280, 900], 768: [768, 1024], 400: [400, 860] };
try {
  for (const [size, [width, height]] of Object.entries(SIZES)) {
    for (const theme of ['light', 'dark']) {
      for (const [name, [path, ready]] of Object.entries(SCREENS)) {
        const file = `${name}-${theme}-${size}`;
        if (only && !new RegExp(only).test(file)) continue;
        await world.reset();
        const p = await open(world, path, { width, height, theme });
        await ready(p);
        await p.screenshot({ path: `${out}/${file}.png`, fullPage: process.env.FULL === '1' });
        await p.context().close();
      }
    }
  }
  if (!only || 'empty'.includes(only)) {
    await world.reset({ empty: true });
    const p = await open(world, '/alerts', { width: 1280, height: 900, theme: 'light' });
    await p.locator('.empty').waitFor();
    await p.screenshot({ path: `${out}/empty-light-1280.png` });
    await p.context().close();
  }
} finally {
  await world.close();
}
