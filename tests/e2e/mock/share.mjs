// SPDX-License-Identifier: EUPL-1.2
// The federation's part of the MOCK: invented cities, circles, stories and warnings, in the shapes of docs/FEDERATION.md §8.
const ago = (s) => new Date(Date.now() - s * 1000).toISOString();
const FP = 'K7QD-3XMN-WJ2A-PZ5L-T4HV-9BEC-RS6Y-UF7G';
const CITIES = ['Valdehierro', 'Montclair-sur-Lys', 'Brezovgrad', 'Luka Bila', 'Borgo San Tedaldo', 'Nordhavnsby', 'Kilcarrow', 'Oosterwaarde', 'Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch'];
const HEALTH = ['fine', 'fine', 'fine', 'late', 'fine', 'fine', 'fine', 'silent', 'never'];

export function makeShare(empty) {
  const circles = empty ? [] : [
    { id: 'c1', name: 'Seven Rivers', class: 'member', hub: 'h1', epoch: 14, issued: ago(9e5), expires: ago(-2e6), own: true, members: 9, state: 'valid' },
    { id: 'c2', name: 'Cities that signed the agreement', class: 'nda', hub: 'h1', epoch: 6, issued: ago(9e5), expires: ago(3e5), own: true, members: 4, state: 'expired' },
    { id: 'c3', name: 'Hubs of the region', class: 'member', hub: 'h2', epoch: 3, issued: ago(9e5), expires: ago(-2e6), own: false, members: 5, state: 'valid' },
  ];
  const members = CITIES.map((organisation, i) => ({
    node: `n${i}`, organisation, circle: 'c1', classes: i % 3 === 1 ? ['member', 'nda'] : ['member'], state: i === 6 ? 'suspended' : 'active', version: i === 8 ? null : '0.2.0',
    last_contact: HEALTH[i] === 'never' ? null : ago(HEALTH[i] === 'silent' ? 190_000 : 8 + i * 3), lag_s: HEALTH[i] === 'never' ? null : HEALTH[i] === 'late' ? 900 : 2, health: HEALTH[i],
    since_epoch: 3 + i, fingerprint: FP, certificate_expires: ago(-4e6),
  }));
  const dry = (state, more = {}) => ({ state, hunt: null, progress: null, matched: null, events: null, from: null, to: null, not_covered: null, ...more });
  const done = dry('done', { hunt: 'hunt-1', progress: 1, matched: 3, events: 61_204_551, from: ago(2_592_000), to: ago(60), not_covered: 1 });
  const warnings = empty ? [] : [
    { id: 'w1', version: 2, title: 'Password guessing over SSH, then a log-in', level: 'high', why: { kind: 'rule', value: 'SSH Log-in After Many Failures' }, seen: { text: 'seen by at least one other member', count: null }, first: ago(4000), last: ago(60), circle: 'c1', circle_name: 'Seven Rivers', received: ago(50), state: 'new', automatic: false, dry_run: dry('none') },
    { id: 'w2', version: 1, title: 'Remote portal of a pump maker', level: 'critical', why: { kind: 'indicator', value: 'portal-login.pumps.example' }, seen: { text: 'seen by 5 members', count: 5 }, first: ago(90_000), last: ago(7000), circle: 'c1', circle_name: 'Seven Rivers', received: ago(6900), state: 'checked', automatic: false, dry_run: done },
    { id: 'w3', version: 1, title: 'Look-alike names for parking fines', level: 'medium', why: { kind: 'technique', value: 'T1566.002' }, seen: { text: 'seen by at least one other member', count: null }, first: ago(190_000), last: ago(100_000), circle: 'c1', circle_name: 'Seven Rivers', received: ago(99_000), state: 'taken', automatic: true, dry_run: dry('running', { progress: 0.41 }) },
    { id: 'w4', version: 3, title: 'Withdrawn: scanner of a member', level: 'low', why: { kind: 'sequence', value: 'scan, then log-in' }, seen: { text: 'seen by at least one other member', count: null }, first: ago(290_000), last: ago(200_000), circle: 'c1', circle_name: 'Seven Rivers', received: ago(199_000), state: 'withdrawn', automatic: false, dry_run: dry('failed') },
  ];
  const item = (id, kind, tlp, title, more = {}) => ({ id, version: 1, kind, title, tlp, pap: 'AMBER', chr: false, circle: 'c1', circle_name: 'Seven Rivers', author: 'Brezovgrad', mine: false, created: ago(86_400), expires: null, state: 'current', receipts: null, ...more });
  const items = empty ? [] : [
    item('i1', 'story', 'AMBER+STRICT', "Stolen sign-ins to the pump maker's remote portal", { mine: true, author: 'Valdehierro', receipts: { sent: 8, received: 7, removed: 0 } }),
    item('i2', 'story', 'RED', 'For named readers', { chr: true, pap: 'RED', author: null }),
    item('i3', 'notice', 'GREEN', 'Fake parking fines by SMS'),
    item('i4', 'teaser', 'CLEAR', 'How one city got rid of its last shared administrator password', { state: 'tightened' }),
    item('i5', 'story', 'AMBER', 'Taken back', { state: 'retracted' }),
  ];
  return { links: empty ? [] : [{ id: 'l1', circle: 'c1', organisation: 'Aldea Baja', person: 'Eva Ruiz', mail: 'eva@aldea.example', language: 'es', created_by: 'Marta Ortega', created: ago(9e5), expires: ago(-5e6), last_used: ago(4000) }],
    stopped: false, empty, circles, members, warnings, items,
    words: { networks: '192.0.2.0/24', domains: 'valdehierro.example', automatic: false, cap: 0, agreed: false },
    rules: empty ? [] : [
      { id: 's2', circle: 'c1', circle_name: 'Seven Rivers', class: { level: 'critical', product: null, technique: null, source: null }, when: 'after_minutes', minutes: 30, since: ago(4e5), by: 'Marta Ortega', sent: 41 },
      { id: 's3', circle: 'c2', circle_name: 'Cities that signed the agreement', class: { level: null, product: 'zeek', technique: null, source: null }, when: 'never', minutes: null, since: ago(4e5), by: 'Marta Ortega', sent: 0 },
    ],
    stones: empty ? [] : [{ item: '0197f3c0-0000-7000-8000-00000000000a', circle: 'c1', reason: 'It names a city that did not agree.', at: ago(7200), sent: 20, removed: 19 }],
    requests: empty ? [] : [{ id: 'r1', organisation: 'Sankt Marien', kind: 'member', circle: 'c2', circle_class: 'nda', fingerprint: FP, asked: ago(500), approvals: [{ who: 'Luis Prado', at: ago(200) }], needed: 2, state: 'waiting' }],
  };
}

