// SPDX-License-Identifier: EUPL-1.2
// What an officer signs, with the password that opens the own key: a change of membership, an item taken back for its author.
import { useSignal, type Signal } from '@preact/signals';
import { post } from '../base/api';
import { t } from '../base/i18n';
import { problem } from '../base/problem';
import { say } from '../state/toast';
import { described, Field } from './parts';

interface SignProps {
  id: string;
  /** Acts of one password: the first is the main one. */
  acts: { label: string; done: string; grave?: boolean; path: string; body?: object }[];
  /** Says what is missing before anything is sent. */
  before?: () => string | null;
  after: () => void;
}
/** A password and what it signs. It is forgotten at once. */
export function Sign({ id, acts, before, after }: SignProps) {
  const password = useSignal('');
  const wrong = useSignal<string | null>(null);
  const busy = useSignal(false);
  const send = async (a: SignProps['acts'][number]): Promise<void> => {
    const missing = before?.() ?? (password.value ? null : t('sign.missing'));
    if (missing) {
      wrong.value = missing;
      return;
    }
    busy.value = true;
    try {
      const answer = await post<{ complete?: boolean } | null>(a.path, { ...a.body, password: password.value });
      say(answer?.complete === false ? t('sign.more') : a.done);
      wrong.value = null;
      after();
    } catch (err) {
      wrong.value = problem(err);
    } finally {
      busy.value = false;
      password.value = '';
    }
  };
  return (
    <form
      class="form token-form"
      onSubmit={(e) => {
        e.preventDefault();
        if (acts[0]) void send(acts[0]);
      }}
    >
      <Field id={`pw-${id}`} label={t('request.password')} hint={t('request.password_hint')} wrong={wrong.value}>
        <input
          id={`pw-${id}`}
          type="password"
          autocomplete="current-password"
          aria-describedby={described(`pw-${id}`, true, wrong.value !== null)}
          value={password.value}
          onInput={(e) => {
            password.value = e.currentTarget.value;
            wrong.value = null;
          }}
        />
      </Field>
      <div class="acts">
        {acts.map((a, i) => (
          <button key={a.label} class={a.grave ? 'btn grave' : i === 0 ? 'btn main-act' : 'btn'} type={i === 0 ? 'submit' : 'button'} disabled={busy.value}
            onClick={i === 0 ? undefined : () => void send(a)}>
            {a.label}
          </button>
        ))}
      </div>
    </form>
  );
}

const REASON_MAX = 500;

/** Why an item is taken back, and the first of the two signatures. */
export function StoneForm({ id, circle, item, reason, again }: { id: string; circle: string; item: string; reason: Signal<string>; again: () => void }) {
  return (
    <>
      <div class="form token-form">
        <Field id={`stone-why-${id}`} label={t('warning.reason')} hint={t('stone.reason_hint')}>
          <input id={`stone-why-${id}`} type="text" maxLength={REASON_MAX} aria-describedby={`stone-why-${id}-hint`} value={reason.value}
            onInput={(e) => (reason.value = e.currentTarget.value)} />
        </Field>
      </div>
      <Sign
        id={`stone-${id}`}
        before={() => (item && reason.value.trim() ? null : t('stone.missing'))}
        after={() => {
          reason.value = '';
          again();
        }}
        acts={[{ label: t('stone.do'), done: t('story.was_retracted'), grave: true, path: '/federation/tombstones', body: { circle, item, reason: reason.value.trim() } }]}
      />
    </>
  );
}
