// SPDX-License-Identifier: EUPL-1.2
// What records say of persons, where it is masked for the reader: how a masked value is drawn, and having it shown with a reason that
// goes into the audit trail. The node masks; here nothing is hidden that it sent.
import { signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { get, nodeNow, post, session } from '../base/api';
import { drawn } from '../base/drawn';
import { clock, parseTime } from '../base/format';
import { t } from '../base/i18n';
import { addKeys } from '../base/keys';
import { problem } from '../base/problem';
import { AskReason } from '../base/reason';
import { say } from '../state/toast';
import { readKinds } from './kinds';
import type { Fields, Kind, RecordRow } from './types';

interface Shown {
  kind: string;
  /** null: all records of the kind. */
  record: string | null;
  until: string;
}
/** What was shown to this session, as the node says. */
const shown = signal<Shown[] | null>(null);
const mayShow = (): boolean => session.value?.user.rights?.includes('persons.show') ?? false;

/** A record whose title is masked is told apart from others by the end of its id. */
export const maskedTitle = (id: string): string => t('reg.masked_title', { id: id.slice(-6) });
/** Fields as far as it matters whether they are there. */
export const present = (r: RecordRow): Fields => ({ ...Object.fromEntries(r.masked.map((n) => [n, true])), ...r.fields });

export function Masked() {
  return (
    <span class="reg-masked">
      <span aria-hidden="true">▒▒▒▒▒</span>
      <span class="hide">{t('reg.masked')}</span>
    </span>
  );
}

interface Props {
  kind: Kind;
  /** Only of this record; else of all of the kind. */
  record?: string;
  /** Something of it is masked now. */
  masked: boolean;
  /** What was masked is not any more, or is again. */
  onChange: () => void;
  /** Inside of a form there can be no other one: no key, and Enter in the field sends. */
  inside?: boolean;
}
/** Says that something is masked, and lets it be shown; once shown, until when, and masks again. */
export function MaskBar({ kind, record, masked, onChange, inside }: Props) {
  const open = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  const mine = (shown.value ?? []).filter((s) => s.kind === kind.name && (s.record === null || s.record === (record ?? null)));
  const until = mine.map((s) => parseTime(s.until) ?? 0).reduce((a, b) => Math.max(a, b), 0);
  const changed = async (): Promise<void> => {
    await readKinds().catch(() => undefined);
    onChange();
  };
  useEffect(() => {
    if (!mayShow() || shown.value !== null) return;
    get<{ items: Shown[] }>('/privacy/unmasked').then(
      (a) => (shown.value = a.items),
      () => undefined,
    );
  }, []);
  useEffect(() => {
    if (until === 0) return undefined;
    const timer = window.setTimeout(() => {
      shown.value = (shown.value ?? []).filter((s) => (parseTime(s.until) ?? 0) > nodeNow());
      void changed();
    }, Math.max(0, until - nodeNow()) + 500);
    return () => clearTimeout(timer);
  }, [until]);
  useEffect(() => (inside ? undefined : addKeys({ unmask: () => (masked && mayShow() ? void (open.value = true) : false) })), [masked, inside]);
  const again = async (): Promise<void> => {
    try {
      await post('/privacy/mask', undefined);
      shown.value = [];
      await changed();
    } catch (err) {
      say(problem(err));
    }
  };
  if (until > nodeNow() && !masked) {
    return (
      <p class="reg-mask soft" role="status">
        {t('reg.shown_until', { time: clock(until).time })}{' '}
        <button class="btn small" type="button" onClick={() => void again()}>
          {t('reg.mask_again')}
        </button>
      </p>
    );
  }
  if (!masked) return null;
  const close = (): void => {
    open.value = false;
    drawn(() => button.current?.focus());
  };
  return (
    <section class="panel reg-mask" aria-label={t('reg.masked')}>
      <p>
        <Masked /> {t('reg.masked_lead')} {!mayShow() && t('reg.masked_never')}
      </p>
      {mayShow() && !open.value && (
        <button ref={button} class="btn" type="button" aria-expanded="false" onClick={() => (open.value = true)}>
          {t('reg.show')} {!inside && <kbd>u</kbd>}
        </button>
      )}
      {open.value && (
        <AskReason hint={t(record ? 'reg.show_hint_one' : 'reg.show_hint_all')} act={t('reg.show_now')} inside={inside} onClose={close} onGiven={async (why) => {
            const s = await post<Shown>('/privacy/unmask', { kind: kind.name, ...(record ? { record } : {}), why });
            shown.value = [...(shown.value ?? []).filter((x) => x.kind !== s.kind || x.record !== s.record), s];
            open.value = false;
            void changed();
            document.querySelector<HTMLElement>('#main h1')?.focus({ preventScroll: true });
          }} />
      )}
    </section>
  );
}
