// SPDX-License-Identifier: EUPL-1.2
// What forms of registers send and show again, which faults belong where, what a list's address says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byPlace, clashes, columnsOf, follow, missingFor, same, shapeOf, toDraft, toDrafts, toFields, toValue } from '../src/registers/model';
import { askedOf, readListed, toApi, toParams, withFilter, without } from '../src/registers/query';
import type { Fields, RegisterSchema, Schema } from '../src/registers/types';

const ROOT: RegisterSchema = {
  type: 'object',
  required: ['label', 'grade'],
  $defs: { place: { type: 'object', required: ['street'], properties: { street: { type: 'string', maxLength: 80 }, floor: { type: 'integer' } } }, again: { $ref: '#/$defs/place' } },
  properties: {
    label: { type: 'string', maxLength: 80 },
    notes: { type: 'string', maxLength: 3000 },
    mood: { enum: ['a', 'b'], type: 'string', 'x-index': true },
    grade: { type: 'integer', minimum: 1, maximum: 5, 'x-index': true },
    meters: { type: 'integer', minimum: 0, 'x-index': true },
    price: { type: 'number' },
    ok: { type: 'boolean' },
    day: { type: 'string', format: 'date', 'x-index': true },
    seen: { type: 'string', format: 'date-time' },
    words: { type: 'array', items: { type: 'string' } },
    doors: { type: 'array', items: { enum: ['north', 'roof'], type: 'string' } },
    place: { $ref: '#/$defs/again' },
    others: { type: 'array', items: { $ref: '#/$defs/place' } },
    free: { anyOf: [] } as Schema,
    code: { type: 'string', maxLength: 20, 'x-index': true },
    owner: { type: 'string', maxLength: 20, 'x-index': true },
  },
  'x-table': { name: 'x', plural: 'xs', title: 'label' },
  'x-states': { initial: 'a', list: [{ id: 'a' }] },
};
const of = (n: string): Schema => follow(ROOT.properties?.[n] as Schema, ROOT);

test('each field of the dialect has one shape', () => {
  const want = { label: 'line', notes: 'text', mood: 'choice', grade: 'scale', meters: 'number', price: 'number', ok: 'yes', day: 'date', seen: 'time', words: 'lines', doors: 'choices', place: 'group', others: 'rows', free: 'raw' };
  for (const [n, shape] of Object.entries(want)) assert.equal(shapeOf(of(n), ROOT), shape, n);
  assert.equal(shapeOf({ $ref: '#/$defs/nowhere' }, ROOT), 'raw');
  const loop: RegisterSchema = { ...ROOT, $defs: { a: { $ref: '#/$defs/a' } } };
  assert.equal(shapeOf(follow({ $ref: '#/$defs/a' }, loop), loop), 'raw');
});

test('what a record says comes back from the form as it was', () => {
  const fields: Fields = {
    label: 'Room 4', notes: 'one\ntwo', mood: 'b', grade: 3, meters: 0, price: 12.5, ok: false, day: '2026-11-01', seen: '2026-11-01T08:30:00Z', words: ['x', 'y z'], doors: ['roof'],
    place: { street: 'Long', floor: -1 }, others: [{ street: 'Short' }, { street: 'Wide', floor: 2 }], free: { a: [1, null] }, code: 'A', owner: 'Bo',
  };
  for (const utc of [true, false]) assert.deepEqual(toFields(toDrafts(fields, ROOT, utc), ROOT, () => true, utc), fields);
  assert.deepEqual(toFields(toDrafts({}, ROOT), ROOT, () => true), {});
  assert.deepEqual(toFields(toDrafts(fields, ROOT), ROOT, (n) => n === 'label'), { label: 'Room 4' });
});

test('what cannot be a value is sent as it was typed, so that the node can say so', () => {
  for (const [typed, value] of [['12', 12], [' 7 ', 7], ['-3', -3], ['1,5', 1.5], ['1.50', 1.5], ['12 m', '12 m'], ['1e3', '1e3'], ['1.2.3', '1.2.3'], ['9007199254740993', '9007199254740993'], ['', undefined], ['  ', undefined]] as const) {
    assert.equal(toValue(typed, of('meters'), ROOT), value, typed);
  }
  assert.equal(toValue('{"a":', of('free'), ROOT), '{"a":');
  assert.equal(toValue('maybe', of('ok'), ROOT), 'maybe');
  assert.equal(toValue('tomorrow', of('seen'), ROOT), 'tomorrow');
  assert.deepEqual(toValue(' a \n\n b\n', of('words'), ROOT), ['a', 'b']);
  assert.deepEqual(toValue([{ street: '', floor: '' }], of('others'), ROOT), [{}], 'an entry that was added stays an entry: places of faults count them');
  assert.equal(toDraft(undefined, of('meters'), ROOT), '');
});

