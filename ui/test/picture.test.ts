// SPDX-License-Identifier: EUPL-1.2
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOX, drawn, short, wire, type Chain, type Node } from '../src/registers/picture';

const node = (id: string, depth: number): Node => ({ id, kind: 'system', plural: 'systems', title: id, state: 'live', depth });
const chain = (items: Node[], edges: [string, string][] = [], from = 'm'): Chain => ({
  from: node(from, 0), items, edges: edges.map(([a, b]) => ({ from: a, field: 'systems', to: b })), more: false,
});

test('what stands on it is left, on what it stands right, by distance', () => {
  const p = drawn(chain([node('s1', 1), node('s2', 2)], [['s1', 'm'], ['s2', 's1']]), chain([node('d1', 1)], [['m', 'd1']]));
  assert.deepEqual(p.boxes.map((b) => [b.node.id, b.column]), [['s2', -2], ['s1', -1], ['m', 0], ['d1', 1]]);
  assert.deepEqual(p.wires.map((w) => `${w.from.node.id}>${w.to.node.id}`).sort(), ['m>d1', 's1>m', 's2>s1']);
  assert.equal(p.width, 4 * BOX.width + 3 * BOX.across);
  assert.equal(p.left, 0);
  assert.match(wire(p.boxes[0]!, p.boxes[1]!), /^M200 24C/);
});

test('boxes never overlap, and all lie in the picture', () => {
  const many = Array.from({ length: 9 }, (_, i) => node(`a${i}`, 1 + (i % 2)));
  const p = drawn(chain(many, many.map((n) => [n.id, 'm'])), chain([node('z', 1)], [['m', 'z']]));
  for (const [i, a] of p.boxes.entries()) {
    assert.ok(a.x >= 0 && a.y >= 0 && a.x + BOX.width <= p.width && a.y + BOX.height <= p.height);
    for (const b of p.boxes.slice(i + 1)) assert.ok(a.x !== b.x || Math.abs(a.y - b.y) >= BOX.height);
  }
});

test('a circle is drawn once, and no wire runs back', () => {
  const p = drawn(chain([node('a', 1)], [['a', 'm'], ['m', 'a']]), chain([node('a', 1)], [['m', 'a'], ['a', 'm']]));
  assert.equal(p.boxes.length, 2);
  assert.deepEqual(p.wires.map((w) => w.from.node.id), ['a']);
});

test('what does not fit is counted, not drawn', () => {
  const p = drawn(chain([...Array.from({ length: 30 }, (_, i) => node(`a${i}`, 1)), node('far', 9)]), chain([]));
  assert.equal(p.boxes.length, 13);
  assert.equal(p.left, 19);
});

test('a long title ends in three dots, by characters', () => {
  assert.equal(short('Pumps', 5), 'Pumps');
  assert.equal(short('Помпи на града', 6), 'Помпи…');
});
