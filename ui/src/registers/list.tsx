// SPDX-License-Identifier: EUPL-1.2
// The list of a register: states with their counts, filters as the file allows, a table in the order one asks for, pages by key.
// j and k (or the arrows) walk it, Enter opens, / goes to the filter, n begins a new record, b shows the board.
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { get, query as ask } from '../base/api';
import { t, tn } from '../base/i18n';
import { addKeys } from '../base/keys';
import { Age, Empty, Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { go } from '../state/place';
import { quarter } from '../state/ticks';
import { rememberRow, useArrival } from './arrive';
import { FilterForm, Filters, States } from './filters';
import { kindHelp, kindTitle, label, may, rightOn } from './kinds';
import { DueChip } from './due';
import { learnLinks } from './links';
import { MaskBar, Masked, maskedTitle } from './masked';
import { columnsOf } from './model';
import { isNumber, Shown, StateChip } from './value';
import { DUE_DAY, dueShown, readListed, toApi, toParams, type Listed } from './query';
import type { Kind, RecordPage, RecordRow } from './types';

const PAGE = 50;

export const listUrl = (k: Kind, l: Partial<Listed> = {}): string =>
  `/registers/${k.plural}${ask(toParams({ state: '', filters: [], sort: '', ...l }))}`;
export const titleOf = (k: Kind, r: RecordRow): string => r.masked.includes(k.schema['x-table'].title) ? maskedTitle(r.id) : visibleLine(String(r.fields[k.schema['x-table'].title] ?? r.id));
export const countOf = (p: { count: number; uncounted: boolean }): string => (p.uncounted ? t('reg.many', { n: p.count }) : tn('reg.count', p.count));

export type View = 'list' | 'board' | 'tables';

/** List and board of a kind: two ways to see the same records; and the records as a table to take along or to bring in. */
export function Views({ kind, view, listed }: { kind: Kind; view: View; listed?: Listed }) {
  return (
    <nav class="tabs" aria-label={t('reg.views')}>
      <a href={listUrl(kind, listed)} aria-current={view === 'list' ? 'page' : undefined}>
        {t('reg.view_list')}
      </a>
      <a href={`/registers/${kind.plural}/board`} aria-current={view === 'board' ? 'page' : undefined}>
        {t('reg.view_board')}
      </a>
      <a href={`/registers/${kind.plural}/tables`} aria-current={view === 'tables' ? 'page' : undefined}>
        {t('reg.view_tables')}
      </a>
      {kind.name === 'appointment' && <a href={`/registers/${kind.plural}/gaps`}>{t('gaps.title')}</a>}
    </nav>
  );
}

export function KindHead({ kind, view, listed, children }: { kind: Kind; view: View; listed?: Listed; children?: preact.ComponentChildren }) {
  return (
    <>
      <div class="head">
        <h1 tabIndex={-1}>{kindTitle(kind)}</h1>
        {children}
        {may(kind, 'create') && (
          <a class="btn main-act tools" href={`/registers/${kind.plural}/new`}>
            {t('reg.new')} <kbd>n</kbd>
          </a>
        )}
        {kindHelp(kind) && <p class="lead">{kindHelp(kind)}</p>}
      </div>
      <Views kind={kind} view={view} listed={listed} />
    </>
  );
}

function SortHead({ kind, field, text, listed, num, cls }: { kind: Kind; field: string; text: string; listed: Listed; num?: boolean; cls?: string }) {
  const { route } = useLocation();
  const now = listed.sort || '-changed';
  const on = now.replace(/^-/, '') === field;
  const down = on && now.startsWith('-');
  // Newest first is what one asks of days; of all else the beginning.
  const first = field === 'changed' ? `-${field}` : field;
  const next = !on ? first : down ? field : `-${field}`;
  if (kind.masked.includes(field)) {
    return (
      <th scope="col" class={`${num ? 'num ' : ''}${cls ?? ''}` || undefined}>
        {text}
      </th>
    );
  }
  return (
    <th scope="col" class={`${num ? 'num ' : ''}${cls ?? ''}` || undefined} aria-sort={on ? (down ? 'descending' : 'ascending') : undefined}>
      <button type="button" class="sort" onClick={() => route(listUrl(kind, { ...listed, sort: next === '-changed' ? '' : next }), true)}>
        {text}
      </button>
    </th>
  );
}

function Row({ kind, row, columns, dated }: { kind: Kind; row: RecordRow; columns: string[]; dated: boolean }) {
  const facts = columns.filter((n) => row.fields[n] !== undefined);
  return (
    <tr>
      <th scope="row" class="c-t">
        <a class="row" href={`/registers/${kind.plural}/${row.id}`} data-id={row.id} onClick={() => rememberRow(kind.plural, row.id)}>
          {titleOf(kind, row)}
        </a>
        <span class="sub">
          <StateChip kind={kind} state={row.state} />
          <DueChip kind={kind} due={row.due} />
          {facts.slice(0, 3).map((n) => (
            <span key={n}>
              <span class="hide">{label(kind, n)}: </span>
              <Shown kind={kind} path={n} value={row.fields[n]} schema={kind.schema.properties?.[n] ?? {}} cell />
            </span>
          ))}
        </span>
      </th>
      <td class="c-s">
        <StateChip kind={kind} state={row.state} />
      </td>
      {columns.map((n) => (
        <td key={n} class={isNumber(kind.schema.properties?.[n]) ? 'c-f num' : kind.schema.properties?.[n]?.format ? 'c-f c-d' : 'c-f'}>
          {row.masked.includes(n) ? <Masked /> : <Shown kind={kind} path={n} value={row.fields[n]} schema={kind.schema.properties?.[n] ?? {}} cell />}
        </td>
      ))}
      {dated && (
        <td class="c-f c-d">
          <DueChip kind={kind} due={row.due} />
        </td>
      )}
      <td class="c-a">
        <Age at={row.changed} now={quarter} />
      </td>
    </tr>
  );
}

/** Moves the focus by one row; from outside of the table to its first or last. */
function step(by: 1 | -1): boolean {
  const links = [...document.querySelectorAll<HTMLElement>('#main a.row')];
  if (!links.length) return false;
  const at = links.findIndex((l) => l === document.activeElement);
  const to = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by));
  links[to]?.focus();
  links[to]?.scrollIntoView({ block: 'nearest' });
  return true;
}

