// SPDX-License-Identifier: EUPL-1.2
// Reads a department: by the lists that its figures open, each asked as the address of that list asks, so that a figure and its list are one question.
import { get, nodeNow, query as ask } from '../base/api';
import { GAPS_API, type Gaps } from '../registers/gaps';
import { isFinal, kinds, rightOn } from '../registers/kinds';
import { DUE_DAY, dueNames, dueShown } from '../registers/query';
import type { DuePage, DueRow, Kind, RecordPage } from '../registers/types';
import type { Department, HostAlerts, Part } from './types';

/** Kinds of the page, and how many records of a state are named there; of the others figures alone. */
export const KINDS: Readonly<Record<string, number>> = { service: 50, system: 100, finding: 30, risk: 30, waiver: 30 };
const HOSTS = 24; // systems whose alerts are asked for
const ALERTS = 100; // of one of them, counted
const DUE_PAGES = 5; // of 200

const DAY_MS = 24 * 3600 * 1000;
const yesterday = (): string => new Date(nodeNow() - DAY_MS).toISOString().slice(0, 10);

/** All of the node has no organisation to ask for. */
export const within = (organisation: string): Record<string, string> => (organisation === '*' ? {} : { organisation });
export const listOf = (k: Kind, filter: Record<string, string>): string => `/registers/${k.plural}${ask(filter)}`;

async function part(k: Kind, state: string, filter: Record<string, string>, limit: number): Promise<Part> {
  const p = await get<RecordPage>(listOf(k, { ...filter, limit: String(limit), sort: k.schema['x-table'].title in (k.schema.properties ?? {}) && !k.masked.includes(k.schema['x-table'].title) ? k.schema['x-table'].title : '-changed' }));
  return { kind: k, state, count: p.count, more: p.uncounted, rows: p.items };
}

const shownOf = (k: Kind) => (n: string): boolean => rightOn(k, n) !== 'hidden';

async function readDue(organisation: string): Promise<{ rows: DueRow[]; more: boolean }> {
  const rows: DueRow[] = [];
  let cursor: string | null = null;
  for (let i = 0; i < DUE_PAGES; i += 1) {
    const p: DuePage = await get<DuePage>(`/due${ask({ limit: 200, cursor })}`);
    rows.push(...p.items.filter((r) => organisation === '*' || r.organisation === organisation));
    cursor = p.next;
    if (!cursor) break;
  }
  return { rows, more: cursor !== null };
}

async function readAlerts(systems: readonly Part[], watches: boolean): Promise<Map<string, HostAlerts> | null> {
  if (!watches) return null;
  const hosts = new Set<string>();
  for (const r of systems.filter((p) => p.state === 'live').flatMap((p) => p.rows)) {
    if (typeof r.fields.address === 'string' && hosts.size < HOSTS) hosts.add(r.fields.address);
  }
  const found = await Promise.all(
    [...hosts].map(async (host) => {
      const p = await get<{ items: unknown[]; next?: string | null }>(`/alerts${ask({ status: 'open', host, limit: ALERTS })}`);
      return [host, { count: p.items.length, more: Boolean(p.next) }] as const;
    }),
  );
  return new Map(found);
}

export async function readDepartment(organisation: string, watches: boolean): Promise<Department> {
  const filter = within(organisation);
  const shown = (kinds.value?.items ?? []).filter((k) => k.name in KINDS);
  const states = (k: Kind): string[] => k.schema['x-states'].list.map((s) => s.id).filter((s) => !isFinal(k, s));
  const dated = shown.filter((k) => dueNames(k.schema).length > 0 && dueShown(k.schema, shownOf(k)));
  const gaps = kinds.value?.items.some((k) => k.name === 'appointment') ? get<Gaps>(GAPS_API) : Promise.resolve(null);
  const [parts, past, due, held] = await Promise.all([
    Promise.all(shown.flatMap((k) => states(k).map((s) => part(k, s, { ...filter, state: s }, KINDS[k.name] ?? 1)))),
    Promise.all(dated.map((k) => part(k, '', { ...filter, [`${DUE_DAY}.to`]: yesterday() }, 1))),
    readDue(organisation),
    gaps,
  ]);
  const alerts = await readAlerts(parts.filter((p) => p.kind.name === 'system'), watches);
  return {
    at: nodeNow(), organisation, parts, past, alerts, due: due.rows, dueMore: due.more,
    gaps: held && held.items.filter((g) => organisation === '*' || g.organisation === organisation), gapsFrom: held?.from ?? '',
  };
}

/** The address of the list that a figure counted. */
export const partUrl = (d: Department, p: Part): string =>
  listOf(p.kind, p.state ? { state: p.state, ...within(d.organisation) } : { ...within(d.organisation), [`${DUE_DAY}.to`]: yesterday() });
