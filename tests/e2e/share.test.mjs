// SPDX-License-Identifier: EUPL-1.2
// The pages of the federation, on the mock: what a person does there and what the node is told. That a real hub and real
// nodes answer in these shapes is tested where they run (tests/federation).
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { open, startWorld } from './world.mjs';

let world;
before(async () => (world = await startWorld()));
beforeEach(() => world.reset());
after(() => world?.close());

const mockOnly = (name, f) =>
  test(name, async (t) => {
    if (world.onNode) return t.skip('needs a community; the mock has one');
    return f();
  });
const text = (p, sel) => p.locator(sel).first().innerText();

mockOnly('the board: members first, then the picture, and each count opens its list', async () => {
  const p = await open(world, '/federation');
  await p.locator('.map').waitFor();
  const order = await p.locator('main h2').allInnerTexts();
  assert.ok(order.indexOf('Members') < order.indexOf('The members as a picture'), order.join(', '));
  await p.locator('a.fig', { hasText: '9' }).click();
  await p.locator('#members-h').waitFor();
  assert.match(p.url(), /\/federation\/members\?circle=c1$/);
  await p.context().close();
});

mockOnly('what went for want of room is told, with whose it was', async () => {
  const p = await open(world, '/federation');
  const row = p.locator('section:has(#room-h) tbody tr');
  await row.first().waitFor();
  assert.equal(await row.count(), 2);
  assert.match(await row.first().innerText(), /Signals\s+Kilcarrow\s+32,768\s+2,049\s+0/);
  assert.match(await row.nth(1).innerText(), /Warnings\s+Seven Rivers/);
  await p.context().close();
});

mockOnly('what a later version wrote waits, and the board says so', async () => {
  const p = await open(world, '/federation');
  await p.getByRole('status').filter({ hasText: '2 messages wait until this node is upgraded' }).waitFor();
  await p.context().close();
});

mockOnly('what officers took back says how many members have deleted it', async () => {
  const p = await open(world, '/federation/members');
  await p.locator('#stones-h').waitFor();
  assert.match(await text(p, 'section:has(#stones-h)'), /It names a city that did not agree\.\s+19 of 20 members have deleted it/);
  await p.context().close();
});

mockOnly('a story says what became of its letters, to whom and why not', async () => {
  const p = await open(world, '/stories/i1');
  const row = p.locator('section:has(#letters-h) tbody tr');
  await row.first().waitFor();
  const said = await row.allInnerTexts();
  assert.equal(said.length, 3);
  assert.match(said[0], /Eva Ruiz\s+Aldea Baja\s+1\s+sent\s+.*ago\s+.*ago/);
  assert.match(said[1], /Pau Vidal[^]*waits\s+the mail server does not answer[^]*not yet/);
  assert.match(said[2], /Lena Huber[^]*not sent\s+the link has ended[^]*not yet/);
  await p.goto(`${world.url}/stories/i3`);
  await p.locator('#stone-why-story').waitFor();
  assert.equal(await p.locator('#letters-h').count(), 0);
  await p.context().close();
});

mockOnly('a warning says which way it came from hubs above, and an own finding says nothing of it', async () => {
  const p = await open(world, '/warnings/w3');
  await p.locator('#derived-h').waitFor();
  assert.deepEqual((await p.locator('section:has(#derived-h) li code:first-child').allInnerTexts()).slice(0, 1), ['nation-cities']);
  assert.match(await text(p, 'section:has(#derived-h)'), /nation-cities[^]*version 4[^]*region-cities[^]*version 2/);
  await p.goto(`${world.url}/warnings/w2`);
  await p.locator('#decide-why').waitFor();
  assert.equal(await p.locator('#derived-h').count(), 0);
  await p.context().close();
});

mockOnly('one click stops all sharing, and one takes it up again', async () => {
  const p = await open(world, '/federation/sharing');
  await p.getByRole('button', { name: 'Stop all sharing' }).click();
  await p.locator('.chip', { hasText: 'Stopped' }).waitFor();
  await p.goto(`${world.url}/federation`);
  await p.getByRole('button', { name: 'Share again' }).click();
  await p.locator('.problem').waitFor({ state: 'detached' });
  await p.context().close();
});

