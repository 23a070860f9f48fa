// SPDX-License-Identifier: EUPL-1.2
// axe on every page and on what lies over it, day and night and high contrast, at four widths: no violation.
// Also: no page scrolls sideways, and targets keep their size (WCAG 2.2, 2.5.8).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WIDTHS, judge } from './judge.mjs';
import { open, startWorld } from './world.mjs';

const THEMES = ['light', 'dark', 'contrast'];
let world;

before(async () => {
  world = await startWorld();
  await world.reset();
});
after(() => world?.close());

const rows = (p) => p.locator('.queue tbody tr').first().waitFor();
const openFirst = async (p) => {
  await rows(p);
  await p.locator('.queue a.row').first().click();
  await p.locator('.why li, .drawer .sect').first().waitFor();
  await p.locator('.drawer details summary').click();
};
const PAGES = {
  alerts: ['/alerts', rows],
  'the drawer': ['/alerts', openFirst],
  'a group, a selection and its closing form': ['/alerts', async (p) => {
    await rows(p);
    const toggle = p.locator('.queue .tw').first();
    if (await toggle.isVisible()) await toggle.click();
    await p.keyboard.press('j');
    await p.keyboard.press('x');
    await p.keyboard.press('f');
    await p.locator('.close-form').waitFor();
    await p.keyboard.press('Enter');
    await p.locator('.close-form .error').waitFor();
  }],
  'an empty filter': ['/alerts?q=status%3Aopen+zzzznothing+age%3A3', (p) => p.locator('.empty').waitFor()],
  sources: ['/sources', (p) => p.locator('.panel').first().waitFor()],
  'a token being made': ['/sources?new=token', async (p) => {
    await p.locator('.token-form').waitFor();
    await p.locator('.token-form [type=submit]').click();
    await p.locator('.field.wrong').waitFor();
  }],
  rules: ['/rules', (p) => p.locator('table.rules').waitFor()],
  'what rules cost': ['/rules?by=ns', (p) => p.locator('table.costs, .empty').first().waitFor()],
  'the federation board': ['/federation', (p) => p.locator('h2').first().waitFor()],
  'joining a community': ['/federation', async (p) => {
    await p.locator('.head .btn.tools').first().click();
    await p.locator('#join-url').waitFor();
  }],
  'what is shared': ['/federation/sharing', (p) => p.locator('h2').first().waitFor()],
  members: ['/federation/members', (p) => p.locator('main h1').waitFor()],
  stories: ['/stories', (p) => p.locator('main h1').waitFor()],
  warnings: ['/warnings', (p) => p.locator('main h1').waitFor()],
  'no such page': ['/nowhere', (p) => p.locator('.empty').waitFor()],
  'the key sheet': ['/alerts', async (p) => {
    await rows(p);
    await p.keyboard.press('?');
    await p.locator('dialog[open] .keys').waitFor();
  }],
  settings: ['/alerts', async (p) => {
    await p.locator('.nav .more').click();
    await p.locator('dialog.settings[open]').waitFor();
  }],
  'the palette': ['/alerts', async (p) => {
    await rows(p);
    await p.keyboard.press('Control+k');
    await p.locator('dialog.palette[open] li').first().waitFor();
  }],
};

/** One page in every theme at every width. */
async function judgeAll(name, path, ready) {
  const page = await open(world, path);
  await ready(page);
  for (const theme of THEMES) {
    await page.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      assert.deepEqual(await judge(page), [], `${name}, ${theme}, ${width} px`);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `${name} scrolls sideways by ${over} px at ${width} px`);
    }
  }
  assert.deepEqual(page.wrongs, []);
  await page.context().close();
}

for (const [name, [path, ready]] of Object.entries(PAGES)) test(`axe: ${name}`, () => judgeAll(name, path, ready));

