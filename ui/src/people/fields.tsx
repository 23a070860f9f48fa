// SPDX-License-Identifier: EUPL-1.2
// Forms of these pages: a few fields, one act, and what the node refuses said at its field.
import { useSignal, type Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect } from 'preact/hooks';
import { ApiError } from '../base/api';
import { drawn } from '../base/drawn';
import { t } from '../base/i18n';
import { problem } from '../base/problem';
import { described, Field } from '../share/parts';

export interface Input {
  name: string;
  label: string;
  hint?: string;
  type?: 'text' | 'password';
  autocomplete?: string;
  max: number;
  mono?: boolean;
  /** Left empty it is not sent. */
  optional?: boolean;
}

interface Props {
  id: string;
  inputs: readonly Input[];
  send: string;
  onSend: (values: Record<string, string>) => Promise<void>;
  onCancel?: () => void;
  /** Before and after the fields. */
  before?: ComponentChildren;
  children?: ComponentChildren;
  /** Of what stands in children: false when it is not to be sent yet; it says so itself. */
  ready?: () => boolean;
  /** Focus its first field, or the one of this id, when it comes up. */
  focus?: boolean | string;
}

/** Empty what a person typed once it is not needed any more: passwords do not stay in the page. */
export function ActForm({ id, inputs, send, onSend, onCancel, before, children, ready, focus }: Props) {
  const values = useSignal<Record<string, string>>({});
  const wrong = useSignal<{ field: string; text: string } | null>(null);
  const busy = useSignal(false);
  const at = (name: string): string => `${id}-${name}`;
  useLayoutEffect(() => {
    if (focus) document.getElementById(typeof focus === 'string' ? focus : at(inputs[0]?.name ?? ''))?.focus();
  }, []);
  const fail = (field: string, text: string): void => {
    wrong.value = { field, text };
    document.getElementById(at(field))?.focus();
  };
  const submit = async (): Promise<void> => {
    const empty = inputs.find((i) => !i.optional && !values.value[i.name]);
    if (empty) return fail(empty.name, t('account.empty', { field: empty.label }));
    wrong.value = null;
    if (ready && !ready()) return undefined;
    busy.value = true;
    try {
      await onSend(values.value);
      values.value = {};
    } catch (err) {
      const where = err instanceof ApiError && inputs.some((i) => i.name === err.where) ? (err.where as string) : (inputs[0]?.name ?? '');
      fail(where, problem(err));
    } finally {
      busy.value = false;
    }
    return undefined;
  };
  return (
    <form
      class="form token-form"
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        void submit();
      }}
      onKeyDown={(e) => {
        if (e.key === 'Escape' && onCancel) {
          e.preventDefault();
          onCancel();
        }
      }}
    >
      {before}
      {inputs.map((i) => {
        const bad = wrong.value?.field === i.name ? wrong.value.text : null;
        return (
          <Field key={i.name} id={at(i.name)} label={i.label} hint={i.hint} wrong={bad}>
            <input
              id={at(i.name)}
              class={i.mono ? 'mono' : undefined}
              type={i.type ?? 'text'}
              autocomplete={i.autocomplete ?? 'off'}
              autocapitalize="none"
              spellcheck={false}
              maxLength={i.max}
              required={!i.optional}
              aria-invalid={bad ? true : undefined}
              aria-describedby={described(at(i.name), i.hint !== undefined, bad !== null)}
              value={values.value[i.name] ?? ''}
              onInput={(e) => (values.value = { ...values.value, [i.name]: e.currentTarget.value })}
            />
          </Field>
        );
      })}
      {children}
      <div class="acts">
        <button class="btn main-act" type="submit" disabled={busy.value}>
          {send}
        </button>
        {onCancel && (
          <button class="btn" type="button" onClick={onCancel}>
            {t('token.cancel')} <kbd>Esc</kbd>
          </button>
        )}
      </div>
    </form>
  );
}

/** Opens with a button, and gives the focus back to it. */
export function useOpener(open: Signal<string | null>): (name: string | null) => void {
  return (name) => {
    const was = open.value;
    open.value = name;
    if (name === null && was !== null) drawn(() => document.getElementById(`open-${was}`)?.focus());
  };
}

export const passwordInput = (): Input => ({
  name: 'password', label: t('account.present'), type: 'password', autocomplete: 'current-password', max: 256,
});
export const codeInput = (hint: string): Input => ({ name: 'code', label: t('factor.code'), hint, autocomplete: 'one-time-code', max: 40, mono: true });
