// SPDX-License-Identifier: EUPL-1.2
// Many tasks that ask the same of many records, folded to the first of them and the rest. Pure.
import type { Task } from './types';

const SHOWN = 3;

export interface Run {
  shown: Task[];
  /** None, or at least two: one more is shorter to read than that there is one. */
  rest: Task[];
}

export function foldAlike(tasks: readonly Task[]): Run[] {
  const runs: Task[][] = [];
  for (const k of tasks) {
    const last = runs.at(-1);
    if (last?.[0] && k.alike !== '' && last[0].alike === k.alike) last.push(k);
    else runs.push([k]);
  }
  return runs.map((r) => (r.length > SHOWN + 1 ? { shown: r.slice(0, SHOWN), rest: r.slice(SHOWN) } : { shown: r, rest: [] }));
}
