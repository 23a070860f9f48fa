// SPDX-License-Identifier: EUPL-1.2
// Asks why somebody looks at, or for, a person. The node records it before it shows anything.
import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { t } from './i18n';
import { problem } from './problem';

const WHY_MIN = 10;
const WHY_MAX = 250;

interface Props {
  /** What is asked; without it, for what it is needed. */
  label?: string;
  /** What it opens, and that it is recorded. */
  hint: string;
  /** What the button says. */
  act: string;
  /** A form is around it: Enter in the field sends the reason and nothing else. */
  inside?: boolean;
  /** Gives it to the node; what it throws is told beside the field. */
  onGiven: (why: string) => Promise<void>;
  onClose: () => void;
}
export function AskReason({ label, hint, act, inside, onGiven, onClose }: Props) {
  const why = useSignal('');
  const wrong = useSignal<string | null>(null);
  const busy = useSignal(false);
  const box = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => box.current?.focus(), []);
  const send = async (): Promise<void> => {
    if (busy.value) return;
    if ([...why.value.trim()].length < WHY_MIN) {
      wrong.value = t('reg.show_short');
      box.current?.focus();
      return;
    }
    busy.value = true;
    try {
      await onGiven(why.value.trim());
    } catch (err) {
      wrong.value = problem(err);
      box.current?.focus();
    }
    busy.value = false;
  };
  return (
    <div class={wrong.value ? 'field wrong' : 'field'} onKeyDown={(e) => {
        if (e.key === 'Escape') onClose();
        else if (e.key === 'Enter' && e.target === box.current) void send();
        else return;
        e.preventDefault();
        e.stopPropagation();
      }}>
      <label for="show-why">{label ?? t('reg.show_why')}</label>
      <span class="hint" id="show-why-hint">
        {hint}
      </span>
      {wrong.value && (
        <p class="error" id="show-why-error" role="alert">
          {wrong.value}
        </p>
      )}
      <input id="show-why" ref={box} type="text" maxLength={WHY_MAX} autocomplete="off" aria-required={true} aria-invalid={wrong.value ? true : undefined}
        aria-describedby={wrong.value ? 'show-why-error show-why-hint' : 'show-why-hint'} value={why.value} onInput={(e) => (why.value = e.currentTarget.value)} />
      <div class="acts">
        <button class={inside ? 'btn' : 'btn main-act'} type="button" aria-disabled={busy.value} onClick={() => void send()}>
          {act}
        </button>
        <button class="btn" type="button" onClick={onClose}>
          {t('reg.cancel')} <kbd>Esc</kbd>
        </button>
      </div>
    </div>
  );
}