mockOnly('what is shared is changed in place and says since when', async () => {
  const p = await open(world, '/federation/sharing');
  await p.locator('#when-s2').selectOption('never');
  await p.locator('tr', { has: p.locator('#when-s2') }).getByText('Marta Ortega').waitFor();
  await p.reload();
  await p.locator('#when-s2').waitFor();
  assert.equal(await p.locator('#when-s2').inputValue(), 'never');
  // Another choice for all the rest is a row of its own before the last, which always stands.
  await p.locator('#when-default').selectOption('at_once');
  await p.locator('#when-new2').waitFor();
  assert.equal(await p.locator('#when-default').inputValue(), 'after_acknowledgement');
  await p.locator('summary', { hasText: 'Another class' }).click();
  await p.locator('#add-level').selectOption('high');
  await p.getByRole('button', { name: 'Add it' }).click();
  await p.getByRole('rowheader', { name: 'High Every circle' }).waitFor();
  await p.locator('tbody tr').first().getByRole('button', { name: /^Remove/ }).click();
  await p.locator('tbody tr').nth(3).waitFor();
  await p.fill('#own-networks', '198.51.100.0/24');
  await p.getByRole('button', { name: 'Save' }).click();
  await p.reload();
  await p.locator('#own-networks').waitFor();
  assert.equal(await p.locator('#own-networks').inputValue(), '198.51.100.0/24');
  await p.context().close();
});

mockOnly('a hub in a hub tells above what its circles saw only once that is said, and one choice ends it', async () => {
  const p = await open(world, '/federation/sharing');
  const section = p.locator('section:has(#findings-h)');
  await section.getByRole('rowheader', { name: 'everything it warned of Hubs of the region' }).waitFor();
  assert.match(await section.innerText(), /of Seven Rivers/); // not the agreement circle
  const first = section.locator('select').first();
  assert.equal(await first.inputValue(), 'never');
  assert.deepEqual(await first.locator('option').evaluateAll((all) => all.map((o) => o.value)), ['never', 'after_minutes', 'at_once']);
  await first.selectOption('at_once');
  await section.getByText('Marta Ortega').waitFor();
  await p.reload();
  await section.getByText('Marta Ortega').waitFor();
  assert.equal(await section.locator('tbody tr').count(), 1);
  assert.equal(await section.locator('select').first().inputValue(), 'at_once');
  assert.match(await section.locator('thead').innerText(), /Told so far/i);
  await section.getByRole('button', { name: /^Remove/ }).click();
  await section.locator('tbody tr', { hasText: 'as shipped' }).waitFor();
  assert.equal(await section.locator('select').first().inputValue(), 'never');
  await p.context().close();
});

mockOnly('the composer: the button repeats how many will be able to read, and RED goes to named people only', async () => {
  const p = await open(world, '/stories/new');
  await p.getByRole('button', { name: 'Send to 8 organisations' }).waitFor();
  await p.locator('#c-reach').selectOption('nda');
  await p.getByRole('button', { name: 'Send to 3 organisations' }).waitFor();
  assert.match(await text(p, '.aud .no'), /Not Valdehierro/);
  await p.locator('.pick input').first().check();
  await p.locator('.aud strong').waitFor();
  await p.waitForFunction(() => document.querySelector('.compose [type=submit]').disabled);
  await p.fill('#c-names', 'A. Petrova @ Brezovgrad');
  await p.getByRole('button', { name: 'Send to one person' }).waitFor();
  await p.fill('#c-title', 'For one pair of eyes');
  await p.fill('#c-text', 'They came in by the supplier.');
  await p.getByRole('button', { name: 'Send to one person' }).click();
  await p.locator('h1', { hasText: 'For one pair of eyes' }).waitFor();
  assert.equal(await text(p, '.story .tlp'), 'TLP:RED');
  await p.context().close();
});