const SHARED = {
  'a personal link being made': ['/federation/members', async (p) => { await p.locator('section:has(#links-h) summary').click(); await p.getByRole('button', { name: 'Make the link' }).click(); await p.locator('#link-organisation-error').waitFor(); }],
  'a story without its sources': ['/stories/i3', async (p) => { await p.locator('#chr-also ~ *, #chr-h').first().waitFor(); await p.getByRole('button', { name: 'Take the sources out' }).click(); await p.getByRole('link', { name: 'Save it' }).waitFor(); }],
  'a new version being written': ['/stories/i1/edit', async (p) => { await p.locator('.aud strong').waitFor(); await p.locator('#c-reach').selectOption('all'); await p.locator('.aud [type=checkbox]').waitFor(); }],
  'a story that officers may take back': ['/stories/i3', (p) => p.locator('#stone-why-story').waitFor()],
  'a story of one\'s own': ['/stories/i1', (p) => p.locator('#retract-why').waitFor()],
  'a story under the Chatham House Rule': ['/stories/i2', (p) => p.locator('.story .text').waitFor()],
  'a story being written': ['/stories/new', async (p) => {
    await p.locator('.aud strong').waitFor();
    await p.locator('.aud summary').click();
    await p.locator('.compose [type=submit]').click();
    await p.locator('.field.wrong').waitFor();
  }],
  'a story for named people': ['/stories/new', async (p) => {
    await p.locator('.aud strong').waitFor();
    await p.locator('.pick input').first().check();
    await p.locator('#c-names').fill('A. Petrova @ Brezovgrad');
  }],
  'a warning with its dry run': ['/warnings/w2', async (p) => {
    await p.locator('#decide-why').waitFor();
    await p.locator('details summary').first().click();
    await p.locator('#decide-h ~ .acts .main-act, .acts .main-act').first().click();
    await p.locator('.field.wrong').waitFor();
  }],
  'a warning whose dry run runs': ['/warnings/w3', (p) => p.locator('progress').waitFor()],
  'an organisation that asks to join': ['/federation/members', async (p) => {
    await p.locator('.request').waitFor();
    await p.locator('.request [type=password]').fill('wrong');
    await p.locator('.request .main-act').click();
    await p.locator('.request .field.wrong').waitFor();
  }],
  'a member to be changed, circles and officers': ['/federation/members', async (p) => {
    await p.locator('#members-h').waitFor();
    await p.locator('button[aria-expanded]').first().click();
    for (const s of await p.locator('#own-h ~ details summary, section:has(#own-h) summary').all()) await s.click();
  }],
};
for (const [name, [path, ready]] of Object.entries(SHARED)) {
  test(`axe: ${name}`, (t) => (world.onNode ? t.skip('needs a community; the mock has one') : judgeAll(name, path, ready)));
}

test('axe: the page can fail', async () => {
  const page = await open(world, '/rules');
  await page.locator('table.rules').waitFor();
  await page.evaluate(() => {
    const img = document.createElement('img');
    document.querySelector('main').append(img);
  });
  assert.equal((await judge(page)).some((v) => v.startsWith('image-alt')), true);
  await page.context().close();
});

test('axe: the first start, before anything was sent', async (t) => {
  if (world.onNode) return t.skip('a running node is not empty');
  await world.reset({ empty: true });
  const page = await open(world, '/alerts');
  await page.locator('.empty .curl').waitFor();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    assert.deepEqual(await judge(page), [], `${width} px`);
  }
  await page.context().close();
  return world.reset();
});

for (const state of ['none', 'no_key', 'fails', 'late', 'fine']) {
  test(`axe: the second copy, ${state}`, async (t) => {
    if (world.onNode) return t.skip('only the mock has every state');
    await world.tell('/mock/copy', { state });
    await judgeAll(`the second copy, ${state}`, '/sources', (p) => p.locator('section:has(#copy-h)').waitFor());
    return world.reset();
  });
}

test('axe: a token shown once', async (t) => {
  if (world.onNode) return t.skip('would leave a token on the node');
  const page = await open(world, '/sources?new=token');
  await page.fill('#token-name', 'a11y');
  await page.fill('#token-source', 'linux-auth');
  await page.click('.token-form [type=submit]');
  await page.locator('.made').waitFor();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    assert.deepEqual(await judge(page), [], `${width} px`);
  }
  return page.context().close();
});

test('targets are at least 24 px, and the drawer is reachable by keyboard alone', async () => {
  const page = await open(world, '/alerts', { width: 400, height: 860 });
  await rows(page);
  const small = await page.evaluate(() =>
    [...document.querySelectorAll('button, .nav a, .tabs a, select')]
      .map((el) => ({ r: el.getBoundingClientRect(), name: el.textContent }))
      .filter(({ r }) => r.width > 0 && (r.height < 24 || r.width < 24))
      .map(({ r, name }) => `${name}: ${Math.round(r.width)}x${Math.round(r.height)}`),
  );
  assert.deepEqual(small, []);
  await page.context().close();

  const wide = await open(world, '/alerts');
  await rows(wide);
  await wide.keyboard.press('Tab');
  await wide.waitForFunction(() => document.activeElement?.className === 'skip');
  await wide.keyboard.press('j');
  await wide.keyboard.press('Enter');
  await wide.locator('.drawer h2').waitFor();
  await wide.keyboard.press('Enter');
  await wide.waitForFunction(() => document.activeElement?.id === 'drawer-title');
  await wide.context().close();
});
