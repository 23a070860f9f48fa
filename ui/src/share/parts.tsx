// SPDX-License-Identifier: EUPL-1.2
// What the pages of the federation share: the label, state chips, reading with a way to read again, an act in place.
import { useSignal, type Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { get } from '../base/api';
import { clock, parseTime } from '../base/format';
import { t, tOr } from '../base/i18n';
import { problem } from '../base/problem';
import { Age } from '../base/parts';
import { visibleLine } from '../base/visible';
import { quarter } from '../state/ticks';
import { say, sayWrong } from '../state/toast';
import type { Tlp as Label } from './types';

const TLP_LOOK: Record<string, string> = { RED: 'red', 'AMBER+STRICT': 'amber', AMBER: 'amber', GREEN: 'green' };
/** FIRST's form: capitals, no space, never translated, never shortened. */
export function Tlp({ label }: { label: Label }) {
  return <span class={`tlp ${TLP_LOOK[label] ?? ''}`}>{`TLP:${label}`}</span>;
}

const CHIPS: Record<string, string> = {
  up: 'is-ok', fine: 'is-ok', valid: 'is-ok', active: 'is-ok', taken: 'is-ok', done: 'is-ok', sent: 'is-ok', calm: 'is-ok', current: 'is-ok',
  down: 'is-off', refused: 'is-off', silent: 'is-off', expired: 'is-off', conflict: 'is-off', removed: 'is-off', failed: 'is-off', given_up: 'is-off',
  retracted: 'is-off', withdrawn: 'is-off', high: 'is-off',
  waiting: 'is-wait', queued: 'is-wait', late: 'is-wait', never: 'is-wait', suspended: 'is-wait', raised: 'is-wait', quarantined: 'is-wait',
  running: 'is-ack', checked: 'is-ack', watchful: 'is-ack', tightened: 'is-ack',
  new: 'is-new', dismissed: 'is-closed', none: '',
};
/** A state in its own shape and its own word: `group` names the texts, so that one word may mean two things. */
export function State({ group, state }: { group: string; state: string }) {
  return <span class={`chip ${CHIPS[state] ?? ''}`}>{tOr(`${group}.${state}`, state)}</span>;
}

export interface Resource<T> {
  data: Signal<T | null>;
  wrong: Signal<string | null>;
  again: () => void;
}
/** Reads a path when the page comes up, when it changes, every `everyMs` while it is looked at, and when asked to. */
export function useResource<T>(path: string | null, everyMs = 0): Resource<T> {
  const data = useSignal<T | null>(null);
  const wrong = useSignal<string | null>(null);
  const abort = useRef<AbortController | null>(null);
  const read = (): void => {
    if (path === null) return;
    abort.current?.abort();
    const mine = new AbortController();
    abort.current = mine;
    get<T>(path, mine.signal).then(
      (d) => {
        data.value = d;
        wrong.value = null;
      },
      (err: unknown) => {
        if (!(err instanceof DOMException)) wrong.value = problem(err);
      },
    );
  };
  useEffect(() => {
    data.value = null;
    read();
    const timer = everyMs > 0 ? window.setInterval(() => !document.hidden && read(), everyMs) : 0;
    return () => {
      clearInterval(timer);
      abort.current?.abort();
    };
  }, [path]);
  return { data, wrong, again: read };
}

/** Does an act, says that it was done or why not. True when it was. */
export async function act(doIt: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    await doIt();
    say(done);
    return true;
  } catch (err) {
    sayWrong(problem(err));
    return false;
  }
}

interface FieldProps {
  id: string;
  label: string;
  hint?: string;
  wrong?: string | null;
  children: ComponentChildren;
}
export function Field({ id, label, hint, wrong, children }: FieldProps) {
  return (
    <div class={wrong ? 'field wrong' : 'field'}>
      <label for={id}>{label}</label>
      {hint && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {wrong && (
        <p class="error" id={`${id}-error`} role="alert">
          {wrong}
        </p>
      )}
      {children}
    </div>
  );
}
/** What a control inside a Field says of its hint and error. */
export const described = (id: string, hint: boolean, wrong: boolean): string | undefined =>
  [hint && `${id}-hint`, wrong && `${id}-error`].filter(Boolean).join(' ') || undefined;

/** A day to come or gone, as its date. */
export const shownDay = (iso: string | null): string => {
  const ms = parseTime(iso);
  return ms === null ? t('not_known') : clock(ms).date;
};

/** An act that cannot be taken back is asked twice, in place. */
export function Twice({ label, sure, of, onDo }: { label: string; sure: string; of: string; onDo: () => void }) {
  const asked = useSignal(false);
  return (
    <button
      class={asked.value ? 'btn small grave' : 'btn small'}
      type="button"
      onClick={() => {
        if (asked.value) onDo();
        asked.value = !asked.value;
      }}
      onBlur={() => (asked.value = false)}
    >
      {asked.value ? sure : label}
      <span class="hide"> {of}</span>
    </button>
  );
}

interface Step {
  at: string;
  who: string;
  what: string;
  reason?: string | null;
}
/** What happened to a thing, by whom, when and why. `group` names the texts. */
export function History({ group, steps }: { group: string; steps: Step[] }) {
  if (steps.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="history-h">
      <h2 id="history-h">{t('warning.history')}</h2>
      <ul class="rows stack">
        {steps.map((h) => (
          <li key={h.at + h.what}>
            <span>
              {tOr(`${group}.did_${h.what}`, h.what)} {visibleLine(h.who)} <Age at={h.at} now={quarter} />
            </span>
            {h.reason && <span class="soft">{visibleLine(h.reason)}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Tabs between the pages of one subject: links, since each is a page with its own address. */
export function Tabs({ now, pages }: { now: string; pages: { path: string; text: string; n?: number }[] }) {
  return (
    <nav class="tabs" aria-label={t('share.pages')}>
      {pages.map((p) => (
        <a key={p.path} href={p.path} aria-current={p.path === now ? 'page' : undefined}>
          {p.text}
          {p.n !== undefined && p.n > 0 && <span class="n">{p.n}</span>}
        </a>
      ))}
    </nav>
  );
}
export const federationTabs = (hub: boolean): { path: string; text: string }[] => [
  { path: '/federation', text: t('share.board') },
  { path: '/federation/sharing', text: t('share.sharing') },
  ...(hub ? [{ path: '/federation/members', text: t('share.members') }] : []),
];
