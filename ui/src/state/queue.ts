// SPDX-License-Identifier: EUPL-1.2
// The queue as the reader has it: what is shown, what waits to be shown, where they stand, what they
// picked. Live news changes rows in place but never their number, unless the reader is at the top
// with nothing in hand. Acts live in acts.ts.
import { computed, signal } from '@preact/signals';
import { ApiError, get, query } from '../base/api';
import { problem } from '../base/problem';
import { sort } from '../base/prefs';
import type { Alert, AlertPage, Counts } from '../base/types';
import { DEFAULT_FILTER, matches, parseFilter, toQuery } from '../alerts/filter';
import { buildRows, nextRow, type Row } from '../alerts/group';

/** Alerts read without asking, newest first; older ones come by a button. */
const AUTO_LOAD = 1000;
const PAGE = 100;
/** Waiting alerts beyond this are dropped here: showing them reads the list afresh anyway. */
const MAX_WAITING = 500;

export const filterText = signal(DEFAULT_FILTER);
export const filter = computed(() => parseFilter(filterText.value));

/** All alerts we know by id, shown or waiting or only open in the drawer. */
export const known = signal<ReadonlyMap<string, Alert>>(new Map());
/** Ids of the list, in no order; rows sort them. */
export const shown = signal<ReadonlySet<string>>(new Set());
/** Arrived since and not yet shown. */
export const waiting = signal<ReadonlySet<string>>(new Set());
export const counts = signal<Counts | null>(null);
export const loading = signal(false);
export const loaded = signal(false);
export const failure = signal<string | null>(null);
/** Words that look for a person, for which the node wants a reason first. */
export const reasonFor = signal<string | null>(null);
export const next = signal<string | null>(null);

export const expanded = signal<ReadonlySet<string>>(new Set());
export const chosen = signal<ReadonlySet<string>>(new Set());
export const current = signal<string | null>(null);
/** The id in the URL: /alerts/:id. */
export const drawerId = signal<string | null>(null);

export const alerts = computed<Alert[]>(() => {
  const all = known.value;
  const out: Alert[] = [];
  for (const id of shown.value) {
    const a = all.get(id);
    if (a) out.push(a);
  }
  return out;
});
export const rows = computed<Row[]>(() => buildRows(alerts.value, sort.value, expanded.value));
export const groupCount = computed(() => rows.value.reduce((n, r) => n + (r.kind === 'kid' ? 0 : 1), 0));
export const currentRow = computed<Row | null>(
  () => rows.value.find((r) => r.key === current.value) ?? null,
);

/** The page tells whether the reader looks at the very top with nothing in hand. */
let isCalm: () => boolean = () => true;
export function setCalm(f: () => boolean): void {
  isCalm = f;
}

export function learn(list: readonly Alert[]): void {
  if (!list.length) return;
  const m = new Map(known.value);
  for (const a of list) {
    const had = m.get(a.id);
    // An older answer that arrives late must not undo a newer one.
    if (had && had.revision > a.revision) continue;
    m.set(a.id, a);
  }
  known.value = m;
}

/** Replaces an alert whatever its revision says: for optimistic changes and their taking back. */
export function force(list: readonly Alert[]): void {
  const m = new Map(known.value);
  for (const a of list) m.set(a.id, a);
  known.value = m;
}

let run = 0;
let abort: AbortController | null = null;

/** Reads the list. `keep` holds the old rows until the new ones are there. */
export async function load(): Promise<void> {
  run += 1;
  const mine = run;
  abort?.abort();
  abort = new AbortController();
  loading.value = true;
  failure.value = null;
  reasonFor.value = null;
  const ask = toQuery(filter.value);
  const f = filter.value;
  let cursor: string | null = null;
  const got = new Set<string>();
  try {
    do {
      const page: AlertPage = await get<AlertPage>(
        `/alerts${query({ ...ask, limit: PAGE, cursor })}`,
        abort.signal,
      );
      if (mine !== run) return;
      learn(page.items);
      for (const a of page.items) if (matches(f, a)) got.add(a.id);
      counts.value = page.counts;
      const first = cursor === null;
      cursor = page.next;
      next.value = cursor;
      if (first) replaceShown(got);
      else addShown(got);
      loaded.value = true;
    } while (cursor && got.size < AUTO_LOAD);
  } catch (err) {
    if (mine !== run || err instanceof DOMException) return;
    if (err instanceof ApiError && err.code === 'reason_needed') {
      replaceShown(new Set());
      reasonFor.value = ask.q ?? '';
    } else failure.value = problem(err);
  } finally {
    if (mine === run) loading.value = false;
  }
}

function replaceShown(ids: ReadonlySet<string>): void {
  moveTo(new Set(ids));
  waiting.value = new Set();
  chosen.value = new Set([...chosen.value].filter((id) => ids.has(id)));
}

function addShown(ids: Iterable<string>): void {
  moveTo(new Set([...shown.value, ...ids]));
}

/** Changes what is shown and keeps the reader's row, or gives them the one that follows. */
function moveTo(ids: ReadonlySet<string>): void {
  const before = rows.value;
  shown.value = ids;
  if (current.value !== null) current.value = nextRow(before, rows.value, current.value);
}

/** The next thousand older alerts. */
export async function loadOlder(): Promise<void> {
  if (!next.value || loading.value) return;
  const mine = run;
  loading.value = true;
  const f = filter.value;
  const got = new Set<string>();
  try {
    do {
      const page: AlertPage = await get<AlertPage>(
        `/alerts${query({ ...toQuery(f), limit: PAGE, cursor: next.value })}`,
      );
      if (mine !== run) return;
      learn(page.items);
      for (const a of page.items) if (matches(f, a)) got.add(a.id);
      next.value = page.next;
      addShown(got);
    } while (next.value && got.size < AUTO_LOAD);
  } catch (err) {
    failure.value = problem(err);
  } finally {
    if (mine === run) loading.value = false;
  }
}