mockOnly('an author tightens a label and retracts, and is asked once more before it is gone', async () => {
  const p = await open(world, '/stories/i1');
  await p.locator('#tighten').waitFor();
  assert.equal(await p.locator('#tighten option').count(), 2, 'only tighter labels are offered');
  await p.locator('#tighten').selectOption('RED');
  await p.getByRole('button', { name: 'Tighten', exact: true }).click();
  await p.locator('.story .tlp.red').first().waitFor();
  await p.getByRole('button', { name: /^Retract / }).click();
  assert.equal(await p.locator('.story .chip', { hasText: 'Retracted' }).count(), 0, 'nothing happens at the first press');
  await p.getByRole('button', { name: /^Retract for good\?/ }).click();
  await p.locator('.story .chip', { hasText: 'Retracted' }).waitFor();
  await p.context().close();
});

mockOnly('a new version: what it says stands in the form, who will read is asked again, and wider it goes only where that is meant', async () => {
  const p = await open(world, '/stories/i1');
  await p.getByRole('link', { name: 'New version' }).click();
  await p.getByRole('button', { name: 'Send to 4 organisations' }).waitFor();
  assert.match(await p.locator('#c-title').inputValue(), /^Stolen sign-ins/);
  assert.equal(await p.locator('#c-kind').count() + await p.locator('#c-circle').count(), 0);
  await p.fill('#c-names', 'Valdehierro\nBrezovgrad');
  await p.locator('.aud', { hasText: 'hear of it' }).waitFor();
  await p.locator('#c-reach').selectOption('all');
  await p.locator('.aud', { hasText: 'say that you mean it' }).waitFor();
  assert.equal(await p.locator('.compose [type=submit]').isDisabled(), true);
  await p.locator('.aud [type=checkbox]').check();
  await p.fill('#c-title', 'What we know now');
  await p.getByRole('button', { name: 'Send to 8 organisations' }).click();
  await p.locator('h1', { hasText: 'What we know now' }).waitFor();
  await p.goto(`${world.url}/stories/i3/edit`);
  await p.getByText('not yours').waitFor();
  await p.context().close();
});

mockOnly('an export under the Chatham House Rule is read before it can be saved', async () => {
  const p = await open(world, '/stories/i3');
  await p.fill('#chr-also', 'a supplier');
  assert.equal(await p.getByRole('link', { name: 'Save it' }).count(), 0);
  await p.getByRole('button', { name: 'Take the sources out' }).click();
  await p.getByText('account of [removed].').waitFor();
  const [file] = await Promise.all([p.waitForEvent('download'), p.getByRole('link', { name: 'Save it' }).click()]);
  assert.equal(file.suggestedFilename(), 'chatham-house.json');
  await p.fill('#chr-also', 'another');
  await p.getByRole('link', { name: 'Save it' }).waitFor({ state: 'detached' });
  await p.goto(`${world.url}/stories/i2`);
  await p.locator('.story .text').waitFor();
  assert.equal(await p.locator('#chr-also').count(), 0, 'RED does not go this way');
  await p.context().close();
});

mockOnly('an approval wants the fingerprint compared and the right password', async () => {
  const p = await open(world, '/federation/members');
  await p.locator('.request [type=password]').fill('wrong');
  await p.getByRole('button', { name: 'Approve' }).click();
  assert.match(await text(p, '.request .error'), /Compare the fingerprint/);
  await p.locator('.request [type=checkbox]').check();
  await p.getByRole('button', { name: 'Approve' }).click();
  await p.locator('.request .error', { hasText: 'not your password' }).waitFor();
  await p.locator('.request [type=password]').fill('right');
  await p.getByRole('button', { name: 'Approve' }).click();
  await p.locator('.request').waitFor({ state: 'detached' });
  await p.context().close();
});

mockOnly('an officer takes an item back for its author, and another must sign it too', async () => {
  const p = await open(world, '/stories/i3');
  await p.locator('#pw-stone-story').fill('right');
  await p.getByRole('button', { name: 'Sign it' }).click();
  await p.locator('.error', { hasText: 'reason' }).waitFor();
  await p.fill('#stone-why-story', 'A person is named in it');
  await p.getByRole('button', { name: 'Sign it' }).click();
  await p.locator('.toast', { hasText: 'another officer' }).waitFor();
  await p.goto(`${world.url}/federation/members`);
  const request = p.locator('.request', { hasText: 'An item taken back for its author' });
  await request.locator('a', { hasText: 'i3' }).waitFor();
  assert.match(await request.innerText(), /A person is named in it/);
  await request.locator('[type=password]').fill('right');
  await request.getByRole('button', { name: 'Approve' }).click();
  await request.waitFor({ state: 'detached' });
  await p.context().close();
});

