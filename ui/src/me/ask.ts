// SPDX-License-Identifier: EUPL-1.2
// What is asked of the reader, in plain words: days that are past or near, and what records of the department still lack. Each leads to where it is done.
import { fill, t, tOr } from '../base/i18n';
import { visibleLine } from '../base/visible';
import { choice, kindOf, may, rightOn } from '../registers/kinds';
import { titleOf } from '../registers/list';
import { maskedTitle } from '../registers/masked';
import type { DueRow, RecordRow } from '../registers/types';
import { day } from '../registers/value';
import type { Department, Part, Task } from './types';

/** What a record of this state is asked for: `lacks` when one of these is empty (of a|b: both), else always. `edit`: it is done in its form. */
const WANTS: readonly { kind: string; state: string; lacks?: readonly string[]; does: 'change' | 'move'; text: string }[] = [
  { kind: 'waiver', state: 'asked', does: 'move', text: 'me.want_waiver' },
  { kind: 'risk', state: 'identified', does: 'move', text: 'me.want_risk' },
  { kind: 'finding', state: 'open', lacks: ['owner|responsible', 'due'], does: 'change', text: 'me.want_finding' },
  { kind: 'service', state: 'live', lacks: ['manager'], does: 'change', text: 'me.want_service' },
  { kind: 'system', state: 'live', lacks: ['owner'], does: 'change', text: 'me.want_system' },
];

const lacks = (r: RecordRow, name: string): boolean => r.fields[name] === undefined && !r.masked.includes(name);

function wanted(p: Part, organisation: string): Task[] {
  return WANTS.filter((w) => w.kind === p.kind.name && w.state === p.state && may(p.kind, w.does)).flatMap((w) =>
    p.rows
      .filter((r) => organisation === '*' || r.organisation === organisation)
      .filter((r) => !w.lacks || w.lacks.some((names) => names.split('|').every((n) => rightOn(p.kind, n) === 'write' && lacks(r, n))))
      .map((r) => ({
        key: `${w.text} ${r.id}`,
        text: t(w.text, { title: titleOf(p.kind, r) }),
        to: `/registers/${p.kind.plural}/${r.id}${w.does === 'change' ? '/edit' : ''}`,
        alike: w.text,
        row: null,
      })),
  );
}

/** Only what a reminder would be sent for, or is past: what comes later stands in the list of days. */
function due(r: DueRow): Task[] {
  const kind = kindOf(r.plural);
  if (!r.due || !r.due.remind || !kind || !(may(kind, 'change') || may(kind, 'move'))) return [];
  const text = tOr(`me.due_${r.kind}_${r.due.name}`, t(`me.due_${r.due.as}`));
  return [
    { key: `due ${r.id}`, text: fill(text, { title: r.masked ? maskedTitle(r.id) : visibleLine(r.title), day: day(r.due.day) }), to: `/registers/${r.plural}/${r.id}`, alike: '', row: r },
  ];
}

export function tasksOf(d: Department): Task[] {
  const appointments = kindOf('appointments');
  const gaps = (d.gaps ?? []).filter((g) => g.from === d.gapsFrom);
  return [
    ...d.due.flatMap(due),
    ...d.parts.flatMap((p) => wanted(p, d.organisation)),
    ...(appointments
      ? gaps.map((g) => ({
          key: `gap ${g.organisation} ${g.unit} ${g.function}`,
          text: t('me.want_holder', { function: choice(appointments, 'function', g.function), where: g.unit ? visibleLine(g.title) : visibleLine(g.organisation) }),
          to: '/registers/appointments/gaps',
          alike: 'me.want_holder',
          row: null,
        }))
      : []),
  ];
}
