// SPDX-License-Identifier: EUPL-1.2
// Sample alerts for the mock of the API: fictional hosts and people, rules written for this file.
// Each alert is built from a record and from what its rule asks; the marks are computed, not typed.

const SOURCES = {
  win: { name: 'Windows process', product: 'windows', category: 'process_creation', service: null },
  sec: { name: 'Windows security', product: 'windows', category: null, service: 'security' },
  ssh: { name: 'linux-auth', product: 'linux', category: null, service: 'sshd' },
  sudo: { name: 'linux-auth', product: 'linux', category: null, service: 'sudo' },
  web: { name: 'web-portal', product: null, category: 'webserver', service: null },
  s7: { name: 'Zeek S7comm', product: 'zeek', category: null, service: 's7comm' },
  modbus: { name: 'Zeek Modbus', product: 'zeek', category: null, service: 'modbus' },
  dns: { name: 'Zeek DNS', product: 'zeek', category: null, service: 'dns' },
  m365: { name: 'Microsoft 365', product: 'm365', category: null, service: 'exchange' },
};

const win = (host, user, image, cmd, parent) => ({
  '@timestamp': '',
  host: { name: host },
  EventID: 1,
  Image: image,
  CommandLine: cmd,
  ParentImage: parent,
  User: user,
  IntegrityLevel: 'High',
  ProcessId: 4812,
  LogonId: 18446744073709551615n,
  Hashes: 'SHA256=9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08',
});

