// SPDX-License-Identifier: EUPL-1.2
// Taking a record into another state. What the file asks for before is said at once, with the way to fill it in; a reason is asked
// for where the file wants one. Nothing to say and nothing missing: it happens at the first press.
import { useSignal, type Signal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { ApiError, get, post } from '../base/api';
import { t } from '../base/i18n';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { say } from '../state/toast';
import { label, stateWord, transition } from './kinds';
import { present } from './masked';
import { byPlace, missingFor } from './model';
import type { Kind, RecordRow } from './types';

export const WHY_MAX = 1000;
export const recordPath = (k: Kind, id: string): string => `/registers/${k.plural}/${encodeURIComponent(id)}`;

/** True when a move needs somebody to write or to read something first. */
export const asksFirst = (k: Kind, r: RecordRow, to: string): boolean => {
  const w = transition(k, r.state, to);
  return w === undefined || w.reason === true || missingFor(w, present(r)).length > 0;
};

/** Moves it; the record as it then is, or the error. */
export async function moveNow(k: Kind, r: RecordRow, to: string, why: string): Promise<RecordRow> {
  const moved = await post<RecordRow>(`${recordPath(k, r.id)}/move`, { to, ...(why ? { why } : {}) }, r.version);
  say(t('reg.moved', { state: stateWord(k, moved.state) }));
  return moved;
}

interface Props {
  kind: Kind;
  record: RecordRow;
  to: string;
  onMoved: (r: RecordRow) => void;
  onCancel: () => void;
}
export function MoveForm({ kind, record, to, onMoved, onCancel }: Props) {
  const w = transition(kind, record.state, to);
  const why = useSignal('');
  const wrong = useSignal<string[]>([]);
  const whyWrong = useSignal<string | null>(null);
  const busy = useSignal(false);
  const head = useRef<HTMLHeadingElement>(null);
  const missing = missingFor(w, present(record));
  const name = stateWord(kind, to);
  useLayoutEffect(() => head.current?.focus(), [to]);

  const send = async (): Promise<void> => {
    if (busy.value) return;
    if (w?.reason && why.value.trim() === '') {
      whyWrong.value = t('reg.why_needed');
      document.getElementById('move-why')?.focus();
      return;
    }
    busy.value = true;
    wrong.value = [];
    whyWrong.value = null;
    try {
      onMoved(await moveNow(kind, record, to, why.value.trim()));
    } catch (err) {
      if (err instanceof ApiError && err.status === 412) {
        // Its new state may allow the same: the reader decides with the record as it is now.
        wrong.value = [t('reg.meanwhile_move')];
        const now = await get<RecordRow>(recordPath(kind, record.id)).catch(() => null);
        if (now) onMoved(now);
      } else if (err instanceof ApiError && err.faults.length) {
        wrong.value = [...byPlace(err.faults)].map(([place, f]) => (place in (kind.schema.properties ?? {}) ? `${label(kind, place, kind.schema.properties?.[place])}: ${faultText(f[0]?.reason, f[0]?.message)}` : visibleLine(f[0]?.message ?? '')));
      } else wrong.value = [problem(err)];
    }
    busy.value = false;
  };
  return (
    <form class="panel reg-move" aria-labelledby="move-h" onSubmit={(e) => {
        e.preventDefault();
        void send();
      }} onKeyDown={(e) => {
        if (e.key !== 'Escape') return;
        e.preventDefault();
        e.stopPropagation();
        onCancel();
      }}>
      <h2 id="move-h" tabIndex={-1} ref={head}>
        {t('reg.move_to', { state: name })}
      </h2>
      {missing.length > 0 ? (
        <>
          <p>{t('reg.move_missing', { fields: missing.map((n) => label(kind, n, kind.schema.properties?.[n])).join(', ') })}</p>
          <div class="acts">
            <a class="btn main-act" href={`${recordPath(kind, record.id)}/edit?for=${encodeURIComponent(to)}`}>
              {t('reg.fill_in')}
            </a>
            <button class="btn" type="button" onClick={onCancel}>
              {t('reg.cancel')} <kbd>Esc</kbd>
            </button>
          </div>
        </>
      ) : (
        <>
          <Why id="move-why" value={why} needed={w?.reason === true} wrong={whyWrong.value} />
          {wrong.value.length > 0 && (
            <ul class="error" role="alert">
              {wrong.value.map((x) => (
                <li key={x}>{x}</li>
              ))}
            </ul>
          )}
          <div class="acts">
            <button class="btn main-act" type="submit" aria-disabled={busy.value}>
              {t('reg.move_to', { state: name })}
            </button>
            <button class="btn" type="button" onClick={onCancel}>
              {t('reg.cancel')} <kbd>Esc</kbd>
            </button>
          </div>
        </>
      )}
    </form>
  );
}

/** The node's sentence names fields as the file does; beside a field its name need not be said. */
export const faultText = (reason: string | undefined, message: string | undefined): string =>
  reason === 'missing' ? t('reg.missing') : reason === 'missing_with' ? t('reg.missing_with') : visibleLine(message ?? '');

/** The reason, which stays in the audit trail. */
export function Why({ id, value, needed, wrong }: { id: string; value: Signal<string>; needed: boolean; wrong: string | null }) {
  return (
    <div class={wrong ? 'field wrong' : 'field'}>
      <label for={id}>
        {t('reg.why')} {!needed && <span class="hint">{t('reg.optional')}</span>}
      </label>
      <span class="hint" id={`${id}-hint`}>
        {t('reg.why_hint')}
      </span>
      {wrong && (
        <p class="error" id={`${id}-error`}>
          {wrong}
        </p>
      )}
      <input id={id} type="text" maxLength={WHY_MAX} autocomplete="off" aria-required={needed} aria-invalid={wrong ? true : undefined}
        aria-describedby={wrong ? `${id}-error ${id}-hint` : `${id}-hint`} value={value.value} onInput={(e) => (value.value = e.currentTarget.value)} />
    </div>
  );
}
