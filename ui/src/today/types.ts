// SPDX-License-Identifier: EUPL-1.2
// What GET /today answers: what waits for whom asks, each figure with the filter of the list that it opens.
import type { Level } from '../base/types';

export interface Count {
  count: number;
  /** There are more than that. */
  more: boolean;
}
export interface AlertFigure extends Count {
  /** null: any. */
  level: Level | null;
  /** Received before; null: whenever. */
  until: string | null;
}
export type Group = 'work' | 'ends' | 'look';
export interface DueFigure extends Count {
  group: Group;
  kind: string;
  plural: string;
  title: string;
  state: string;
  field: string;
  from: string | null;
  to: string;
  past: boolean;
}
interface Seen {
  at: string | null;
  faults: number;
}
/** A part that the reader may not see is not there. */
export interface Today {
  at: string;
  alerts?: AlertFigure[];
  sources?: { all: number; silent: number; behind: number; held: number };
  looked_for: number;
  due: DueFigure[];
  warnings?: { all: number; waiting: number };
  backup?: Seen;
  verified?: Seen;
  copy?: { state: string; at: string | null; waiting: number };
  retention?: { clock: 'fits' | 'ahead' | 'behind'; passed_by: number };
}
