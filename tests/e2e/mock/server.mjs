// SPDX-License-Identifier: EUPL-1.2
// A MOCK of the desk's API, for developing the page and for tests of the page alone. It is not Sereno:
// nothing is received, detected or kept here. It stands beside the real node and answers in the same
// shapes, with the same headers, so that the page cannot tell. /mock/* moves its world for tests.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { KIND_COUNT, costs, makeAlert, makeWorld, refused, rules, secondCopy, sources } from './data.mjs';
import { makeShare, share } from './share.mjs';

const DIST = fileURLToPath(new URL('../../../ui/dist', import.meta.url));
const CSP =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };
const CSRF = 'mock-csrf-token';

export function startMock({ port = 0, pulseMs = 5000 } = {}) {
  const w = { items: new Map(), tokens: [], streams: new Set(), signedIn: true, empty: false, eventId: 0, log: [], next: 0, failures: 0, pulse: {} };

  const reset = (empty = false) => {
    w.items = new Map(empty ? [] : makeWorld(Date.now()).map((x) => [x.alert.id, x]));
    w.tokens = empty ? [] : [{ id: 't1', name: 'Windows collectors', source: 'Windows process', created: new Date(Date.now() - 9e8).toISOString(), last_used: new Date(Date.now() - 2000).toISOString() }];
    w.share = makeShare(empty);
    w.signedIn = true;
    w.empty = empty;
    w.log = [];
    w.next = 0;
    w.failures = 0;
    w.pulse = {};
    w.copy = {};
  };
  reset();

  const all = () => [...w.items.values()].map((x) => x.alert).sort((a, b) => (a.received < b.received ? 1 : a.received > b.received ? -1 : a.id < b.id ? 1 : -1));
  const isOpen = (a) => a.status !== 'closed';
  const counts = () => {
    const list = all();
    const open = list.filter(isOpen);
    return {
      open: open.length,
      new: list.filter((a) => a.status === 'new').length,
      acknowledged: list.filter((a) => a.status === 'acknowledged').length,
      closed_today: list.length - open.length,
      oldest_open: open.length ? open[open.length - 1].received : null,
    };
  };
  const liveSources = () => (w.empty ? [] : sources(Date.now()));
  const lastEvent = () => (w.empty ? null : new Date(Date.now() - 2000).toISOString());
  const pulse = () => ({ last_event: lastEvent(), sources: { total: liveSources().length, live: Math.max(0, liveSources().length - 2) }, rate: w.empty ? 0 : 256.9, open: counts().open, ...w.pulse });

  const emit = (event, data) => {
    w.eventId += 1;
    for (const res of w.streams) res.write(`id: ${w.eventId}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const timer = setInterval(() => emit('pulse', pulse()), pulseMs);

  const send = (res, status, body, headers = {}) => {
    const text = body === null ? '' : JSON.stringify(body);
    res.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers });
    res.end(text);
  };
  const fail = (res, status, code, message, where = null) => send(res, status, { error: { code, message, where } });

  const today = () => {
    const open = all().filter(isOpen);
    const figure = (level, until) => ({ level, until, more: false, count: open.filter((a) => (!level || a.rule.level === level) && (!until || a.received < until)).length });
    const at = new Date();
    const ago = (days) => new Date(at - days * 864e5).toISOString().replace(/\.\d+/, '');
    return {
      at: at.toISOString(), looked_for: 0, due: [], sources: { all: liveSources().length, silent: 0, behind: 0, held: 0 }, warnings: { all: 0, waiting: 0 },
      alerts: [...['informational', 'low', 'medium', 'high', 'critical'].map((level) => figure(level, null)), ...[1, 3, 7].map((days) => figure(null, ago(days)))],
      backup: { at: null, faults: 0 }, verified: { at: null, faults: 0 }, copy: { state: 'none', at: null, waiting: 0 },
    };
  };

  const listAlerts = (url, res) => {
    const until = url.searchParams.get('until');
    const q = url.searchParams;
    const status = q.get('status') ?? 'open';
    const levels = q.get('level')?.split(',');
    const words = (q.get('q') ?? '').toLowerCase().split(/\s+/).filter(Boolean);
    const list = all().filter(
      (a) =>
        (status === 'all' || (status === 'open' ? isOpen(a) : a.status === status)) &&
        (!levels || levels.includes(a.rule.level)) &&
        (!until || a.received < until) &&
        (!q.get('rule') || a.rule.id === q.get('rule')) &&
        (!q.get('host') || (a.host ?? '').toLowerCase() === q.get('host').toLowerCase()) &&
        words.every((x) => `${a.rule.title} ${a.summary} ${a.host} ${a.user} ${a.source.name}`.toLowerCase().includes(x)),
    );
    const limit = Math.min(Number(q.get('limit') ?? 100), 500);
    const from = Number(q.get('cursor') ?? 0);
    send(res, 200, { items: list.slice(from, from + limit), next: from + limit < list.length ? String(from + limit) : null, counts: counts() });
  };

  const act = (id, what, body, res) => {
    const x = w.items.get(id);
    if (!x) return fail(res, 404, 'not_found', 'This alert is not here.');
    if (w.failures > 0) {
      w.failures -= 1;
      return fail(res, 503, 'busy', 'The keeper is busy. Try again in a moment.');
    }
    if (body.revision !== x.alert.revision)
      return send(res, 409, { error: { code: 'stale', message: 'This alert was changed meanwhile.', where: null }, alert: x.alert });
    if (what === 'close' && !['true_positive', 'false_positive', 'benign', 'duplicate'].includes(body.reason))
      return fail(res, 422, 'reason', 'Name one of the four reasons.', 'reason');
    const status = { acknowledge: 'acknowledged', close: 'closed', reopen: 'new' }[what];
    x.alert = { ...x.alert, status, revision: x.alert.revision + 1, assignee: what === 'reopen' ? null : 'Marta Ortega', close_reason: what === 'close' ? body.reason : null };
    x.detail.history.push({ time: new Date().toISOString(), who: 'Marta Ortega', what: { acknowledge: 'acknowledged', close: 'closed', reopen: 'reopened' }[what], reason: body.reason ?? null, note: body.note || null });
    w.log.push({ id, what, ...body });
    send(res, 200, x.alert);
    emit('change', x.alert);
    return undefined;
  };

  const api = async (req, res, url, body) => {
    const path = url.pathname.slice('/api/v1'.length);
    if (!w.signedIn) return fail(res, 401, 'no_session', 'Sign in.');
    if (req.method !== 'GET' && req.headers['x-sereno-csrf'] !== CSRF) return fail(res, 403, 'csrf', 'The CSRF header is missing.');
    let m;
    if (path === '/session') return send(res, 200, { user: { id: 'u1', name: 'Marta Ortega', role: 'administrator' }, csrf: CSRF, node: { name: 'City of Valdehierro', version: '0.1.0-mock' } });
    if (path === '/today') return send(res, 200, today());
    if (path === '/alerts' && req.method === 'GET') return listAlerts(url, res);
    if ((m = /^\/alerts\/([^/]+)$/.exec(path)) && req.method === 'GET') {
      const x = w.items.get(decodeURIComponent(m[1]));
      return x ? send(res, 200, { ...x.alert, ...x.detail }) : fail(res, 404, 'not_found', '');
    }
    if ((m = /^\/alerts\/([^/]+)\/(acknowledge|close|reopen)$/.exec(path)) && req.method === 'POST') return act(decodeURIComponent(m[1]), m[2], body, res);
    if (path === '/sources') return send(res, 200, { items: liveSources(), unknown: w.empty ? 0 : 1210 });
    if (path === '/tokens' && req.method === 'GET') return send(res, 200, { items: w.tokens });
    if (path === '/tokens' && req.method === 'POST') {
      if (w.tokens.some((t) => t.name === body.name)) return fail(res, 409, 'exists', 'A token of this name exists. Choose another name.', 'name');
      const id = `t${w.tokens.length + 2}`;
      w.tokens.push({ id, name: body.name, source: body.source, created: new Date().toISOString(), last_used: null });
      return send(res, 201, { id, token: 'srn_mock_7Qd2vX0fJ8sLkW3hT6bN9aYc' });
    }
    if ((m = /^\/tokens\/([^/]+)$/.exec(path)) && req.method === 'DELETE') {
      w.tokens = w.tokens.filter((t) => t.id !== m[1]);
      return send(res, 204, null);
    }
    if (path === '/status')
      return send(res, 200, {
        version: '0.1.0-mock', started: new Date(Date.now() - 8.2e7).toISOString(), events: w.empty ? 0 : 51_563_698, alerts: w.items.size, last_event: lastEvent(),
        sources: pulse().sources, rules: { loaded: rules.length, refused: refused.length, alert: rules.length - 2 },
        roles: ['super', 'intake', 'intake', 'keeper', 'desk', 'courier'].map((name, i) => ({ name, pid: 4100 + i, restarts: i === 2 ? 1 : 0 })),
        archive: { bytes: w.empty ? 0 : 1_912_004_221, events: w.empty ? 0 : 51_563_698, oldest_day: w.empty ? null : '2026-11-02' }, sandbox: 'on',
      });
    if (path === '/copy') return send(res, 200, { ...secondCopy(w.empty ? 'none' : 'fine'), ...w.copy });
    if (path === '/rules/costs') {
      const sort = url.searchParams.get('sort') ?? 'ns';
      const limit = Number(url.searchParams.get('limit') ?? 100);
      if (!['ns', 'candidates', 'hits', 'events'].includes(sort)) return fail(res, 400, 'bad_query', 'This value is not one the list knows.');
      return send(res, 200, { items: w.empty ? [] : [...costs].sort((a, b) => b[sort] - a[sort]).slice(0, limit) });
    }
    if (path === '/rules') {
      const q = (url.searchParams.get('q') ?? '').toLowerCase().split(/\s+/).filter(Boolean);
      const list = rules.filter((r) => q.every((x) => `${r.title} ${r.file} ${r.id}`.toLowerCase().includes(x)));
      const limit = Number(url.searchParams.get('limit') ?? 100);
      const hits = (r) => all().filter((a) => a.rule.id === r.id).length;
      return send(res, 200, { items: list.slice(0, limit).map(({ id, title, level, file }) => ({ id, title, level, file, events: 1_204_551, hits: hits({ id }) })), refused });
    }
    if (path === '/stream') {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', Connection: 'keep-alive' });
      res.write('retry: 500\n\n');
      w.streams.add(res);
      res.on('close', () => w.streams.delete(res));
      w.eventId += 1;
      res.write(`id: ${w.eventId}\nevent: pulse\ndata: ${JSON.stringify(pulse())}\n\n`);
      return undefined;
    }
    // As the node: these take no body.
    if (/^\/federation\/(stop|resume)$/.test(path) && req.sent) return fail(res, 400, 'no_body', 'This request takes no body.');
    const shared = share(w.share, req.method, path, body, (status, answer) => (send(res, status, answer), true), (...why) => (fail(res, ...why), true));
    if (shared) return undefined;
    return fail(res, 404, 'not_found', 'No such resource.');
  };

  /** What tests do to the world. */
  const control = (path, body, res) => {
    if (path === '/mock/reset') reset(body.empty === true);
    else if (path === '/mock/alert') {
      const made = [];
      for (let n = 0; n < (body.count ?? 1); n += 1) {
        const x = makeAlert(body.kind ?? w.next++ % KIND_COUNT, 0, Date.now());
        if (body.host) x.alert.host = body.host;
        w.items.set(x.alert.id, x);
        emit('alert', x.alert);
        made.push(x.alert.id);
      }
      return send(res, 200, { ids: made });
    } else if (path === '/mock/other') {
      // Someone else acknowledges: over the stream unless it is to be a surprise.
      const x = w.items.get(body.id);
      x.alert = { ...x.alert, status: body.status ?? 'acknowledged', revision: x.alert.revision + 1, assignee: 'Luis Prado' };
      if (!body.silent) emit('change', x.alert);
    } else if (path === '/mock/expire') w.signedIn = false;
    else if (path === '/mock/renew') w.signedIn = true;
    else if (path === '/mock/fail') w.failures = body.count ?? 1;
    else if (path === '/mock/pulse') {
      w.pulse = body;
      emit('pulse', pulse());
    }
    else if (path === '/mock/copy') w.copy = body.state ? secondCopy(body.state) : {};
    else if (path === '/mock/cut') for (const s of w.streams) s.destroy();
    else if (path === '/mock/log') return send(res, 200, { log: w.log });
    return send(res, 200, {});
  };

  const page = async (res, pathname) => {
    const name = pathname.startsWith('/assets/') ? normalize(pathname) : '/index.html';
    try {
      const bytes = await readFile(join(DIST, name));
      res.writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP, 'X-Content-Type-Options': 'nosniff' });
      res.end(bytes);
    } catch {
      res.writeHead(404, { 'Content-Security-Policy': CSP });
      res.end('not found');
    }
  };

  const server = createServer(async (req, res) => {
    const url = new URL(req.url, 'http://mock');
    let raw = '';
    for await (const part of req) raw += part;
    let body = {};
    try {
      const isForm = req.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
      req.sent = raw;
      body = isForm ? Object.fromEntries(new URLSearchParams(raw)) : raw ? JSON.parse(raw) : {};
    } catch {
      return fail(res, 400, 'json', 'The body is no JSON.');
    }
    if (url.pathname.startsWith('/api/v1/')) return api(req, res, url, body);
    if (url.pathname.startsWith('/mock/')) return control(url.pathname, body, res);
    if (url.pathname === '/login' || url.pathname === '/logout') {
      res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': CSP });
      return res.end('<!doctype html><html lang="en"><title>Sign in · mock</title><main><h1>Sign in</h1><p>The mock has no sign-in page.</p></main></html>');
    }
    return page(res, url.pathname);
  });
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      resolve({
        url: `http://127.0.0.1:${server.address().port}`,
        close: () => {
          clearInterval(timer);
          for (const s of w.streams) s.destroy();
          server.closeAllConnections?.();
          return new Promise((done) => server.close(done));
        },
      });
    });
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const mock = await startMock({ port: Number(process.env.PORT ?? 8899) });
  console.log(`mock of the desk's API (not Sereno itself): ${mock.url}`);
}