export function useListKeys(kind: Kind, other: string): void {
  useEffect(
    () =>
      addKeys({
        make: () => (may(kind, 'create') ? go(`/registers/${kind.plural}/new`) : false),
        views: () => go(other),
      }),
    [kind, other],
  );
}

export function ListPage({ kind }: { kind: Kind }) {
  const { query } = useLocation();
  const listed = readListed(kind.schema, query);
  const key = ask(toApi(kind.schema, listed));
  const page = useSignal<RecordPage | null>(null);
  const wrong = useSignal<string | null>(null);
  const again = useSignal(0);
  const more = useSignal(false);
  const added = useRef(0);
  const columns = columnsOf(kind.schema, (n) => rightOn(kind, n) !== 'hidden');
  const dated = dueShown(kind.schema, (n) => rightOn(kind, n) !== 'hidden');
  const read = (cursor: string | null, abort?: AbortSignal): Promise<RecordPage> =>
    get<RecordPage>(`/registers/${kind.plural}${ask({ ...toApi(kind.schema, listed), limit: PAGE, cursor })}`, abort);

  useEffect(() => {
    const abort = new AbortController();
    read(null, abort.signal).then(
      (p) => {
        for (const r of p.items) learnLinks(r.links ?? []);
        page.value = p;
        wrong.value = null;
      },
      (err: unknown) => {
        if (!(err instanceof DOMException)) wrong.value = problem(err);
      },
    );
    return () => abort.abort();
  }, [kind.plural, key, again.value]);
  useArrival(kindTitle(kind), page.value !== null, kind.plural);
  useListKeys(kind, `/registers/${kind.plural}/board`);
  useEffect(
    () =>
      addKeys({
        down: () => step(1),
        up: () => step(-1),
        filter: () => document.getElementById('reg-field')?.focus(),
      }),
    [],
  );

  const older = async (): Promise<void> => {
    const p = page.value;
    if (!p?.next || more.value) return;
    more.value = true;
    try {
      const q = await read(p.next);
      added.current = p.items.length;
      page.value = { ...q, items: [...p.items, ...q.items] };
    } catch (err) {
      wrong.value = problem(err);
    }
    more.value = false;
  };
  useLayoutEffect(() => {
    // The button that read on may be gone: the first row that it brought has the focus.
    if (!added.current) return;
    document.querySelectorAll<HTMLElement>('#main a.row')[added.current]?.focus();
    added.current = 0;
  }, [page.value]);
  const asked = useComputed(() => page.value !== null);
  const p = page.value;
  const narrowed = listed.state !== '' || listed.filters.length > 0;
  return (
    <div class="page reg">
      <KindHead kind={kind} view="list" listed={listed}>
        <p class="soft" role="status">
          {p && countOf(p)}
        </p>
      </KindHead>
      <States kind={kind} listed={listed} version={p} />
      <FilterForm kind={kind} listed={listed} />
      <Filters kind={kind} listed={listed} />
      <MaskBar kind={kind} masked={p !== null && p.items.some((r) => r.masked.length > 0 || (r.links ?? []).some((l) => l.masked))} onChange={() => (again.value += 1)} />
      {wrong.value && <Problem text={wrong.value} onAgain={() => (again.value += 1)} />}
      {!asked.value && !wrong.value && <Slow text={t('reg.reading')} />}
      {p && p.items.length === 0 && (
        <Empty title={t(narrowed ? 'reg.none_found' : 'reg.none')}>
          <p>{t(narrowed ? 'reg.none_found_text' : may(kind, 'create') ? 'reg.none_text' : 'reg.none_yours')}</p>
          {narrowed ? (
            <a class="btn" href={listUrl(kind)}>
              {t('reg.show_all')}
            </a>
          ) : (
            may(kind, 'create') && (
              <a class="btn" href={`/registers/${kind.plural}/new`}>
                {t('reg.first')}
              </a>
            )
          )}
        </Empty>
      )}
      {p && p.items.length > 0 && (
        <div
          class="reg-list"
          onKeyDown={(e) => {
            const by = e.key === 'ArrowDown' ? 1 : e.key === 'ArrowUp' ? -1 : 0;
            if (by === 0 || !(e.target as HTMLElement).matches('a.row') || !step(by)) return;
            e.preventDefault();
          }}
        >
          <table class="plain records">
            <caption class="hide">{t('reg.table', { kind: kindTitle(kind) })}</caption>
            <thead>
              <tr>
                <SortHead kind={kind} field={kind.schema['x-table'].title} text={label(kind, kind.schema['x-table'].title)} listed={listed} cls="c-t" />
                <SortHead kind={kind} field="state" text={t('reg.state')} listed={listed} cls="c-s" />
                {columns.map((n) => (
                  <SortHead key={n} kind={kind} field={n} text={label(kind, n, kind.schema.properties?.[n])} listed={listed} num={isNumber(kind.schema.properties?.[n])} cls="c-f" />
                ))}
                {dated && <SortHead kind={kind} field={DUE_DAY} text={t('reg.due')} listed={listed} cls="c-f" />}
                <SortHead kind={kind} field="changed" text={t('reg.changed')} listed={listed} cls="c-a" />
              </tr>
            </thead>
            <tbody>
              {p.items.map((r) => (
                <Row key={r.id} kind={kind} row={r} columns={columns} dated={dated} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {p?.next && (
        <p class="older">
          {t('reg.of', { n: p.items.length, count: countOf(p) })}{' '}
          <button class="btn" type="button" disabled={more.value} onClick={() => void older()}>
            {t('reg.more')}
          </button>
        </p>
      )}
    </div>
  );
}
