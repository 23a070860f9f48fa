// SPDX-License-Identifier: EUPL-1.2
// One record: what is in it, in the order of its file, what is still empty, and the states into which the reader may take it.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { t } from '../base/i18n';
import { addKeys } from '../base/keys';
import { part } from '../base/part';
import { Age, Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { Tlp, useResource } from '../share/parts';
import type { Tlp as Label } from '../share/types';
import { go } from '../state/place';
import { quarter } from '../state/ticks';
import { sayWrong } from '../state/toast';
import { rememberRow, useArrival } from './arrive';
import { HistoryOf } from './history';
import { kindTitle, label, madeOf, may, rightOn, stateWord } from './kinds';
import { DueChip } from './due';
import { chainPath, inChains, ChainOf, learnRecord, NamedBy } from './links';
import { titleOf } from './list';
import { MaskBar, Masked } from './masked';
import { asksFirst, MoveForm, moveNow, recordPath } from './move';
import { PANELS, shownInPanels } from './panels';
import type { Kind, RecordRow } from './types';
import { Shown, StateChip } from './value';

function Facts({ kind, record }: { kind: Kind; record: RecordRow }) {
  return (
    <section class="panel" aria-labelledby="facts-h">
      <h2 id="facts-h">{t('reg.facts')}</h2>
      <dl class="kv">
        <dt>{t('reg.author')}</dt>
        <dd>{visibleLine(record.author)}</dd>
        <dt>{t('reg.organisation')}</dt>
        <dd>{record.organisation === '*' ? t('reg.whole_node') : visibleLine(record.organisation)}</dd>
        <dt>{t('reg.created')}</dt>
        <dd>
          <Age at={record.created} now={quarter} />
        </dd>
        <dt>{t('reg.changed')}</dt>
        <dd>
          <Age at={record.changed} now={quarter} />
        </dd>
        <dt>{t('reg.version')}</dt>
        <dd>{record.version}</dd>
        <dt>{t('reg.id')}</dt>
        <dd>
          <code>{record.id}</code>
        </dd>
      </dl>
      <p class="hint">{t('reg.facts_hint', { kind: kindTitle(kind) })}</p>
    </section>
  );
}

/** The panels of this kind, which come as a file of their own; none where their table has none. */
const Composed = part(() => import('./panelset'), 'reg.reading');
const Panels = ({ kind, record }: { kind: Kind; record: RecordRow }) => (PANELS[kind.name] === undefined ? null : <Composed kind={kind} record={record} />);

function FieldsOf({ kind, record }: { kind: Kind; record: RecordRow }) {
  const title = kind.schema['x-table'].title;
  const elsewhere = shownInPanels(kind.name, record.state);
  const all = Object.keys(kind.schema.properties ?? {}).filter((n) => n !== title && !elsewhere.has(n) && rightOn(kind, n) !== 'hidden');
  if (all.length === 0) return null;
  const filled = all.filter((n) => record.fields[n] !== undefined || record.masked.includes(n));
  const empty = all.filter((n) => !filled.includes(n) && !kind.schema.properties?.[n]?.['x-computed']);
  return (
    <section class="panel" aria-labelledby="fields-h">
      <h2 id="fields-h">{t('reg.fields')}</h2>
      <dl class="kv reg-fields">
        {filled.map((n) => {
          const s = kind.schema.properties?.[n] ?? {};
          return (
            <div key={n}>
              <dt>{label(kind, n, s)}</dt>
              <dd>
                {record.masked.includes(n) ? <Masked /> : <Shown kind={kind} path={n} value={record.fields[n]} schema={s} links={record.links} />}
                {s['x-computed'] && <span class="hint"> {t('reg.computed', { fields: madeOf(kind, s['x-computed']) })}</span>}
              </dd>
            </div>
          );
        })}
      </dl>
      {empty.length > 0 && (
        <p class="soft reg-empty">
          {t('reg.not_filled', { fields: empty.map((n) => label(kind, n, kind.schema.properties?.[n])).join(', ') })}
        </p>
      )}
    </section>
  );
}

/** The states of the kind in their order, this record's own marked: where it stands, said and shown. */
function Way({ kind, record }: { kind: Kind; record: RecordRow }) {
  return (
    <ol class="reg-way" aria-label={t('reg.states')}>
      {kind.schema['x-states'].list.map((s) => (
        <li key={s.id} aria-current={s.id === record.state ? 'step' : undefined}>
          {stateWord(kind, s.id)}
        </li>
      ))}
    </ol>
  );
}

export function RecordView({ kind, id }: { kind: Kind; id: string }) {
  const { query } = useLocation();
  const { data, wrong, again } = useResource<RecordRow>(recordPath(kind, id));
  const moving = useSignal<string | null>(null);
  const r = data.value;
  if (r) learnRecord(kind, r);
  const title = r ? titleOf(kind, r) : null;
  useArrival(title, r !== null);
  const edits = may(kind, 'change');
  const editUrl = `${recordPath(kind, id)}/edit`;
  useEffect(() => {
    rememberRow(kind.plural, id);
    return addKeys({
      edit: () => (edits ? go(editUrl) : false),
      move: () => document.querySelector<HTMLElement>('#moves .btn')?.focus(),
      back: () => go(`/registers/${kind.plural}`),
    });
  }, [id]);
  useEffect(() => {
    // Filled in for a move: go on with it.
    if (r && query.move && r.moves.includes(query.move)) moving.value = query.move;
  }, [r === null, query.move]);

  const start = async (to: string): Promise<void> => {
    if (!r) return;
    if (asksFirst(kind, r, to)) {
      moving.value = to;
      return;
    }
    try {
      data.value = await moveNow(kind, r, to, '');
      document.querySelector<HTMLElement>('#main h1')?.focus({ preventScroll: true });
    } catch (err) {
      sayWrong(problem(err));
      again();
    }
  };
  const stop = (): void => {
    const to = moving.value;
    moving.value = null;
    document.querySelector<HTMLElement>(`#moves .btn[data-to="${CSS.escape(to ?? '')}"]`)?.focus();
  };
  if (!r) {
    return (
      <div class="page reg">
        <a class="reg-up" href={`/registers/${kind.plural}`}>
          {kindTitle(kind)}
        </a>
        <h1 class="hide">{kindTitle(kind)}</h1>
        {wrong.value ? <Problem text={wrong.value} onAgain={again} /> : <Slow text={t('reg.reading')} />}
      </div>
    );
  }
  return (
    <div class="page reg">
      <div class="head">
        <a class="reg-up" href={`/registers/${kind.plural}`}>
          {kindTitle(kind)}
        </a>
        <div class="reg-title">
          <h1 tabIndex={-1}>{title}</h1>
          {edits && (
            <a class="btn" href={editUrl}>
              {t('reg.edit')} <kbd>e</kbd>
            </a>
          )}
        </div>
        <div class="reg-tags">
          <StateChip kind={kind} state={r.state} />
          <DueChip kind={kind} due={r.due} named />
          <Tlp label={r.tlp as Label} />
        </div>
      </div>
      <section class="panel reg-states-panel" aria-labelledby="moves-h">
        <h2 id="moves-h">{t('reg.state')}</h2>
        <Way kind={kind} record={r} />
        {r.moves.length > 0 ? (
          <div class="acts" id="moves">
            {r.moves.map((to) => (
              <button key={to} class="btn" type="button" data-to={to} aria-expanded={moving.value === to} onClick={() => void start(to)}>
                {t('reg.move_to', { state: stateWord(kind, to) })}
              </button>
            ))}
          </div>
        ) : (
          <p class="soft">{t('reg.no_moves')}</p>
        )}
      </section>
      {moving.value !== null && (
        <MoveForm key={moving.value} kind={kind} record={r} to={moving.value} onCancel={stop} onMoved={(now) => {
            data.value = now;
            moving.value = null;
            document.querySelector<HTMLElement>('#main h1')?.focus({ preventScroll: true });
          }} />
      )}
      <MaskBar kind={kind} record={id} masked={r.masked.length > 0 || (r.links ?? []).some((l) => l.masked)} onChange={again} />
      <Panels kind={kind} record={r} />
      <div class="reg-two">
        <FieldsOf kind={kind} record={r} />
        <div class="reg-side">
          {inChains(kind) && !PANELS[kind.name]?.some((p) => p.is === 'chain') && (
            <>
              <a class="btn" href={chainPath(kind.plural, id)}>
                {t('reg.to_chain')}
              </a>
              <ChainOf kind={kind} record={r} direction="up" />
              <ChainOf kind={kind} record={r} direction="down" />
            </>
          )}
          <NamedBy kind={kind} record={r} />
          <Facts kind={kind} record={r} />
        </div>
      </div>
      <HistoryOf kind={kind} record={r} />
    </div>
  );
}