const board = (s) => ({
  node: { id: '9f2c1a7be0d4435c8a6b7c1d2e3f4a5b', fingerprint: FP, organisation: 'Seven Rivers Hub' }, stopped: s.stopped, stopped_by: s.stopped ? 'Marta Ortega' : null, stopped_at: s.stopped ? ago(5) : null, hub: !s.empty,
  links: s.empty ? [] : [
    { hub: 'h2', name: 'Hub of the region', url: 'https://region.example:8610', state: 'up', since: ago(9e5), last_contact: ago(6), up: { epoch: 3, seq: 912, acked: 910, waiting: 2, dropped: 0 }, down: { epoch: 2, seq: 77 }, certificate_expires: ago(-5e6), error: null },
    { hub: 'h3', name: 'Hub of the nation', url: 'https://nation.example:8610', state: 'down', since: ago(9e5), last_contact: ago(9000), up: { epoch: 1, seq: 12, acked: 2, waiting: 10, dropped: 4 }, down: { epoch: 1, seq: 1 }, certificate_expires: ago(-5e6), error: 'The other side does not answer; the next try is in 4 minutes.' },
  ],
  circles: s.circles, members: s.empty ? [] : s.members, joins: s.empty ? [] : [{ id: 'j1', url: 'https://county.example:8610', state: 'waiting', hub_fingerprint: FP, error: null }],
  newer: s.empty ? 0 : 2,
  room: s.empty ? [] : [
    { what: 'signals', circle: 'c1', member: 'Kilcarrow', most: 32768, dropped: 2049, refused: 0, last: ago(600) },
    { what: 'warnings', circle: 'c1', member: null, most: 4096, dropped: 3, refused: 0, last: ago(90000) },
  ],
});

const level = () => ({ level: 'raised', since: ago(3000), reasons: [{ text: 'Remote portal of a pump maker', count: 5 }, { text: 'Password guessing over SSH, then a log-in', count: null }],
});

const LEVELS = ['CLEAR', 'GREEN', 'AMBER', 'AMBER+STRICT', 'RED'];
function preview(s, b) {
  if (b.tlp === 'RED' && !(b.audience.persons ?? []).some((p) => p.name)) return { organisations: [], persons: [], count: 0, left_out: [], blocked: 'Nobody would be able to read it.' };
  if (b.audience.persons) return { organisations: [], persons: b.audience.persons, count: b.audience.persons.length, left_out: [], blocked: null };
  const inside = s.members.filter((m) => m.state === 'active' && (!b.audience.nda || m.classes.includes('nda')) && (!b.audience.orgs || b.audience.orgs.includes(m.organisation)));
  const out = s.members.filter((m) => !inside.includes(m)).map((m) => ({ organisation: m.organisation, reason: m.state !== 'active' ? 'policy.removed' : b.audience.nda ? 'policy.not_nda' : 'policy.not_addressed' }));
  return { organisations: inside.map((m) => m.organisation), persons: [], count: inside.length, left_out: out, blocked: null };
}

