// SPDX-License-Identifier: EUPL-1.2
// Small parts that every page uses: severity, status, times, empty states, copying.
import type { ReadonlySignal } from '@preact/signals';
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { ago, duration, exact, parseTime } from './format';
import { t, tOr } from './i18n';
import type { Level, Status } from './types';

export function Severity({ level }: { level: Level }) {
  return <span class={`sev ${level}`}>{tOr(`level.${level}`, level)}</span>;
}

const CHIP: Record<Status, string> = { new: 'is-new', acknowledged: 'is-ack', closed: 'is-closed' };
export function StatusChip({ status, more }: { status: Status; more?: string }) {
  return (
    <span class={`chip ${CHIP[status] ?? ''}`}>
      {tOr(`status.${status}`, status)}
      {more && <span class="chip-more">{more}</span>}
    </span>
  );
}

interface AgeProps {
  at: string | null;
  now: ReadonlySignal<number>;
  /** Plain duration ("38 min") for columns that say so in their head, else "38 min ago". */
  plain?: boolean;
  none?: string;
}
/** An age that keeps itself current; the exact time is its title and its datetime. */
export function Age({ at, now, plain, none }: AgeProps) {
  const ms = parseTime(at);
  if (ms === null) return <span class="quiet">{none ?? t('not_known')}</span>;
  return (
    <time dateTime={at ?? ''} title={exact(ms)}>
      {plain ? duration(now.value - ms) : ago(ms, now.value)}
    </time>
  );
}

interface EmptyProps {
  title: string;
  children?: ComponentChildren;
}
export function Empty({ title, children }: EmptyProps) {
  return (
    <section class="empty">
      <strong tabIndex={-1}>{title}</strong>
      {children}
    </section>
  );
}

/** Says that reading takes a while, but only once it does: no flash for a quick answer. */
export function Slow({ text }: { text: string }) {
  const late = useSignal(false);
  useEffect(() => {
    const timer = setTimeout(() => (late.value = true), 400);
    return () => clearTimeout(timer);
  }, []);
  return (
    <p class="slow quiet" role="status">
      {late.value ? text : ''}
    </p>
  );
}

export function CopyButton({ text, label }: { text: string; label?: string }) {
  const state = useSignal<'' | 'done' | 'failed'>('');
  const timer = useRef(0);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      state.value = 'done';
    } catch {
      state.value = 'failed';
    }
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => (state.value = ''), 3000);
  };
  return (
    <span class="copy">
      <button class="btn small" type="button" onClick={() => void copy()}>
        {label ?? t('copy')}
      </button>
      <span role="status" class="quiet">
        {state.value === 'done' ? t('copied') : state.value === 'failed' ? t('copy_failed') : ''}
      </span>
    </span>
  );
}

export function Problem({ text, onAgain }: { text: string; onAgain?: () => void }) {
  return (
    <div class="problem" role="alert">
      <p>{text}</p>
      {onAgain && (
        <button class="btn" type="button" onClick={onAgain}>
          {t('error.again')}
        </button>
      )}
    </div>
  );
}
