// SPDX-License-Identifier: EUPL-1.2
// What the tests stand on: a browser and either the mock or a running node.
//   SERENO_PROGRAM the program: each test file starts a node of its own and sends it the recorded attack
//   SERENO_URL     or else: address of a node that runs already
//   SERENO_COOKIE  its session cookie, as NAME=VALUE
//   SERENO_SEND    a shell command that makes that node raise one new alert
// Without any of them the mock is started.
// Whatever only the mock can do (empty world, expiry, conflicts) is skipped on a real node, by name.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { startMock } from './mock/server.mjs';
import { Node, setUp, until } from './node.mjs';

const run = promisify(execFile);
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: FLAGS });

/** A node of our own with an administrator; `attacked`: what the recorded attack raises is in its queue. */
export async function startNode({ setup = true, attacked = setup, registers = [], roles = {} } = {}) {
  const node = await Node.start(process.env.SERENO_PROGRAM, { registers, roles });
  const browser = await launch();
  try {
    if (setup) await setUp(node, browser);
    if (attacked) {
      await node.attack('ssh');
      // Raised by the last line but few; alerts come in the order of the lines.
      await until('the alerts of the recorded attack', async () => {
        const { items } = await node.api('/alerts?status=all&limit=100');
        return items.some((a) => a.rule.title === 'Log Files Cleared Through Sudo');
      });
    }
  } catch (err) {
    await browser.close();
    await node.stop();
    throw err;
  }
  let sent = 0;
  return {
    node,
    url: node.url,
    browser,
    onNode: true,
    get cookie() { return node.cookie; },
    reset: async () => undefined,
    newAlert: ({ host } = {}) => node.refusal(`${host ?? 'gate'}-${(sent += 1)}`),
    canSend: true,
    close: async () => {
      await browser.close();
      await node.stop();
    },
  };
}

export async function startWorld() {
  if (process.env.SERENO_PROGRAM) return startNode();
  const url = process.env.SERENO_URL?.replace(/\/$/, '');
  const mock = url ? null : await startMock();
  const browser = await launch();
  const tell = async (path, body = {}) => {
    const res = await fetch(`${mock.url}${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!res.ok) throw new Error(`mock said ${res.status} to ${path}`);
    return res.json();
  };
  return {
    url: url ?? mock.url,
    browser,
    onNode: !mock,
    cookie: process.env.SERENO_COOKIE,
    reset: (o = {}) => (mock ? tell('/mock/reset', o) : Promise.resolve()),
    tell,
    newAlert: (o = {}) => (mock ? tell('/mock/alert', o) : run('/bin/sh', ['-c', process.env.SERENO_SEND])),
    canSend: Boolean(mock || process.env.SERENO_SEND),
    close: async () => {
      await browser.close();
      await mock?.close();
    },
  };
}

/** SERENO_SLOW: milliseconds by which each answer is late, on a processor that is that many 50ths slower: what reads a page too early fails. */
async function slowed(context, page) {
  const ms = Number(process.env.SERENO_SLOW ?? 0);
  if (!ms) return;
  const cdp = await context.newCDPSession(page);
  await cdp.send('Network.enable');
  await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: ms, downloadThroughput: -1, uploadThroughput: -1 });
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: Math.max(1, ms / 50) });
}

/** A page in a fresh browser profile. Every console error and CSP complaint is kept in page.wrongs. */
export async function open(world, path, { width = 1280, height = 900, theme = 'light', locale = 'en-GB' } = {}) {
  const context = await world.browser.newContext({ viewport: { width, height }, colorScheme: theme, locale, timezoneId: 'Europe/Madrid', reducedMotion: 'reduce' });
  if (world.cookie) {
    const [name, ...value] = world.cookie.split('=');
    await context.addCookies([{ name, value: value.join('='), url: world.url, sameSite: 'Strict' }]);
  }
  const page = await context.newPage();
  page.setDefaultTimeout(60_000); // a last resort: the machine may be busy
  await slowed(context, page);
  page.wrongs = [];
  page.on('pageerror', (e) => page.wrongs.push(`page error: ${e.message}`));
  page.on('console', (m) => {
    if (m.type() === 'error' && !/status of (401|404|409|412|422|503)/.test(m.text())) page.wrongs.push(`console: ${m.text()}`);
  });
  await page.goto(`${world.url}${path}`);
  return page;
}

/** What has the focus, once it is as wanted: a page moves it when it has drawn, which a busy machine does later than a test asks. */
export async function focusOn(p, want) {
  let seen;
  await until(`the focus on ${want}`, async () => {
    seen = await p.evaluate(() => document.activeElement?.id || document.activeElement?.textContent?.trim());
    return want instanceof RegExp ? want.test(seen) : seen === want;
  }).catch((err) => assert.fail(`${err.message}; it is on ${seen}`));
}
