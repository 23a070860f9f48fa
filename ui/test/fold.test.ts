// SPDX-License-Identifier: EUPL-1.2
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldAlike } from '../src/me/fold';
import type { Task } from '../src/me/types';

const task = (key: string, alike: string): Task => ({ key, text: key, to: '/', alike, row: null });
const folded = (...alike: string[]): string[] => foldAlike(alike.map((a, i) => task(`${i}`, a))).map((r) => `${r.shown.map((k) => k.key).join('')}+${r.rest.map((k) => k.key).join('')}`);

test('many that ask the same are folded, all others stand by themselves', () => {
  assert.deepEqual(folded(), []);
  assert.deepEqual(folded('', '', '', '', '', ''), ['0+', '1+', '2+', '3+', '4+', '5+']);
  assert.deepEqual(folded('a', 'a', 'a', 'a'), ['0123+']);
  assert.deepEqual(folded('a', 'a', 'a', 'a', 'a'), ['012+34']);
  assert.deepEqual(folded('', 'a', 'a', 'b', 'b', 'b', 'b', 'b', 'b', 'a'), ['0+', '12+', '345+678', '9+']);
});
