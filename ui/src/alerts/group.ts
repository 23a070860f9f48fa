// SPDX-License-Identifier: EUPL-1.2
// Turns a flat list of alerts into the rows of the queue: alerts of the same rule on the same host
// are one row that can be opened. Pure; the table and the keys both walk its result.
import { LEVELS, type Alert, type Status } from '../base/types';
import type { Sort } from '../base/prefs';

export interface Row {
  /** Stable while alerts come and go: `g:rule|host` for a group or single, `a:id` for a member. */
  key: string;
  kind: 'group' | 'one' | 'kid';
  /** The newest alert of the row. */
  lead: Alert;
  ids: string[];
  /** Events folded into all its alerts. */
  events: number;
  /** The oldest receipt among those still open; of all when none is. */
  since: string;
  /** The newest event. */
  last: string;
  /** New if any is new, else acknowledged if any is, else closed. */
  status: Status;
  /** How many of `ids` have that status. */
  inStatus: number;
  expanded: boolean;
}

export const groupKey = (a: Alert): string => `g:${a.rule.id}|${a.host ?? ''}`;

const rank = (a: Alert): number => {
  const i = LEVELS.indexOf(a.rule.level);
  return i < 0 ? LEVELS.length : i;
};

const newestFirst = (a: Alert, b: Alert): number =>
  a.received < b.received ? 1 : a.received > b.received ? -1 : a.id < b.id ? 1 : -1;

function rowOf(key: string, kind: Row['kind'], members: Alert[], expanded: boolean): Row {
  const lead = members[0] as Alert;
  const status: Status = members.some((a) => a.status === 'new')
    ? 'new'
    : members.some((a) => a.status === 'acknowledged')
      ? 'acknowledged'
      : 'closed';
  const open = members.filter((a) => a.status !== 'closed');
  const waits = open.length ? open : members;
  return {
    key,
    kind,
    lead,
    ids: members.map((a) => a.id),
    events: members.reduce((n, a) => n + Math.max(1, a.count), 0),
    since: waits.reduce((m, a) => (a.received < m ? a.received : m), lead.received),
    last: members.reduce((m, a) => (a.last_time > m ? a.last_time : m), lead.last_time),
    status,
    inStatus: members.filter((a) => a.status === status).length,
    expanded,
  };
}

/** Groups in order: most severe first and then newest, or newest first. */
export function groups(alerts: readonly Alert[], sort: Sort): Alert[][] {
  const by = new Map<string, Alert[]>();
  for (const a of [...alerts].sort(newestFirst)) {
    const key = groupKey(a);
    const g = by.get(key);
    if (g) g.push(a);
    else by.set(key, [a]);
  }
  // Each group stands where its newest member stands; the sort is stable.
  const all = [...by.values()];
  if (sort === 'severity') all.sort((x, y) => rank(x[0] as Alert) - rank(y[0] as Alert));
  return all;
}

/** Rows as they are seen from top to bottom, members of open groups included. */
export function buildRows(alerts: readonly Alert[], sort: Sort, open: ReadonlySet<string>): Row[] {
  const out: Row[] = [];
  for (const members of groups(alerts, sort)) {
    const key = groupKey(members[0] as Alert);
    const many = members.length > 1;
    const expanded = many && open.has(key);
    out.push(rowOf(key, many ? 'group' : 'one', members, expanded));
    if (expanded) for (const a of members) out.push(rowOf(`a:${a.id}`, 'kid', [a], false));
  }
  return out;
}

/** Where the reader goes when rows leave: the next that stays, else the one before, else nowhere. */
export function nextRow(before: readonly Row[], after: readonly Row[], key: string | null): string | null {
  if (key === null) return null;
  const stays = new Set(after.map((r) => r.key));
  if (stays.has(key)) return key;
  const at = before.findIndex((r) => r.key === key);
  if (at < 0) return null;
  for (let i = at + 1; i < before.length; i += 1) {
    const k = (before[i] as Row).key;
    if (stays.has(k)) return k;
  }
  for (let i = at - 1; i >= 0; i -= 1) {
    const k = (before[i] as Row).key;
    if (stays.has(k)) return k;
  }
  return after[0]?.key ?? null;
}
