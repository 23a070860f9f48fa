// SPDX-License-Identifier: EUPL-1.2
// A real node for the tests: a config and a data folder of its own, free ports, stopped and removed at the end.
// Nothing here knows how the node works inside: it is started, read, fed and asked as anybody would.
import { execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LIMIT_MS = 60_000; // how long anything may take on a machine that is busy with other things
export const REPO = fileURLToPath(new URL('../..', import.meta.url));
export const ADMIN = { name: 'Elena', password: 'correct lantern battery staple' };
export const TOKEN = 'only-for-this-test-0123456789abcdef';

// Below the range from which the kernel takes a port for each outgoing connection: none can be in the way of a restart.
const LOWEST_PORT = 10_000;
const FIRST_EPHEMERAL = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'ascii').split(/\s/)[0]);

const listens = (port) =>
  new Promise((ok) => {
    const s = createServer().on('error', () => ok(false));
    s.listen(port, '127.0.0.1', () => s.close(() => ok(true)));
  });

async function freePort() {
  for (;;) {
    const port = randomInt(LOWEST_PORT, Math.max(FIRST_EPHEMERAL, 2 * LOWEST_PORT));
    if (await listens(port)) return port;
  }
}

/** Asks again and again until the answer is true; says for what it waited in vain. */
export async function until(what, ask, limit = LIMIT_MS) {
  const end = performance.now() + limit;
  for (;;) {
    const got = await ask();
    if (got) return got;
    if (performance.now() > end) throw new Error(`waited ${limit} ms in vain for: ${what}`);
    await new Promise((r) => setTimeout(r, 20));
  }
}

export class Node {
  /** `registers`: files of a city's own kinds of record; `roles`: texts of its own role files, by name. */
  static async start(program, { registers = [], roles = {} } = {}) {
    const node = new Node();
    node.folder = mkdtempSync(join(tmpdir(), 'sereno-e2e-'));
    if (registers.length > 0 || Object.keys(roles).length > 0) mkdirSync(join(node.folder, 'data'), { mode: 0o700 });
    if (Object.keys(roles).length > 0) mkdirSync(join(node.folder, 'data', 'roles'), { mode: 0o700 });
    for (const [name, text] of Object.entries(roles)) writeFileSync(join(node.folder, 'data', 'roles', name), text);
    if (registers.length > 0) mkdirSync(join(node.folder, 'data', 'registers'), { mode: 0o700 });
    for (const file of registers) copyFileSync(file, join(node.folder, 'data', 'registers', basename(file)));
    const [desk, ingest, tcp] = [await freePort(), await freePort(), await freePort()];
    Object.assign(node, { url: `http://127.0.0.1:${desk}`, ingest: `http://127.0.0.1:${ingest}/ingest`, tcp, log: '' });
    const config = join(node.folder, 'sereno.yml');
    writeFileSync(
      config,
      `node: {name: lantern-desk, organisation: lantern}
desk: {listen: "127.0.0.1:${desk}"}
ingest: {listen: "127.0.0.1:${ingest}"}
sources:
  - {name: firewall-room, kind: syslog-tcp, listen: "127.0.0.1:${tcp}"}
  - {name: posted, kind: http, token: "${TOKEN}"}
`,
    );
    node.process = spawn(program, ['serve', '--config', config, '--data', join(node.folder, 'data')], { stdio: ['ignore', 'pipe', 'pipe'] });
    const killed = () => node.process.kill('SIGKILL'); // a test run that is broken off leaves no node behind
    process.once('exit', killed);
    node.process.once('exit', () => process.off('exit', killed));
    node.ended = new Promise((ok) => node.process.on('exit', (code, by) => ok(by ?? code)));
    for (const out of [node.process.stdout, node.process.stderr]) {
      out.setEncoding('utf8');
      out.on('data', (d) => { node.log += d; });
    }
    node.setupUrl = (await node.said(/Set up Sereno: (\S+)/))[1];
    return node;
  }

  /** What the node printed, now or soon. */
  said(pattern) {
    return until(`the node to say ${pattern}\n${this.log}`, () => {
      if (this.process.exitCode !== null) throw new Error(`the node ended:\n${this.log}`);
      return pattern.exec(this.log);
    });
  }

  /** The recorded attack, as the README has it sent. */
  attack(kind = 'all') {
    return run('python3', [join(REPO, 'tools', 'send-attack'), kind, '--to', `127.0.0.1:${this.tcp}`]);
  }

  /** One line over syslog TCP. Resolves when the kernel has it. */
  line(text) {
    return new Promise((ok, fail) => {
      const s = connect(this.tcp, '127.0.0.1', () => s.end(`${text}\n`));
      s.on('error', fail);
      s.on('close', () => ok());
      s.resume();
    });
  }

  /** sudo refuses somebody on a host: one alert of rules/linux/lnx_sudo_refused.yml. */
  refusal(host, user = 'guest') {
    return this.line(`<85>1 ${new Date().toISOString()} ${host} sudo 812 - - ${user} : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh`);
  }

  async post(body, token = TOKEN, headers = {}) {
    const res = await fetch(this.ingest, { method: 'POST', body, headers: { Authorization: `Bearer ${token}`, ...headers } });
    return { status: res.status, body: await res.json() };
  }

  /** An answer of the API for the administrator of `cookie`; with a body it is a POST, or a PUT on the version it names. */
  async api(path, body, version) {
    const headers = { Cookie: this.cookie };
    if (body !== undefined) {
      this.csrf ??= (await this.api('/session')).csrf;
      Object.assign(headers, { 'Content-Type': 'application/json', 'X-Sereno-CSRF': this.csrf });
      if (version !== undefined) headers['If-Match'] = `"${version}"`;
    }
    const method = body === undefined ? 'GET' : version === undefined || path.endsWith('/move') ? 'POST' : 'PUT';
    const res = await fetch(`${this.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${await res.text()}`);
    return res.status === 204 ? null : res.json();
  }

  async stop() {
    if (this.process.exitCode === null) this.process.kill('SIGTERM');
    const how = await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
    return how;
  }
}

/** Makes the administrator with the one-time link, in a browser without JavaScript. Leaves the session in node.cookie. */
export async function setUp(node, browser) {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(node.setupUrl);
  await page.fill('#name', ADMIN.name);
  await page.fill('#password', ADMIN.password);
  await page.fill('#again', ADMIN.password);
  await page.click('button[type=submit]');
  await page.waitForURL(`${node.url}/`, { timeout: LIMIT_MS }).catch(async () => {
    throw new Error(`set-up did not work: ${await page.locator('body').innerText()}`);
  });
  const [cookie] = (await context.cookies()).filter((c) => /session/.test(c.name));
  node.cookie = `${cookie.name}=${cookie.value}`;
  await context.close();
  return node;
}