// title, level, source, host, user, record, [[selection, field, operator, wanted]], how many alike, minutes ago
const KINDS = [
  ['Shadow copies deleted with a system tool', 'high', 'win', 'SRV-CADASTRE-02', 'VALDE\\svc-backup',
    win('SRV-CADASTRE-02', 'VALDE\\svc-backup', 'C:\\Windows\\System32\\vssadmin.exe', 'vssadmin.exe delete shadows /all /quiet', 'C:\\ProgramData\\svc\\updater.exe'),
    [['selection_img', 'Image', 'ends with', '\\vssadmin.exe'], ['selection_cli', 'CommandLine', 'contains', 'shadow'], ['selection_cli', 'CommandLine', 'contains', 'delete']], 1, 38],
  ['Credential tool run by name', 'critical', 'win', 'APP-PADRON-03', 'VALDE\\m.ortega',
    win('APP-PADRON-03', 'VALDE\\m.ortega', 'C:\\Users\\Public\\r.exe', 'r.exe kerberoast /outfile:c:\\users\\public\\h.txt /nowrap', 'C:\\Windows\\System32\\cmd.exe'),
    [['selection', 'CommandLine', 'contains', 'kerberoast'], ['selection', 'CommandLine', 'contains', '/outfile:']], 3, 22],
  ['PLC stop command outside the maintenance window', 'high', 's7', 'tunnel-west-fan-2', null,
    { ts: '', 'id.orig_h': '10.40.2.77', 'id.resp_h': '10.40.7.12', host: { name: 'tunnel-west-fan-2' }, rosctr: 'Job', parameter: ['PLC STOP'] },
    [['selection', 'parameter', 'contains', 'PLC STOP']], 2, 51],
  ['Modbus write from a station that is not on the list', 'high', 'modbus', 'pumping-station-7', null,
    { ts: '', 'id.orig_h': '10.41.0.66', 'id.resp_h': '10.41.7.3', host: { name: 'pumping-station-7' }, func: 'WRITE_MULTIPLE_REGISTERS', address: 40021, quantity: 2 },
    [['selection', 'func', 'starts with', 'WRITE_'], ['filter', 'id.orig_h', 'in network', '10.41.0.0/28']], 1, 64],
  ['Encoded PowerShell command line', 'high', 'win', 'WS-SOC-0118', 'VALDE\\desk-118',
    win('WS-SOC-0118', 'VALDE\\desk-118', 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe', `powershell.exe -NoP -W Hidden -Enc ${'SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA'.repeat(6)}`, 'C:\\Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE'),
    [['selection_img', 'Image', 'ends with', '\\powershell.exe'], ['selection_enc', 'CommandLine', 'matches', '(?i)-e(nc?)?\\s']], 7, 80],
  ['Many failed logins, then one that worked', 'critical', 'ssh', 'gw-fibre-01', 'root',
    'Nov 22 06:51:12 gw-fibre-01 sshd[2211]: Accepted password for root from 203.0.113.77 port 51122 ssh2',
    [['selection', null, 'contains', 'Accepted password for root']], 1, 12],
  ['Failed SSH login with a name that does not exist', 'low', 'ssh', 'gw-fibre-01', 'oracle',
    'Nov 22 06:49:58 gw-fibre-01 sshd[2209]: Failed password for invalid user oracle from 203.0.113.77 port 50914 ssh2',
    [['selection', null, 'contains', 'Failed password for invalid user']], 14, 14],
  ['sudo by someone who may not', 'medium', 'sudo', 'srv-library-01', 'reading-room',
    'Nov 22 04:12:01 srv-library-01 sudo: reading-room : user NOT in sudoers ; TTY=pts/1 ; PWD=/home/reading-room ; USER=root ; COMMAND=/bin/cat /etc/shadow',
    [['selection', null, 'contains', 'NOT in sudoers'], ['selection', 'command', 'ends with', '/etc/shadow']], 2, 168],
  ['SQL injection words in a query', 'medium', 'web', 'portal.valdehierro.example', null,
    '203.0.113.9 - - [22/Nov/2026:05:40:11 +0100] "GET /padron/buscar?id=1%27%20UNION%20SELECT%20login,hash%20FROM%20users-- HTTP/1.1" 403 512 "-" "sqlmap/1.8"',
    [['selection', 'cs-uri-query', 'contains', 'UNION%20SELECT'], ['selection_ua', 'cs-user-agent', 'starts with', 'sqlmap/']], 5, 74],
  ['Path traversal in a web request', 'medium', 'web', 'portal.valdehierro.example', null,
    '203.0.113.9 - - [22/Nov/2026:05:41:52 +0100] "GET /static/..%2f..%2f..%2fetc/passwd HTTP/1.1" 404 162 "-" "curl/7.88.1"',
    [['selection', 'cs-uri-stem', 'contains', '..%2f']], 3, 72],
  ['Security log cleared', 'high', 'sec', 'DC-02', 'VALDE\\adm-jr',
    { '@timestamp': '', EventID: 1102, Channel: 'Security', host: { name: 'DC-02' }, SubjectUserName: 'adm-jr', Computer: 'DC-02.valde.example' },
    [['selection', 'EventID', 'equals', '1102']], 1, 133],
  ['Name looked up that only a tunnel would use', 'medium', 'dns', 'ws-parks-044', null,
    { ts: '', 'id.orig_h': '10.20.4.44', host: { name: 'ws-parks-044' }, query: `${'a9f3k2l8d0s7'.repeat(4)}.t.example.net`, qtype_name: 'TXT' },
    [['selection', 'query', 'matches', '^[a-z0-9]{40,}\\.'], ['selection', 'qtype_name', 'equals', 'TXT']], 4, 190],
  ['Mail forwarded to outside by a new inbox rule', 'low', 'm365', null, 'culture@valdehierro.example',
    { CreationTime: '', Operation: 'New-InboxRule', UserId: 'culture@valdehierro.example', Parameters: [{ Name: 'ForwardTo', Value: 'x1@mail.example' }] },
    [['selection', 'Operation', 'equals', 'New-InboxRule'], ['selection', 'Parameters', 'contains', 'ForwardTo']], 1, 312],
  ['Service installed from a user folder', 'medium', 'sec', 'SRV-CADASTRE-02', 'VALDE\\svc-backup',
    { '@timestamp': '', EventID: 7045, host: { name: 'SRV-CADASTRE-02' }, ServiceName: 'svcupd', ImagePath: 'C:\\ProgramData\\svc\\updater.exe -k run' },
    [['selection', 'EventID', 'equals', '7045'], ['selection', 'ImagePath', 'contains', '\\ProgramData\\']], 1, 41],
  ['Account discovery with whoami', 'informational', 'win', 'WS-PADRON-0021', 'VALDE\\p.gil',
    win('WS-PADRON-0021', 'VALDE\\p.gil', 'C:\\Windows\\System32\\whoami.exe', 'whoami /all', 'C:\\Windows\\explorer.exe'),
    [['selection', 'Image', 'ends with', '\\whoami.exe']], 6, 402],
  ['A very long rule title that an author wrote without thinking of narrow screens, with a path C:\\Windows\\System32\\spool\\drivers\\color and more words after it', 'low', 'win', 'SRV-PRINT-WITH-A-VERY-LONG-HOST-NAME-01.valdehierro.example', 'VALDE\\svc-print',
    win('SRV-PRINT-WITH-A-VERY-LONG-HOST-NAME-01', 'VALDE\\svc-print', 'C:\\Windows\\System32\\spoolsv.exe', 'spoolsv.exe', 'C:\\Windows\\System32\\services.exe'),
    [['selection', 'Image', 'ends with', '\\spoolsv.exe']], 1, 505],
  ['File name that hides its ending', 'high', 'win', 'WS-TAX-0007', 'VALDE\\tax-07',
    win('WS-TAX-0007', 'VALDE\\tax-07', 'C:\\Users\\tax-07\\Downloads\\factura\u202efdp.exe', '"C:\\Users\\tax-07\\Downloads\\factura\u202efdp.exe" <script>alert(1)</script>\u0000', 'C:\\Windows\\explorer.exe'),
    [['selection', 'Image', 'contains', '\u202e']], 1, 27],
];

export const LICENSE = 'EUPL-1.2';
const uuid = (n) => `5e7e0000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
const iso = (ms) => new Date(ms).toISOString();
const textOf = (record) =>
  typeof record === 'string'
    ? record
    : JSON.stringify(record, (_, v) => (typeof v === 'bigint' ? `#${v}#` : v)).replace(/"#(\d+)#"/g, '$1');

function valueOf(record, field) {
  if (field === null || typeof record === 'string') return textOf(record);
  const v = field.split('.').reduce((o, k) => (o && typeof o === 'object' ? o[k] : undefined), record) ?? record[field];
  return v === undefined ? '' : typeof v === 'string' ? v : JSON.stringify(v);
}

function marksOf(value, operator, wanted) {
  if (operator === 'in network') return value ? [[0, value.length]] : [];
  if (operator === 'matches') {
    const m = new RegExp(wanted.replace('(?i)', ''), 'i').exec(value);
    return m ? [[m.index, m.index + m[0].length]] : [];
  }
  const at =
    operator === 'ends with'
      ? value.toLowerCase().lastIndexOf(wanted.toLowerCase())
      : value.toLowerCase().indexOf(wanted.toLowerCase());
  return at < 0 ? [] : [[at, at + wanted.length]];
}

export const rules = KINDS.map((k, i) => ({
  id: uuid(i + 1),
  title: k[0],
  level: k[1],
  file: `rules/${k[2]}/${k[0].toLowerCase().replace(/[^a-z0-9]+/g, '_').slice(0, 48)}.yml`,
  asks: k[6],
}));

/** What each rule has cost: one tried on everything, one stopped, one with windows. */
export const costs = rules.map((r, i) => {
  const events = i % 3 === 0 ? 48_210_332 : 1_204_551;
  const candidates = i === 1 ? events : Math.floor(events / (40 * (i + 1) ** 2));
  return {
    id: r.id, hash: `${i}`.padStart(64, '0'), title: r.title, file: r.file, level: r.level, since: '2026-11-02T08:00:00Z',
    events, candidates, hits: i % 4 === 3 ? 0 : 1 + ((i * 7) % 23), ns: candidates * (300 + 450 * (i % 7)),
    evicted: i === 2 ? 4 : 0, windows: i === 2 ? 118 : 0, state_bytes: i === 2 ? 41_200 : 0,
    stopped: i === 5 ? '2026-11-24T22:10:00Z' : null,
    reason: i === 5 ? 'it took 71 % of the processor for five seconds, 180 microseconds for each evaluation' : null,
  };
});

function ruleText(rule) {
  const by = new Map();
  for (const [sel, field, op, wanted] of rule.asks) {
    const mod = { equals: '', contains: '|contains', 'starts with': '|startswith', 'ends with': '|endswith', matches: '|re', 'in network': '|cidr' }[op];
    const line = field === null ? `    - '${wanted}'` : `    ${field}${mod}: '${wanted}'`;
    by.set(sel, [...(by.get(sel) ?? []), line]);
  }
  const names = [...by.keys()];
  return [
    `title: ${rule.title}`,
    `id: ${rule.id}`,
    'status: test',
    'description: A rule of the mock, so that the page has something to show.',
    'logsource:',
    '  product: windows',
    'detection:',
    ...names.flatMap((n) => [`  ${n}:`, ...by.get(n)]),
    `  condition: ${names.length > 1 ? 'all of selection*' : names[0]}`,
    `level: ${rule.level}`,
    '',
  ].join('\n');
}

let serial = 0;
/** A whole alert with its details, of kind `k`, `minutes` ago by `now`. */
export function makeAlert(k, minutes, now, status = 'new') {
  const [title, level, source, host, user, record, asks] = KINDS[k];
  serial += 1;
  const rule = rules[k];
  const at = now - minutes * 60_000;
  const count = level === 'low' || k === 3 ? 1 + ((serial * 7) % 23) : 1 + (serial % 3);
  const text = textOf(record).replace('"@timestamp":""', `"@timestamp":"${iso(at)}"`).replace('"ts":""', `"ts":"${iso(at)}"`);
  const first = asks[0];
  const alert = {
    id: `01937a00-${String(serial).padStart(4, '0')}-7000-8000-0000000000aa`,
    rule: { id: rule.id, title, level },
    status,
    time: iso(at),
    received: iso(at + 800),
    host,
    user,
    source: SOURCES[source],
    organisation: 'valdehierro',
    count,
    last_time: iso(at + (count - 1) * 1400),
    summary: valueOf(record, first[1]).slice(0, 120),
    assignee: status === 'new' ? null : 'Marta Ortega',
    close_reason: status === 'closed' ? 'benign' : null,
    revision: status === 'new' ? 1 : 2,
  };
  const fields =
    typeof record === 'string'
      ? [{ name: 'message', value: text }, { name: 'host_name', value: host ?? '' }]
      : Object.entries(record).map(([name, v]) => ({ name, value: typeof v === 'string' ? v : textOf({ v }).slice(5, -1) }));
  const history = [{ time: iso(at + 900), who: 'sereno', what: 'created', reason: null, note: null }];
  if (status !== 'new') history.push({ time: iso(at + 300_000), who: 'Marta Ortega', what: 'acknowledged', reason: null, note: null });
  if (status === 'closed') history.push({ time: iso(at + 600_000), who: 'Marta Ortega', what: 'closed', reason: 'benign', note: 'The backup job of the land register, known since spring.' });
  const detail = {
    why: asks.map(([selection, field, operator, wanted]) => {
      const value = field === null ? text : valueOf(record, field);
      return { selection, field, operator, wanted, value, marks: marksOf(value, operator, wanted) };
    }),
    rule_detail: {
      id: rule.id,
      title,
      level,
      description: 'Looks for what the title says. An administrator may do the same for a good reason; what stands around it tells.',
      author: 'Sereno contributors',
      references: ['https://sigmahq.io/sigma-specification/', 'javascript:alert(1)'],
      tags: ['attack.impact', 'attack.t1490'],
      falsepositives: ['An administrator who frees disk space', 'Backup software'],
      condition: 'all of selection*',
      text: ruleText(rule),
      license: LICENSE,
      file: rule.file,
    },
    record: { text, truncated: false, block: '2026-11-22/000412', index: serial * 3, tags: k === 16 ? ['bad_utf8'] : [] },
    fields,
    history,
  };
  return { alert, detail };
}

/** The first state: about sixty alerts, most open, some closed. */
export function makeWorld(now) {
  const out = [];
  KINDS.forEach((k, i) => {
    for (let n = 0; n < k[7]; n += 1) {
      const status = (i + n) % 7 === 2 ? 'acknowledged' : i === 14 && n > 2 ? 'closed' : 'new';
      out.push(makeAlert(i, k[8] + n * 6, now, status));
    }
  });
  for (let n = 0; n < 6; n += 1) out.push(makeAlert((n * 3) % KINDS.length, 500 + n * 55, now, 'closed'));
  return out;
}

export const KIND_COUNT = KINDS.length;

export const sources = (now) => [
  { name: 'Windows process', kind: 'http', product: 'windows', category: 'process_creation', service: null, organisation: 'valdehierro', events: 41_288_011, dropped: 0, drops: { buffer: 0, refused: 0 }, dropped_at: null, lag: 850, anomalies: 214, last_event: iso(now - 2000), rate: 212.4, held: false, silent: false },
  { name: 'linux-auth', kind: 'syslog-tcp', product: 'linux', category: null, service: null, organisation: 'valdehierro', events: 1_204_551, dropped: 0, drops: { buffer: 0, refused: 0 }, dropped_at: null, lag: 1200, anomalies: 3, last_event: iso(now - 9000), rate: 3.1, held: false, silent: false },
  { name: 'web-portal', kind: 'file', product: null, category: 'webserver', service: null, organisation: 'valdehierro', events: 8_113_902, dropped: 0, drops: { buffer: 0, refused: 0 }, dropped_at: null, lag: 95 * 60_000, anomalies: 0, last_event: iso(now - 4000), rate: 41, held: false, silent: false },
  { name: 'Zeek Modbus', kind: 'syslog-udp', product: 'zeek', category: null, service: 'modbus', organisation: 'water', events: 902_114, dropped: 18, drops: { buffer: 15, refused: 1 }, dropped_at: iso(now - 6 * 3_600_000), lag: 30_000, anomalies: 0, last_event: iso(now - 5 * 3_600_000), rate: 0, held: false, silent: false },
  { name: 'journal', kind: 'journal', product: 'linux', category: null, service: null, organisation: 'valdehierro', events: 55_120, dropped: 0, drops: { buffer: 0, refused: 0 }, dropped_at: null, lag: -4000, anomalies: 0, last_event: iso(now - 31_000), rate: 0.4, held: false, silent: false },
  { name: 'library', kind: 'http', product: null, category: null, service: null, organisation: 'culture', events: 0, dropped: 0, drops: { buffer: 0, refused: 0 }, dropped_at: null, lag: null, anomalies: 0, last_event: null, rate: 0, held: false, silent: false },
];

export const refused = [
  { file: 'rules/local/admin_share.yml', line: 14, reason: 'the placeholder %admins% has no list: put one into placeholders/admins.txt' },
  { file: 'rules/local/old_format.yml', line: 3, reason: "'detection' must be a mapping, found a sequence" },
];

/** The second copy in one of its states. */
export const secondCopy = (state) => {
  const ago = (hours) => new Date(Date.now() - hours * 3.6e6).toISOString();
  const day = (days) => ago(24 * days).slice(0, 10);
  if (state === 'none') return { state, place: null, kind: null, days: 0, bytes: 0, waiting: 0, newest_day: null, oldest_waiting: null, at: null, failed_at: null, why: null };
  const folder = state === 'late';
  const waiting = { fine: 0, fails: 3, late: 2, no_key: 25 }[state];
  return {
    state,
    place: folder ? '/mnt/safe/sereno' : 's3://valdehierro-archive-evidence/second-copy/node-1', kind: folder ? 'folder' : 's3',
    days: state === 'no_key' ? 0 : 25, bytes: state === 'no_key' ? 0 : 48_112_004_221, waiting,
    newest_day: state === 'no_key' ? null : day(waiting + 1), oldest_waiting: waiting ? day(waiting) : null,
    at: state === 'no_key' ? null : ago(24 * waiting + 5), failed_at: state === 'fails' ? ago(51) : null,
    why: state === 'fails' ? `${day(3)}: storing it there: the server does not take the keys of key_file, or they may not do this (status 403)` : null,
  };
};
