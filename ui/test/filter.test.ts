// SPDX-License-Identifier: EUPL-1.2
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matches, parseFilter, splitWords, toQuery, writeFilter } from '../src/alerts/filter';
import { alert } from './make';

const base = { status: 'open', levels: [], host: null, rule: null, until: null, words: [], unknown: [] };

test('the filter box understands its words', () => {
  const cases: [string, object][] = [
    ['', {}],
    ['   ', {}],
    ['status:closed', { status: 'closed' }],
    ['STATUS:New', { status: 'new' }],
    ['level:critical,high', { levels: ['critical', 'high'] }],
    ['level:info', { levels: ['informational'] }],
    ['level:high,high', { levels: ['high'] }],
    ['host:DC-02', { host: 'DC-02' }],
    ['host:"APP PADRON 03"', { host: 'APP PADRON 03' }],
    ['host:"never closed', { host: 'never closed' }],
    ['host:"a \\"b\\" c"', { host: 'a "b" c' }],
    ['rule:"Password spray" x', { rule: 'Password spray', words: ['x'] }],
    ['two words', { words: ['two', 'words'] }],
    ['"two words"', { words: ['two words'] }],
    ['C:\\Windows\\System32', { words: ['C:\\Windows\\System32'] }],
    ['http://x.example', { words: ['http://x.example'] }],
    ['fe80::1', { words: ['fe80::1'] }],
    ['10.0.0.1:443', { words: ['10.0.0.1:443'] }],
    ['status:open status:closed', { unknown: ['status:closed'] }],
    ['status:sideways', { unknown: ['status:sideways'] }],
    ['level:loud,high', { levels: ['high'], unknown: ['level:loud'] }],
    ['age:24h', { unknown: ['age:24h'] }],
    ['host:', { unknown: ['host:'] }],
    ['"', {}],
  ];
  for (const [text, want] of cases) assert.deepEqual(parseFilter(text), { ...base, ...want }, text);
});

test('what is written reads back the same', () => {
  for (const f of [
    { status: 'open', levels: [], host: null, rule: null, until: '2026-11-24T08:00:00.5+01:00', words: [] },
    { status: 'all', levels: ['low', 'critical'], host: 'a "b"', rule: 'c\\d e', until: null, words: ['x y', 'z'] },
    { status: 'closed', levels: [], host: 'ümlaut', rule: 'f0000000-0000-4000-8000-000000000001', until: null, words: [] },
  ] as const) {
    const { unknown, ...back } = parseFilter(writeFilter(f as never));
    assert.deepEqual(back, f);
    assert.deepEqual(unknown, []);
  }
});

test('any text is parsed; an expression that tries all ways would never be through', () => {
  for (const text of ['"'.repeat(5000), 'a:'.repeat(5000), '\\"'.repeat(5000), 'a'.repeat(100_000), '\u202e\u0000"x', 'level:,,,']) {
    assert.ok(Array.isArray(splitWords(text)));
    assert.equal(parseFilter(text).status, 'open');
  }
});

test('only an id is asked as a rule; a part of a title goes with the words', () => {
  const id = 'f0000000-0000-4000-8000-000000000001';
  assert.deepEqual(toQuery(parseFilter(`rule:${id} level:low,high x`)), { status: 'open', level: 'low,high', rule: id, host: null, until: null, q: 'x' });
  assert.deepEqual(toQuery(parseFilter('rule:spray')), { status: 'open', level: null, rule: null, host: null, until: null, q: 'spray' });
  assert.equal(toQuery(parseFilter('rule:rules/x.yml')).rule, 'rules/x.yml');
});

test('an alert from the stream is judged as the node would', () => {
  const a = alert({ host: 'DC-02', user: 'adm', summary: 'vssadmin delete shadows' });
  const later = new Date(Date.parse(a.received) + 1000).toISOString();
  assert.equal(matches(parseFilter(`until:${later}`), a), true);
  assert.equal(matches(parseFilter(`until:${a.received}`), a), false);
  assert.deepEqual(parseFilter('until:yesterday').unknown, ['until:yesterday']);
  const yes = ['', 'status:new', 'status:all', 'level:high', 'host:dc-02', 'rule:"shadow copies"', 'VSSADMIN adm', `rule:${a.rule.id}`];
  const no = ['status:closed', 'status:acknowledged', 'level:low', 'host:dc', 'rule:spray', 'vssadmin nothere'];
  for (const f of yes) assert.equal(matches(parseFilter(f), a), true, f);
  for (const f of no) assert.equal(matches(parseFilter(f), a), false, f);
});
