// SPDX-License-Identifier: EUPL-1.2
// What the page of a record shows beside its fields, by kind: a table, read by panelset.tsx. A kind that does not stand here has the page that
// every kind has. A panel of records of a kind that is off, or that the reader may not read, is not drawn.

export type Panel =
  /** What fails with it and what it stands on: a picture, and the same as lists. */
  | { is: 'chain' }
  /** Records of another kind that name it by a field: figures by state, and those that are not ended in a table. */
  | { is: 'related'; kind: string; by: string; columns: readonly string[]; sort: string }
  /** Fields of its own, together under a heading. `states`: only then. */
  | { is: 'fields'; title: string; fields: readonly string[]; states?: readonly string[] }
  /** Two numbers from 1 to 5, as they are and as they will be. */
  | { is: 'scale'; now: readonly [string, string]; then: readonly [string, string] }
  /** Days of its own: how long since, how long until. */
  | { is: 'days'; title: string; fields: readonly string[] }
  /** An extract of minutes as one reads it, with what corrects it and what it corrects. */
  | { is: 'paper' };

const risks = { is: 'related', kind: 'risk', columns: ['likelihood', 'impact', 'accepted_until'], sort: '-impact' } as const;
const findings = { is: 'related', kind: 'finding', columns: ['severity', 'due'], sort: 'due' } as const;
const minutes = { is: 'related', kind: 'minute', columns: ['held', 'item', 'decision'], sort: '-held' } as const;
const waivers = { is: 'related', kind: 'waiver', columns: ['until'], sort: 'until' } as const;
const controls = { is: 'related', kind: 'control', columns: ['next_test'], sort: 'next_test' } as const;

export const PANELS: Readonly<Record<string, readonly Panel[]>> = {
  service: [
    { is: 'chain' },
    { is: 'fields', title: 'reg.p_continuity', fields: ['rto_minutes', 'rpo_minutes', 'tested', 'workaround'] },
    { is: 'fields', title: 'reg.p_owner', fields: ['manager', 'unit', 'legal_basis'] },
    { is: 'related', kind: 'continuity_plan', by: 'service', columns: ['rto_hours', 'tested', 'review'], sort: '-changed' },
    { ...risks, by: 'services' },
    { ...findings, by: 'services' },
    { ...waivers, by: 'services' },
    { is: 'related', kind: 'contract', by: 'services', columns: ['ends', 'notice_city'], sort: 'ends' },
    { ...minutes, by: 'services' },
  ],
  supplier: [
    { is: 'chain' },
    { is: 'fields', title: 'reg.p_excluded', fields: ['exclusion_decision', 'exclusion_ground', 'excluded_until'], states: ['excluded'] },
    { is: 'related', kind: 'contract', by: 'supplier', columns: ['number', 'begins', 'ends', 'notice_city', 'notice_supplier'], sort: 'ends' },
    { is: 'related', kind: 'solution', by: 'supplier', columns: ['mode', 'exit_tested'], sort: 'name' },
    { ...risks, by: 'suppliers' },
  ],
  risk: [
    { is: 'scale', now: ['likelihood', 'impact'], then: ['residual_likelihood', 'residual_impact'] },
    { is: 'fields', title: 'reg.p_treatment', fields: ['treatment', 'measures', 'cost', 'owner'] },
    { is: 'fields', title: 'reg.p_acceptance', fields: ['accepted_by'] },
    { is: 'days', title: 'reg.p_days', fields: ['accepted_until', 'review'] },
    { ...minutes, by: 'risks' },
    { ...controls, by: 'risks' },
    { ...waivers, by: 'risks' },
  ],
  finding: [
    { is: 'days', title: 'reg.p_days', fields: ['found', 'due', 'retest'] },
    { is: 'fields', title: 'reg.p_where', fields: ['systems', 'services', 'controls', 'where', 'domain'] },
    { ...waivers, by: 'findings' },
    { ...minutes, by: 'findings' },
  ],
  minute: [
    { is: 'paper' },
    { is: 'fields', title: 'reg.p_about', fields: ['risks', 'findings', 'services', 'meeting'] },
    { is: 'related', kind: 'budget_request', by: 'minutes', columns: ['year', 'decided'], sort: '-year' },
  ],
};

/** Whether what names a record by this field stands in a panel of its own. */
export const hasPanel = (kind: string, other: string, field: string): boolean => (PANELS[kind] ?? []).some((p) => p.is === 'related' && p.kind === other && p.by === field);

/** Fields that panels show, so that they do not stand twice. */
const PAPER = ['body', 'held', 'item', 'record_kept', 'documents', 'heard', 'decision', 'reason', 'votes', 'owner', 'due', 'annex_sha256', 'corrects'];
export function shownInPanels(kind: string, state: string): ReadonlySet<string> {
  const out = new Set<string>();
  for (const p of PANELS[kind] ?? []) {
    if (p.is === 'days' || (p.is === 'fields' && (!p.states || p.states.includes(state)))) for (const f of p.fields) out.add(f);
    if (p.is === 'scale') for (const f of [...p.now, ...p.then]) out.add(f);
    if (p.is === 'paper') for (const f of PAPER) out.add(f);
  }
  return out;
}
