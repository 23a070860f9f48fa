// SPDX-License-Identifier: EUPL-1.2
// What happened to a record: who changed what, when and why, newest first, each field before and after. Changes under a label that
// the reader may not read are missing from the numbers, and the list says so.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, query as ask } from '../base/api';
import { drawn } from '../base/drawn';
import { t, tn } from '../base/i18n';
import { Age, Problem } from '../base/parts';
import { problem } from '../base/problem';
import { visible, visibleLine } from '../base/visible';
import { quarter } from '../state/ticks';
import { label, rightOn, stateWord } from './kinds';
import { learnLinks } from './links';
import type { Kind, RecordLink, RecordRow, Value } from './types';
import { plain } from './value';

interface Pair<T> {
  before: T | null;
  after: T | null;
}
interface Past {
  number: number;
  at: string;
  who: string;
  what: string;
  why: string;
  state: Pair<string> | null;
  tlp: Pair<string> | null;
  fields: ({ field: string } & Pair<Value>)[];
  links: RecordLink[];
  erased: boolean; // what it said of a person is kept no more
}
interface Page {
  items: Past[];
  next: string | null;
}

const FIRST = 10; // changes that are read with the page

interface Row {
  name: string;
  before: string | null;
  after: string | null;
}
/** What changed, in the reader's words; a state or a label that a record began with is no change. */
function rowsOf(kind: Kind, p: Past): Row[] {
  const said = (field: string, v: Value | null): string | null => (v === null ? null : plain(kind, field, v, kind.schema.properties?.[field] ?? {}));
  const rows: Row[] = [];
  if (p.state?.before) rows.push({ name: t('reg.state'), before: stateWord(kind, p.state.before), after: stateWord(kind, p.state.after ?? '') });
  if (p.tlp?.before) rows.push({ name: t('reg.label'), before: `TLP:${p.tlp.before}`, after: `TLP:${p.tlp.after}` });
  for (const f of p.fields) {
    if (rightOn(kind, f.field) === 'hidden') continue;
    rows.push({ name: label(kind, f.field, kind.schema.properties?.[f.field]), before: said(f.field, f.before), after: said(f.field, f.after) });
  }
  return rows;
}

function Side({ word, value, made }: { word: string; value: string | null; made: boolean }) {
  return (
    <dd>
      <span class={made ? 'hide' : 'quiet'}>{word} </span>
      {value === null ? <span class="quiet">{t('reg.empty')}</span> : <span class="reg-said">{visible(value)}</span>}
    </dd>
  );
}

function Changes({ rows, made }: { rows: Row[]; made: boolean }) {
  return (
    <dl class={made ? 'reg-changes at-first' : 'reg-changes'}>
      {rows.map((r) => (
        <div key={r.name}>
          <dt>{r.name}</dt>
          {!made && <Side word={t('reg.history_before')} value={r.before} made={made} />}
          <Side word={t('reg.history_after')} value={r.after} made={made} />
        </div>
      ))}
    </dl>
  );
}

const DID: Record<string, string> = {
  created: 'reg.did_created',
  changed: 'reg.did_changed',
  moved: 'reg.did_moved',
  imported: 'reg.did_imported',
  import_undone: 'reg.did_import_undone',
  erased: 'reg.did_erased',
};

function Change({ kind, past }: { kind: Kind; past: Past }) {
  const rows = rowsOf(kind, past);
  const made = past.tlp !== null && past.tlp.before === null;
  return (
    <li>
      <h3 tabIndex={-1} id={`change-${past.number}`}>
        {t(DID[past.what] ?? 'reg.did_changed', { who: visibleLine(past.who) })}{' '}
        <span class="soft">
          <Age at={past.at} now={quarter} />
        </span>
      </h3>
      {past.why && (
        <p class="reg-reason">
          <span class="quiet">{t('reg.why')} </span>
          {visibleLine(past.why)}
        </p>
      )}
      {made ? (
        <details>
          <summary>{tn('reg.history_made', rows.length)}</summary>
          <Changes rows={rows} made />
        </details>
      ) : rows.length > 0 ? (
        <Changes rows={rows} made={false} />
      ) : (
        !past.erased && <p class="soft">{t('reg.history_nothing')}</p>
      )}
      {past.erased && <p class="soft">{t('reg.history_erased')}</p>}
    </li>
  );
}

/** Numbers that are missing between this change and the one shown before it (above it: `above`), or down to `floor`. */
const gap = (above: number, here: number): number => Math.max(0, above - here - 1);

export function HistoryOf({ kind, record }: { kind: Kind; record: RecordRow }) {
  const items = useSignal<Past[] | null>(null);
  const next = useSignal<string | null>(null);
  const wrong = useSignal<string | null>(null);
  const path = `/registers/${kind.plural}/${record.id}/history`;
  const take = (page: Page): void => {
    for (const p of page.items) learnLinks(p.links);
    next.value = page.next;
    wrong.value = null;
  };
  const read = (signal?: AbortSignal): void => {
    get<Page>(`${path}${ask({ limit: FIRST })}`, signal).then(
      (page) => {
        take(page);
        items.value = page.items;
      },
      (err: unknown) => {
        if (!(err instanceof DOMException)) wrong.value = problem(err);
      },
    );
  };
  useEffect(() => {
    const abort = new AbortController();
    read(abort.signal);
    return () => abort.abort();
  }, [record.id, record.version]);
  const older = async (): Promise<void> => {
    try {
      const page = await get<Page>(`${path}${ask({ cursor: next.value ?? '' })}`);
      take(page);
      items.value = [...(items.value ?? []), ...page.items];
      // The button may be gone: go on where the new ones begin.
      const first = page.items[0];
      if (first) drawn(() => document.getElementById(`change-${first.number}`)?.focus());
    } catch (err) {
      wrong.value = problem(err);
    }
  };
  const all = items.value ?? [];
  const lowest = next.value === null ? 0 : Number(next.value);
  const list = all.map((p, i) => ({ past: p, missing: gap(i === 0 ? record.version + 1 : (all[i - 1]?.number ?? 0), p.number) }));
  const rest = items.value === null ? 0 : gap(all[all.length - 1]?.number ?? record.version + 1, lowest);
  const missing = (n: number) => n > 0 && <li class="soft">{tn('reg.history_gap', n)}</li>;
  return (
    <section class="panel" aria-labelledby="history-h">
      <h2 id="history-h">{t('reg.history')}</h2>
      {wrong.value && <Problem text={wrong.value} onAgain={() => read()} />}
      <ol class="reg-history" reversed>
        {list.map(({ past, missing: n }) => [missing(n), <Change key={past.number} kind={kind} past={past} />])}
        {missing(rest)}
      </ol>
      {next.value !== null && (
        <button class="btn" type="button" onClick={() => void older()}>
          {t('reg.history_older')}
        </button>
      )}
    </section>
  );
}