mockOnly('a small member gets a personal link, shown once, and it is ended in two presses', async () => {
  const p = await open(world, '/federation/members');
  await p.locator('summary', { hasText: 'Make a personal link' }).click();
  await p.fill('#link-organisation', 'Brezovgrad');
  await p.fill('#link-person', 'Finn');
  await p.getByRole('button', { name: 'Make the link' }).click();
  await p.locator('#link-organisation-error').waitFor();
  await p.fill('#link-organisation', 'Smalltown');
  await p.fill('#link-mail', 'finn@smalltown.example');
  await p.locator('#link-language').selectOption('es');
  await p.getByRole('button', { name: 'Make the link' }).click();
  assert.match(await text(p, '.made code'), /\/m\/3f3f/);
  await p.getByRole('button', { name: 'I have passed it on' }).click();
  const row = p.locator('section:has(#links-h) li', { hasText: 'Finn' });
  assert.match(await row.innerText(), /finn@smalltown\.example/);
  await row.getByRole('button', { name: /^End it/ }).click();
  await row.getByRole('button', { name: /^End it now\?/ }).click();
  await row.waitFor({ state: 'detached' });
  await p.context().close();
});

mockOnly('a member is suspended with the officer\'s password, and a change that needs two officers says so', async () => {
  const p = await open(world, '/federation/members');
  const row = p.locator('tr', { hasText: 'Brezovgrad' });
  await row.getByRole('button', { name: /^Change/ }).click();
  const sign = p.locator('tr', { has: p.locator('form') });
  await sign.getByRole('button', { name: 'Suspend' }).click();
  await sign.locator('.error', { hasText: 'password is needed' }).waitFor();
  await sign.locator('[type=password]').fill('right');
  await sign.getByRole('button', { name: 'Suspend' }).click();
  await row.locator('.chip', { hasText: 'Suspended' }).waitFor();
  await p.locator('summary', { hasText: 'Become an officer' }).click();
  await p.fill('#pw-officer', 'right');
  await p.getByRole('button', { name: 'Become an officer' }).click();
  await p.locator('.toast', { hasText: 'another officer' }).waitFor();
  await p.context().close();
});

mockOnly('a warning is taken with a reason, and not without', async () => {
  const p = await open(world, '/warnings');
  await p.getByRole('link', { name: 'Remote portal of a pump maker' }).click();
  await p.getByText('3 matches').waitFor();
  await p.getByRole('button', { name: 'Take it' }).click();
  await p.waitForFunction(() => document.activeElement?.id === 'decide-why');
  await p.keyboard.type('We have that portal.');
  await p.getByRole('button', { name: 'Take it' }).click();
  await p.locator('.head .chip', { hasText: 'Taken' }).waitFor();
  await p.context().close();
});

mockOnly('by keyboard: g w, g o and g f lead to the pages, and a small screen finds them in Settings', async () => {
  const p = await open(world, '/alerts');
  await p.locator('.queue tbody tr').first().waitFor();
  for (const [key, path] of [['w', '/warnings'], ['o', '/stories'], ['f', '/federation']]) {
    await p.keyboard.press('g');
    await p.keyboard.press(key);
    await p.waitForURL(`**${path}`);
  }
  await p.setViewportSize({ width: 400, height: 860 });
  await p.locator('.nav .more').click();
  await p.locator('dialog.settings').getByRole('link', { name: 'Stories' }).click();
  await p.waitForURL('**/stories');
  assert.deepEqual(p.wrongs, []);
  await p.context().close();
});

mockOnly('a node in no community says what the next step is', async () => {
  await world.reset({ empty: true });
  const p = await open(world, '/federation');
  await p.getByText('This node is in no community yet').waitFor();
  await p.getByRole('button', { name: 'Join a community' }).click();
  await p.fill('#join-url', 'hub.example:8610');
  await p.fill('#join-code', 'a');
  await p.fill('#join-fingerprint', 'b');
  await p.getByRole('button', { name: 'Ask to join' }).click();
  await p.locator('#join-url').waitFor({ state: 'detached' });
  await p.context().close();
});