test('faults belong to the field that they name', () => {
  const got = byPlace([
    { where: '/fields', reason: 'missing', limit: 'grade', message: '' },
    { where: '/fields/place', reason: 'missing_with', limit: 'street', message: '' },
    { where: '/fields/others/1/floor', reason: 'type', limit: 'integer', message: '' },
    { where: '/fields/a~1b~0c', reason: 'enum', limit: '', message: '' },
    { where: '/tlp', reason: 'maximum', limit: 'AMBER', message: '' },
    { where: '/fields', reason: 'too_much', limit: '', message: '' },
  ]);
  assert.deepEqual([...got.keys()], ['grade', 'place/street', 'others/1/floor', 'a/b~c', 'tlp', '']);
});

test('a conflict names the fields in which two versions differ, and who changed them', () => {
  const base = { a: 1, b: 'x', c: ['p'], d: { x: 1, y: 2 } };
  const theirs = { a: 2, b: 'x', c: ['p', 'q'], d: { y: 2, x: 1 }, e: 'new' };
  const mine = { a: 3, b: 'z', c: ['p'], d: { x: 1, y: 2 } };
  assert.deepEqual(
    clashes(base, theirs, mine, ['a', 'b', 'c', 'd', 'e']).map((c) => [c.name, c.both]),
    [['a', true], ['b', false], ['c', false], ['e', false]],
  );
  assert.deepEqual(clashes(base, mine, mine, ['a', 'b']), []);
  assert.ok(!same([1], { 0: 1 }) && !same(null, {}) && !same([1, 2], [1]) && same({ a: [null] }, { a: [null] }));
});

test('what a move asks for, and which columns a list has', () => {
  const w = { from: 'a', to: 'b', roles: [], guard: { required: ['grade', 'day'] } };
  assert.deepEqual(missingFor(w, { day: '2026-01-01' }), ['grade']);
  assert.deepEqual(missingFor(undefined, {}), []);
  assert.deepEqual(columnsOf(ROOT, () => true), ['mood', 'grade', 'meters', 'day']);
  assert.deepEqual(columnsOf(ROOT, (n) => n !== 'mood'), ['grade', 'meters', 'day', 'code']);
  assert.deepEqual(columnsOf({ ...ROOT, 'x-list': ['owner', 'mood', 'price', 'gone'] }, () => true), ['owner', 'mood']);
});

test('the address of a list says what it shows, and back', () => {
  const query = { state: 'a', sort: '-day', sort_: 'x', 'day.to': '2026-12-31', grade: '3', 'code.from': 'AB', 'code.to': 'AB\u{10FFFF}', nonsense: '1' };
  const l = readListed(ROOT, query);
  assert.deepEqual(l.filters, [
    { field: 'day', how: 'to', value: '2026-12-31' },
    { field: 'grade', how: 'is', value: '3' },
    { field: 'code', how: 'begins', value: 'AB' },
  ]);
  const { sort_, nonsense, ...known } = query;
  void [sort_, nonsense];
  assert.deepEqual(toParams(l), known);
  assert.deepEqual(readListed(ROOT, toParams(withFilter(l, [{ field: 'grade', how: 'from', value: '2' }]))).filters.map((f) => f.field + f.how).sort(), ['codebegins', 'dayto', 'gradefrom']);
  assert.equal(without(l, l.filters[0]!).filters.length, 2);
  const day = readListed(ROOT, { 'changed.from': '2026-11-01', 'changed.to': '2026-11-02', 'day.to': '2026-11-02' });
  assert.deepEqual(toApi(ROOT, day), { 'changed.from': '2026-11-01T00:00:00Z', 'changed.to': '2026-11-02T23:59:59Z', 'day.to': '2026-11-02' });
  assert.deepEqual(['label', 'mood', 'grade', 'day', 'tlp', 'changed'].map((n) => askedOf(ROOT, n)), ['text', 'choice', 'number', 'day', 'choice', 'day']);
});
