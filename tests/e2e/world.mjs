// SPDX-License-Identifier: EUPL-1.2
// What the tests stand on: a browser and either the mock or a running node.
//   SERENO_URL     address of a running node; without it the mock is started
//   SERENO_COOKIE  its session cookie, as NAME=VALUE
//   SERENO_SEND    a shell command that makes the node raise one new alert
// Whatever only the mock can do (empty world, expiry, conflicts) is skipped on a real node, by name.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { startMock } from './mock/server.mjs';

const run = promisify(execFile);
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export const onNode = Boolean(process.env.SERENO_URL);

export async function startWorld() {
  const mock = onNode ? null : await startMock();
  const url = onNode ? process.env.SERENO_URL.replace(/\/$/, '') : mock.url;
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: FLAGS });
  const tell = async (path, body = {}) => {
    const res = await fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!res.ok) throw new Error(`mock said ${res.status} to ${path}`);
    return res.json();
  };
  return {
    url,
    browser,
    onNode,
    reset: (o = {}) => (onNode ? Promise.resolve() : tell('/mock/reset', o)),
    tell,
    newAlert: (o = {}) => (onNode ? run('/bin/sh', ['-c', process.env.SERENO_SEND]) : tell('/mock/alert', o)),
    canSend: !onNode || Boolean(process.env.SERENO_SEND),
    close: async () => {
      await browser.close();
      await mock?.close();
    },
  };
}

/** A page in a fresh browser profile. Every console error and CSP complaint is kept in page.wrongs. */
export async function open(world, path, { width = 1280, height = 900, theme = 'light', locale = 'en-GB' } = {}) {
  const context = await world.browser.newContext({ viewport: { width, height }, colorScheme: theme, locale, timezoneId: 'Europe/Madrid', reducedMotion: 'reduce' });
  if (process.env.SERENO_COOKIE && world.onNode) {
    const [name, ...value] = process.env.SERENO_COOKIE.split('=');
    await context.addCookies([{ name, value: value.join('='), url: world.url, sameSite: 'Strict' }]);
  }
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.wrongs = [];
  page.on('pageerror', (e) => page.wrongs.push(`page error: ${e.message}`));
  page.on('console', (m) => {
    if (m.type() === 'error' && !/status of (401|404|409|503)/.test(m.text())) page.wrongs.push(`console: ${m.text()}`);
  });
  await page.goto(`${world.url}${path}`);
  return page;
}