/** Answers what is the federation's; undefined when the path is another's. */
export function share(s, method, path, body, send, fail) {
  let m;
  if (path === '/federation') return send(200, board(s));
  if (path === '/federation/level') return send(200, level());
  if ((m = /^\/federation\/(stop|resume)$/.exec(path))) {
    s.stopped = m[1] === 'stop';
    return send(200, {});
  }
  if (path === '/federation/sharing' && method === 'PUT') {
    if (body.items) s.rules = body.items.map((i, n) => ({ circle: null, circle_name: s.circles.find((c) => c.id === i.circle)?.name ?? null, minutes: null, sent: 0, ...i, id: i.id ?? `new${n}`, since: ago(0), by: 'Marta Ortega' }));
    Object.assign(s.words, Object.fromEntries(Object.entries(body).filter(([k]) => k !== 'items')));
    return send(200, {});
  }
  if (path === '/federation/sharing') return send(200, { stopped: s.stopped, since: ago(9e5), items: [...s.rules, { id: 'default', circle: null, circle_name: null, class: { level: null, product: null, technique: null, source: null }, when: 'after_acknowledgement', minutes: 0, since: null, by: null, sent: 0 },
    ...(s.circles.length ? [{ id: 'findings', circle: null, circle_name: null, class: { level: null, product: null, technique: null, source: 'federation:circles' }, when: 'never', minutes: 0, since: null, by: null, sent: 0 }] : [])],
    findings: s.circles.length ? { circles: [{ circle: 'c1', circle_name: 'Seven Rivers' }] } : null,
    readers: s.circles.map((c) => ({ circle: c.id, circle_name: c.name, organisations: [c.own ? 'Seven Rivers Hub' : 'Region'], own: c.own })), ...s.words });
  if (path === '/federation/members') return send(200, { items: s.empty ? [] : s.members });
  if (path === '/federation/requests') return send(200, { items: s.requests, stones: s.stones });
  if (path === '/federation/codes') return send(201, { code: 'mock-4f7a-91c2-77de', expires: ago(-259_200) });
  if (path === '/federation/join') return body.code ? send(202, {}) : fail(422, 'code', 'The code is missing.', 'code');
  if ((m = /^\/federation\/requests\/([^/]+)\/(approve|refuse)$/.exec(path))) {
    if (body.password !== 'right') return fail(403, 'password', 'That is not your password.', 'password');
    s.requests = s.requests.filter((r) => r.id !== m[1]);
    return send(200, { complete: true });
  }
  if (/^\/federation\/(officers|circles|circles\/[^/]+\/renew)$/.test(path)) return body.password === 'right' ? send(201, { complete: false }) : fail(403, 'password', 'That is not your password.', 'password');
  if ((m = /^\/federation\/members\/([^/]+)\/(suspend|readmit|remove)$/.exec(path))) {
    if (body.password !== 'right') return fail(403, 'password', 'That is not your password.', 'password');
    s.members.find((x) => x.node === m[1]).state = { remove: 'removed', suspend: 'suspended', readmit: 'active' }[m[2]];
    return send(200, { complete: true });
  }
  if (path === '/federation/tombstones') {
    if (body.password !== 'right') return fail(403, 'password', 'That is not your password.', 'password');
    s.requests.push({ id: `r${s.requests.length + 1}`, organisation: '', kind: 'tombstone', item: body.item, reason: body.reason, circle: body.circle, circle_class: 'member', fingerprint: null, asked: ago(0), approvals: [{ who: 'Marta Ortega', at: ago(0) }], needed: 2, state: 'waiting' });
    return send(200, { complete: false, circle: body.circle });
  }
  if (path === '/link-pages' && method === 'POST') {
    if (s.members.some((x) => x.organisation === body.organisation) || !body.organisation) return fail(400, 'bad_body', 'A link is for a person of an organisation without a node, for 1 to 366 days.', 'organisation');
    s.links.push({ id: `l${s.links.length + 1}`, mail: '', language: null, created_by: 'Marta Ortega', created: ago(0), expires: ago(-body.days * 86_400), last_used: null, ...body });
    return send(201, { id: s.links.at(-1).id, path: `/m/${'3f'.repeat(32)}`, expires: s.links.at(-1).expires });
  }
  if (path === '/link-pages') return send(200, { items: s.links });
  if ((m = /^\/link-pages\/([^/]+)$/.exec(path))) {
    s.links = s.links.filter((x) => x.id !== m[1]);
    return send(204, null);
  }
  if (path === '/items/preview') return send(200, preview(s, body));
  if (path === '/items' && method === 'POST') {
    const id = `i${s.items.length + 1}`;
    s.items.unshift({ ...s.items[0], ...body, id, mine: true, author: 'Valdehierro', created: ago(0), state: 'current', receipts: { sent: 8, received: 0, removed: 0 } });
    return send(201, { id });
  }
  if (path === '/items') return send(200, { items: s.items, more: false, cursor: null });
  if ((m = /^\/items\/([^/]+)$/.exec(path))) {
    const i = s.items.find((x) => x.id === m[1]);
    if (!i) return fail(404, 'not_found', '');
    return send(200, { ...i, text: i.state === 'retracted' ? '' : 'They came in by the maintenance account of a supplier.\n\nWe saw it by a log-in at 03:12 and cut the portal.', audience: { organisations: CITIES.slice(0, 4), persons: [] }, reads: i.mine ? [{ who: 'A. Petrova, Brezovgrad', at: ago(400) }] : undefined, of: null, letters: i.mine ? [{ organisation: 'Aldea Baja', person: 'Eva Ruiz', version: 1, state: 'sent', reason: null, tries: 1, at: ago(9000), seen: ago(4000) }, { organisation: 'Aldea Alta', person: 'Pau Vidal', version: 1, state: 'queued', reason: 'the mail server does not answer', tries: 3, at: ago(9000), seen: null }, { organisation: 'Sankt Marien', person: 'Lena Huber', version: 1, state: 'refused', reason: 'the link has ended', tries: 0, at: ago(8000), seen: null }] : [], addressed: i.mine ? { orgs: CITIES.slice(0, 4) } : null, history: [{ at: i.created, who: i.author ?? 'hub', what: 'received', reason: null }] });
  }
  if ((m = /^\/items\/([^/]+)\/chr-export$/.exec(path))) {
    return send(200, { document: { title: s.items.find((x) => x.id === m[1]).title, text: `They came in by the maintenance account of ${body.also.includes('a supplier') ? '[removed]' : 'a supplier'}.`, tlp: 'GREEN', chr: true }, report: { members_gone: 0, replaced: body.also.length, days: 2, ids: 1, texts: 2, suspicious: 0 } });
  }
  if ((m = /^\/items\/([^/]+)\/(tighten|retract|preview|version)$/.exec(path))) {
    const i = s.items.find((x) => x.id === m[1]);
    const wider = body.audience?.all === true;
    if (m[2] === 'preview') return send(200, { ...preview(s, body), widens: wider, narrows: !wider && body.audience?.orgs?.length < 4, ...(wider && !body.widen ? { blocked: 'this lets people read who could not before: say that you mean it' } : {}) });
    if (m[2] === 'version') {
      if (wider && !body.widen) return fail(409, 'not_sent', 'this lets people read who could not before: say that you mean it');
      Object.assign(i, { title: body.title, tlp: body.tlp, version: i.version + 1, state: 'current' });
      return send(201, { id: i.id });
    }
    if (m[2] === 'retract') i.state = 'retracted';
    else if (LEVELS.indexOf(body.tlp) > LEVELS.indexOf(i.tlp)) Object.assign(i, { tlp: body.tlp, state: 'tightened' });
    return send(200, {});
  }
  if (path === '/warnings') return send(200, { items: s.warnings.map((w) => ({ ...w, rules: 1, indicators: 2 })) });
  if ((m = /^\/warnings\/([^/]+)(?:\/([a-z-]+))?$/.exec(path))) {
    const w = s.warnings.find((x) => x.id === m[1]);
    if (!w) return fail(404, 'not_found', '');
    if (m[2] === 'take') w.state = 'taken';
    if (m[2] === 'dismiss') w.state = 'dismissed';
    if (m[2] === 'dry-run') w.dry_run = { ...w.dry_run, state: 'waiting', progress: 0 };
    return send(200, { ...w, rules: [
      { id: 'x1', title: 'Log-in to a look-alike portal', yaml: 'title: Log-in to a look-alike portal\nlogsource:\n  category: proxy\ndetection:\n  selection:\n    c-uri|contains: portal-login.pumps.example\n  condition: selection\n', hash: 'aa', check: { ok: true, reason: null } },
      { id: 'x2', title: 'One that does not load', yaml: 'title: One that does not load\n', hash: 'bb', check: { ok: false, reason: 'line 1: a rule needs a detection' } },
    ], indicators: [{ type: 'domain', value: 'portal-login.pumps.example', valid_until: ago(-9e5) }, { type: 'ipv4', value: '203.0.113.77', valid_until: null }], derived: w.id === 'w3' ? [{ circle: 'nation-cities', warning: 'b1ef6199c68a5b660f6b01a885d7d442', version: 4 }, { circle: 'region-cities', warning: '45de904898e24612736ccea104e2dd04', version: 2 }] : [], history: [{ at: w.received, who: 'Seven Rivers Hub', what: 'received', reason: null }] });
  }
  return undefined;
}