/** After a pause of the stream: what is new waits, what changed changes in place. */
export async function catchUp(): Promise<void> {
  try {
    const page = await get<AlertPage>(`/alerts${query({ ...toQuery(filter.value), limit: PAGE })}`);
    counts.value = page.counts;
    for (const a of page.items) arrive(a);
  } catch {
    /* the next gap or act tells */
  }
}

export function arrive(a: Alert): void {
  const isNews = !known.value.has(a.id);
  learn([a]);
  if (isNews) bump(a);
  if (shown.value.has(a.id) || !matches(filter.value, a)) return;
  if (isCalm()) addShown([a.id]);
  else if (waiting.value.size < MAX_WAITING) waiting.value = new Set([...waiting.value, a.id]);
}

/** Someone else acted, or a fold grew. The row changes where it stands and leaves at the next reading. */
export function change(a: Alert): void {
  const had = known.value.get(a.id);
  learn([a]);
  if (had && had.status !== a.status) shift(had.status, a.status);
  if (waiting.value.has(a.id) && !matches(filter.value, a)) {
    const w = new Set(waiting.value);
    w.delete(a.id);
    waiting.value = w;
  }
  soonCounts();
}

/** `n`: shows what waits. The current row stays current, wherever it moves. */
export function showWaiting(): number {
  const n = waiting.value.size;
  const fresh = waiting.value;
  waiting.value = new Set();
  // Rows that others closed meanwhile leave now, not under the reader's hand.
  const f = filter.value;
  const stay = [...shown.value].filter((id) => {
    const a = known.value.get(id);
    return a !== undefined && matches(f, a);
  });
  moveTo(new Set([...stay, ...fresh]));
  return n;
}

/** Takes rows out that no longer match, after an act of the reader's own. Returns the row they go to. */
export function settle(ids: readonly string[]): void {
  const f = filter.value;
  const leave = new Set(
    ids.filter((id) => {
      const a = known.value.get(id);
      return a !== undefined && !matches(f, a);
    }),
  );
  if (leave.size) moveTo(new Set([...shown.value].filter((id) => !leave.has(id))));
}

/** Puts rows back after an undo. */
export function bringBack(ids: readonly string[]): void {
  const f = filter.value;
  const back = ids.filter((id) => {
    const a = known.value.get(id);
    return a !== undefined && matches(f, a);
  });
  if (back.length) addShown(back);
}

function bump(a: Alert): void {
  const c = counts.value;
  if (!c || a.status === 'closed') return;
  counts.value = {
    ...c,
    open: c.open + 1,
    [a.status]: c[a.status] + 1,
    oldest_open: c.oldest_open ?? a.received,
  };
}

/** Moves the counts at once; the node's own figures follow. */
export function shift(from: Alert['status'], to: Alert['status']): void {
  const c = counts.value;
  if (!c || from === to) return;
  const d = { ...c };
  if (from === 'closed') d.open += 1;
  else d[from] -= 1;
  if (to === 'closed') {
    d.open -= 1;
    d.closed_today += 1;
  } else d[to] += 1;
  counts.value = d;
}

let countTimer = 0;
/** Asks for fresh counts once things are quiet for a moment. */
export function soonCounts(): void {
  clearTimeout(countTimer);
  countTimer = window.setTimeout(() => {
    get<AlertPage>('/alerts?status=open&limit=1').then(
      (p) => {
        counts.value = p.counts;
      },
      () => undefined,
    );
  }, 1200);
}

export function toggleExpanded(key: string, to?: boolean): void {
  const s = new Set(expanded.value);
  const open = to ?? !s.has(key);
  if (open) s.add(key);
  else s.delete(key);
  // A member that closes under the reader hands them to its group.
  if (!open && current.value?.startsWith('a:')) {
    const kid = rows.value.find((r) => r.key === current.value);
    const group = rows.value.find((r) => r.key === key);
    if (kid && group?.ids.includes(kid.lead.id)) current.value = key;
  }
  expanded.value = s;
}

let anchor: string | null = null;
/** Picks or unpicks a row; with `range`, all from the last picked row to this one. */
export function pickRow(key: string, range = false): void {
  const list = rows.value;
  const at = list.findIndex((r) => r.key === key);
  if (at < 0) return;
  const s = new Set(chosen.value);
  const from = range && anchor ? list.findIndex((r) => r.key === anchor) : -1;
  if (from >= 0) {
    for (const r of list.slice(Math.min(from, at), Math.max(from, at) + 1)) for (const id of r.ids) s.add(id);
  } else {
    const ids = (list[at] as Row).ids;
    const all = ids.every((id) => s.has(id));
    for (const id of ids) {
      if (all) s.delete(id);
      else s.add(id);
    }
  }
  anchor = key;
  chosen.value = s;
}

export function pickAll(on: boolean): void {
  chosen.value = on ? new Set(shown.value) : new Set();
}

/** What an act means now: the picked rows, else the current row, else the alert in the drawer. */
export const target = computed<string[]>(() => {
  if (chosen.value.size) return [...chosen.value];
  const row = currentRow.value;
  const id = drawerId.value;
  if (id !== null && (!row || !row.ids.includes(id))) return [id];
  return row ? row.ids : [];
});
