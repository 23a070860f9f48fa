// SPDX-License-Identifier: EUPL-1.2
// Days on which something is due: in words and a shape on a record, and as a list over all registers.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, query as ask } from '../base/api';
import { t, tn } from '../base/i18n';
import { Problem } from '../base/parts';
import { onlyMine } from '../base/prefs';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { label, stateWord } from './kinds';
import { maskedTitle } from './masked';
import type { Due, DuePage, DueRow, Kind } from './types';
import { day } from './value';

/** What the words of a kind are looked up by; the kind's own file is not needed for them. */
const worded = (r: DueRow): Kind => ({ name: r.kind, title: r.kind, schema: { properties: {} } }) as unknown as Kind;
const words = (d: Due): string => (d.in < 0 ? tn('reg.due_past', -d.in) : d.in === 0 ? t('reg.due_today') : tn('reg.due_in', d.in));

/** A diamond and words when it is past, a broken ring when somebody is to be reminded, the day alone before that. */
export function DueChip({ kind, due, named }: { kind: Kind; due: Due | null | undefined; named?: boolean }) {
  if (!due) return null;
  const look = due.in < 0 ? 'chip is-off' : due.remind ? 'chip is-wait' : 'chip';
  return (
    <span class={look} title={`${label(kind, due.name)}: ${day(due.day)}`}>
      {named ? `${label(kind, due.name)}: ` : <span class="hide">{label(kind, due.name)}: </span>}
      {due.remind || due.in < 0 ? words(due) : day(due.day)}
    </span>
  );
}

const MORE = 25;

/** What is due over all registers that the reader may read, or what of it is his; the first day first; a few, then more. */
export function DueList({ few }: { few: number }) {
  const page = useSignal<DuePage | null>(null);
  const wrong = useSignal<string | null>(null);
  const mine = onlyMine.value;
  const read = async (cursor: string | null): Promise<void> => {
    try {
      const p = await get<DuePage>(`/due${ask({ mine: mine ? 'true' : null, limit: cursor ? MORE : few, cursor })}`);
      if (mine !== onlyMine.value) return;
      page.value = cursor && page.value ? { ...p, items: [...page.value.items, ...p.items] } : p;
      wrong.value = null;
    } catch (err) {
      wrong.value = problem(err);
    }
  };
  useEffect(() => void read(null), [mine]);
  const p = page.value;
  if (wrong.value) return <Problem text={wrong.value} onAgain={() => void read(null)} />;
  if (!p) return null;
  return (
    <>
      <div class="switch" role="group" aria-label={t('reg.due_whose')}>
        <button type="button" aria-pressed={!mine} onClick={() => (onlyMine.value = false)}>
          {t('reg.due_all')}
        </button>
        <button type="button" aria-pressed={mine} onClick={() => (onlyMine.value = true)}>
          {t('reg.due_only_mine')}
        </button>
      </div>
      {!p.items.length && <p class="soft">{t(mine ? 'reg.due_none_mine' : 'today.nothing_due')}</p>}
      <ul class="rows due-rows">
        {p.items.map((r) => (
          <li key={r.id}>
            <span>
              <a href={`/registers/${r.plural}/${r.id}`}>{r.masked ? maskedTitle(r.id) : visibleLine(r.title)}</a>{' '}
              <span class="quiet">
                {stateWord(worded(r), r.state)}
                {r.mine ? ` · ${t('reg.due_mine')}` : r.owner ? ` · ${visibleLine(r.owner)}` : ''}
              </span>
            </span>
            <DueChip kind={worded(r)} due={r.due} named />
          </li>
        ))}
      </ul>
      {p.next && (
        <p class="older">
          <button class="btn small" type="button" onClick={() => void read(p.next)}>
            {t('reg.more')}
          </button>
        </p>
      )}
    </>
  );
}
