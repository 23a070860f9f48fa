// SPDX-License-Identifier: EUPL-1.2
// The board of a register: a column for each state, with the newest records in it. A card is moved by keyboard (Space takes it up,
// the arrows choose among the states that are allowed, Space or Enter lets go, Escape puts it back), by its own menu, or by pointer.
// Each step is announced. What a move asks for is asked in a dialog.
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { get, query as ask } from '../base/api';
import { t } from '../base/i18n';
import { Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { addKeys } from '../base/keys';
import { Dialog } from '../frame/dialog';
import { sayWrong } from '../state/toast';
import { rememberRow, useArrival } from './arrive';
import { kindTitle, label, rightOn, stateWord } from './kinds';
import { countOf, KindHead, listUrl, titleOf, useListKeys } from './list';
import { DueChip } from './due';
import { columnsOf } from './model';
import { asksFirst, MoveForm, moveNow, recordPath } from './move';
import type { Kind, RecordPage, RecordRow } from './types';
import { Shown } from './value';

const CARDS = 25;
const FACTS = 3;

interface Held {
  record: RecordRow;
  to: string;
}

const cardLink = (id: string): HTMLElement | null => document.querySelector<HTMLElement>(`.reg-card[data-id="${CSS.escape(id)}"] a.row`);

/** Focus to the card above, below, or beside it in the next column that has one. */
function walk(from: HTMLElement, dx: number, dy: number): boolean {
  const columns = [...document.querySelectorAll('.reg-column')].map((c) => [...c.querySelectorAll<HTMLElement>('a.row')]);
  const x = columns.findIndex((c) => c.includes(from));
  const y = columns[x]?.indexOf(from) ?? 0;
  let column = columns[x];
  if (dx !== 0) {
    let i = x + dx;
    while (columns[i] && !columns[i]?.length) i += dx;
    column = columns[i];
  }
  const to = column?.[Math.min(column.length - 1, Math.max(0, y + dy))];
  to?.focus();
  return to !== undefined;
}

interface CardProps {
  kind: Kind;
  record: RecordRow;
  facts: string[];
  held: Held | null;
  onHold: (h: Held | null, said?: string) => void;
  onDrop: (r: RecordRow, to: string) => void;
}
function Card({ kind, record, facts, held, onHold, onDrop }: CardProps) {
  const open = useSignal(false);
  const mine = held?.record.id === record.id ? held : null;
  const title = titleOf(kind, record);
  const allowed = kind.schema['x-states'].list.map((s) => s.id).filter((s) => s === record.state || record.moves.includes(s));

  const onKeyDown = (e: KeyboardEvent): void => {
    const link = e.currentTarget as HTMLElement;
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (e.key === ' ' || (e.key === 'Enter' && mine)) {
      if (mine) onDrop(record, mine.to);
      else if (record.moves.length) onHold({ record, to: record.state }, t('reg.held', { title, states: record.moves.map((s) => stateWord(kind, s)).join(', ') }));
      else onHold(null, t('reg.no_moves'));
    } else if (e.key === 'Escape' && mine) {
      onHold(null, t('reg.put_back', { title, state: stateWord(kind, record.state) }));
    } else if (by && mine) {
      const to = allowed[Math.min(allowed.length - 1, Math.max(0, allowed.indexOf(mine.to) + (by[0] ?? 0) + (by[1] ?? 0)))] ?? mine.to;
      onHold({ record, to }, t('reg.over', { title, state: stateWord(kind, to) }));
    } else if (by) {
      walk(link, by[0] ?? 0, by[1] ?? 0);
    } else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <li class={mine ? 'reg-card is-held' : 'reg-card'} data-id={record.id} draggable={record.moves.length > 0}
      onDragStart={(e) => {
        e.dataTransfer?.setData('text/plain', record.id);
        onHold({ record, to: record.state });
      }}
      onDragEnd={() => onHold(null)}>
      <a class="row" href={recordPath(kind, record.id)} draggable={false} aria-describedby="reg-board-keys" onKeyDown={onKeyDown}
        onBlur={() => mine && document.hasFocus() && onHold(null)} onClick={() => rememberRow(kind.plural, record.id)}>
        {title}
      </a>
      <span class="sub">
        <DueChip kind={kind} due={record.due} />
        {facts.filter((n) => record.fields[n] !== undefined).slice(0, FACTS).map((n) => (
          <span key={n}>
            <span class="reg-fact">{label(kind, n, kind.schema.properties?.[n])}</span> <Shown kind={kind} path={n} value={record.fields[n]} schema={kind.schema.properties?.[n] ?? {}} cell />
          </span>
        ))}
      </span>
      {record.moves.length > 0 && (
        <div class="reg-menu" onKeyDown={(e) => {
            if (e.key !== 'Escape' || !open.value) return;
            open.value = false;
            (e.currentTarget as HTMLElement).querySelector('button')?.focus();
            e.preventDefault();
            e.stopPropagation();
          }}>
          <button class="btn small" type="button" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
            {t('reg.move')} <span class="hide">{title}</span>
          </button>
          {open.value && (
            <ul aria-label={t('reg.move_menu', { title })}>
              {record.moves.map((s) => (
                <li key={s}>
                  <button class="btn small" type="button" onClick={() => {
                      open.value = false;
                      onDrop(record, s);
                    }}>
                    {stateWord(kind, s)}
                  </button>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </li>
  );
}

type Columns = Record<string, RecordPage>;

/** The columns after a record has gone from one to another. */
function moved(c: Columns, before: RecordRow, now: RecordRow): Columns {
  const from = c[before.state];
  const to = c[now.state];
  if (!from || !to) return c;
  return {
    ...c,
    [before.state]: { ...from, count: Math.max(0, from.count - 1), items: from.items.filter((r) => r.id !== now.id) },
    [now.state]: { ...to, count: to.count + 1, items: [now, ...to.items.filter((r) => r.id !== now.id)] },
  };
}

export function BoardPage({ kind }: { kind: Kind }) {
  const columns = useSignal<Columns | null>(null);
  const wrong = useSignal<string | null>(null);
  const again = useSignal(0);
  const held = useSignal<Held | null>(null);
  const asked = useSignal<Held | null>(null);
  const said = useSignal('');
  const focus = useRef<string | null>(null);
  const states = kind.schema['x-states'].list.map((s) => s.id);
  const facts = columnsOf(kind.schema, (n) => rightOn(kind, n) !== 'hidden');

  useEffect(() => {
    const abort = new AbortController();
    Promise.all(states.map((s) => get<RecordPage>(`/registers/${kind.plural}${ask({ state: s, limit: CARDS })}`, abort.signal).then((p) => [s, p] as const))).then(
      (all) => {
        columns.value = Object.fromEntries(all);
        wrong.value = null;
      },
      (err: unknown) => {
        if (!(err instanceof DOMException)) wrong.value = problem(err);
      },
    );
    return () => abort.abort();
  }, [kind.plural, again.value]);
  useArrival(t('reg.board_of', { kind: kindTitle(kind) }), columns.value !== null);
  useListKeys(kind, listUrl(kind));
  useEffect(() => {
    const step = (dy: number): boolean => {
      const on = document.activeElement as HTMLElement | null;
      if (on?.matches('.reg-card a.row')) return walk(on, 0, dy);
      const first = document.querySelector<HTMLElement>('.reg-card a.row');
      first?.focus();
      return first !== null;
    };
    return addKeys({
      down: () => step(1),
      up: () => step(-1),
      move: () => {
        const card = document.activeElement?.closest('.reg-card');
        const button = card?.querySelector<HTMLElement>('.reg-menu > button');
        if (!button) return false;
        button.focus();
        button.click();
        return true;
      },
    });
  }, []);
  useLayoutEffect(() => {
    // A card that went to another column takes the focus along.
    if (focus.current === null) return;
    cardLink(focus.current)?.focus();
    focus.current = null;
  }, [columns.value]);

  const done = (before: RecordRow, now: RecordRow): void => {
    asked.value = null;
    if (!columns.value) return;
    focus.current = now.id;
    columns.value = before.state === now.state && before.version === now.version ? { ...columns.value } : moved(columns.value, before, now);
    said.value = t('reg.let_go', { title: titleOf(kind, now), state: stateWord(kind, now.state) });
  };
  const drop = async (r: RecordRow, to: string): Promise<void> => {
    held.value = null;
    if (to === r.state) {
      said.value = t('reg.put_back', { title: titleOf(kind, r), state: stateWord(kind, r.state) });
      return;
    }
    if (asksFirst(kind, r, to)) {
      asked.value = { record: r, to };
      return;
    }
    try {
      done(r, await moveNow(kind, r, to, ''));
    } catch (err) {
      sayWrong(problem(err));
      focus.current = r.id;
      again.value += 1;
    }
  };
  const c = columns.value;
  const h = held.value;
  return (
    <div class="page reg reg-wide">
      <KindHead kind={kind} view="board" />
      <p class="hint" id="reg-board-keys">
        {t('reg.board_keys')}
      </p>
      <p class="hide" role="status">
        {said.value}
      </p>
      {wrong.value && <Problem text={wrong.value} onAgain={() => (again.value += 1)} />}
      {!c && !wrong.value && <Slow text={t('reg.reading')} />}
      {c && (
        <div class="scroll reg-scroll" tabIndex={0} role="group" aria-label={t('reg.board_of', { kind: kindTitle(kind) })}>
          <div class="reg-board">
            {states.map((s) => {
              const p = c[s];
              const open = h !== null && (s === h.record.state || h.record.moves.includes(s));
              return (
                <section key={s} class="reg-column" aria-labelledby={`col-${s}`} data-state={s} data-drop={h === null ? undefined : open ? (s === h.to ? 'here' : 'open') : 'shut'}
                  onDragOver={(e) => {
                    if (!held.value || !open) return;
                    e.preventDefault();
                    if (held.value.to !== s) held.value = { ...held.value, to: s };
                  }}
                  onDrop={(e) => {
                    e.preventDefault();
                    if (held.value && open) void drop(held.value.record, s);
                  }}>
                  <h2 id={`col-${s}`}>
                    {stateWord(kind, s)}{' '}
                    {p && (
                      <a class="fig" href={listUrl(kind, { state: s })}>
                        {p.uncounted ? `>${p.count}` : p.count}
                        <span class="hide"> {countOf(p)}</span>
                      </a>
                    )}
                  </h2>
                  {p?.items.length ? (
                    <ul class="reg-cards">
                      {p.items.map((r) => (
                        <Card key={r.id} kind={kind} record={r} facts={facts} held={h}
                          onHold={(x, text) => {
                            held.value = x;
                            if (text) said.value = text;
                          }}
                          onDrop={(x, to) => void drop(x, to)} />
                      ))}
                    </ul>
                  ) : (
                    <p class="quiet">{t('reg.column_empty')}</p>
                  )}
                  {p?.next && (
                    <a class="reg-rest" href={listUrl(kind, { state: s })}>
                      {t('reg.rest')}
                    </a>
                  )}
                </section>
              );
            })}
          </div>
        </div>
      )}
      {asked.value && (
        <Dialog label={t('reg.move_menu', { title: titleOf(kind, asked.value.record) })} onClose={() => (asked.value = null)}>
          <p class="soft">{titleOf(kind, asked.value.record)}</p>
          <MoveForm kind={kind} record={asked.value.record} to={asked.value.to} onMoved={(now) => done((asked.value as Held).record, now)} onCancel={() => {
              const id = asked.value?.record.id;
              asked.value = null;
              if (id) cardLink(id)?.focus();
            }} />
        </Dialog>
      )}
    </div>
  );
}
