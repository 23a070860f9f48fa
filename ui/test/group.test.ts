// SPDX-License-Identifier: EUPL-1.2
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildRows, groups, nextRow } from '../src/alerts/group';
import { alert } from './make';

const at = (min: number): string => new Date(Date.UTC(2026, 10, 22, 1, min)).toISOString();

test('alerts of one rule on one host are one row, newest first', () => {
  const a = alert({ received: at(1), count: 2 });
  const b = alert({ received: at(5), count: 3 });
  const c = alert({ received: at(3), host: 'h2' });
  const rows = buildRows([a, b, c], 'newest', new Set());
  assert.deepEqual(rows.map((r) => [r.kind, r.ids]), [['group', [b.id, a.id]], ['one', [c.id]]]);
  assert.equal(rows[0]?.events, 5);
  assert.equal(rows[0]?.since, at(1));
  assert.equal(rows[0]?.lead, b);
});

test('most severe first keeps newest first within a level', () => {
  const low = alert({ level: 'low', ruleId: 'a', received: at(9) });
  const high1 = alert({ level: 'high', ruleId: 'b', received: at(1) });
  const high2 = alert({ level: 'high', ruleId: 'c', received: at(2) });
  const odd = alert({ level: 'loud' as never, ruleId: 'd', received: at(10) });
  assert.deepEqual(groups([low, high1, high2, odd], 'severity').map((g) => g[0]), [high2, high1, low, odd]);
  assert.deepEqual(groups([low, high1, high2, odd], 'newest').map((g) => g[0]), [odd, low, high2, high1]);
});

test('an open group shows its members; one that shrank to a single alert does not', () => {
  const a = alert({ received: at(1) });
  const b = alert({ received: at(2) });
  const key = 'g:r1|h1';
  assert.deepEqual(buildRows([a, b], 'newest', new Set([key])).map((r) => r.key), [key, `a:${b.id}`, `a:${a.id}`]);
  assert.deepEqual(buildRows([a], 'newest', new Set([key])).map((r) => [r.key, r.kind]), [[key, 'one']]);
});

test('the status of a group is its least finished one, and waiting counts open alerts only', () => {
  const done = alert({ received: at(1), status: 'closed' });
  const ack = alert({ received: at(2), status: 'acknowledged' });
  const fresh = alert({ received: at(3) });
  const [row] = buildRows([done, ack, fresh], 'newest', new Set());
  assert.equal(row?.status, 'new');
  assert.equal(row?.inStatus, 1);
  assert.equal(row?.since, at(2));
  assert.equal(buildRows([done, ack], 'newest', new Set())[0]?.status, 'acknowledged');
  assert.equal(buildRows([done], 'newest', new Set())[0]?.since, at(1));
});

test('who stands on a row that leaves goes on to the next, at the end to the one before', () => {
  const list = ['a', 'b', 'c', 'd'].map((ruleId, i) => alert({ ruleId, received: at(10 - i) }));
  const all = buildRows(list, 'newest', new Set());
  const without = (...i: number[]) => buildRows(list.filter((_, n) => !i.includes(n)), 'newest', new Set());
  const key = (i: number) => all[i]?.key ?? '';
  assert.equal(nextRow(all, without(3), key(1)), key(1));
  assert.equal(nextRow(all, without(1), key(1)), key(2));
  assert.equal(nextRow(all, without(1, 2), key(1)), key(3));
  assert.equal(nextRow(all, without(3), key(3)), key(2));
  assert.equal(nextRow(all, [], key(0)), null);
  assert.equal(nextRow(all, all, null), null);
  assert.equal(nextRow(all, all, 'g:gone|'), null);
});
