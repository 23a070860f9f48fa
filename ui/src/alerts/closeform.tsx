// SPDX-License-Identifier: EUPL-1.2
// Closing with a reason, in the page and without a dialog: f, then 1 to 4, then Enter.
import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { drawn } from '../base/drawn';
import { t, tn } from '../base/i18n';
import { REASONS, type Reason } from '../base/types';
import { closing, perform } from '../state/acts';

const MAX_NOTE_CHARS = 4000; // the API's limit
export function CloseForm({ ids }: { ids: string[] }) {
  const reason = useSignal<Reason | null>(null);
  const note = useSignal('');
  const wrong = useSignal(false);
  const first = useRef<HTMLInputElement>(null);
  const form = useRef<HTMLFormElement>(null);

  // Before the next key: f and 3 may follow each other within a frame.
  useLayoutEffect(() => {
    first.current?.focus({ preventScroll: true });
    form.current?.scrollIntoView({ block: 'nearest' });
  }, []);

  const cancel = (): void => {
    closing.value = null;
    document.querySelector<HTMLElement>('a.row[aria-current]')?.focus({ preventScroll: true });
  };
  const submit = (): void => {
    if (!reason.value) {
      wrong.value = true;
      first.current?.focus();
      return;
    }
    const why = reason.value;
    closing.value = null;
    void perform('close', ids, { reason: why, note: note.value.trim() });
    // The row that follows takes the focus once it is drawn; where none does, the current one keeps it.
    drawn(() => {
      if (document.activeElement === document.body) {
        document.querySelector<HTMLElement>('a.row[aria-current], .empty strong')?.focus({ preventScroll: true });
      }
    });
  };
  const onKeyDown = (e: KeyboardEvent): void => {
    if (e.key === 'Escape') {
      e.stopPropagation();
      e.preventDefault();
      cancel();
    } else if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      submit();
    } else if (/^[1-4]$/.test(e.key) && !(e.target instanceof HTMLTextAreaElement)) {
      e.preventDefault();
      reason.value = REASONS[Number(e.key) - 1] as Reason;
      wrong.value = false;
      form.current?.querySelectorAll<HTMLInputElement>('input[type=radio]')[Number(e.key) - 1]?.focus();
    }
  };
  return (
    <form
      class="close-form"
      ref={form}
      aria-label={tn('close.title', ids.length)}
      onKeyDown={onKeyDown}
      onSubmit={(e) => {
        e.preventDefault();
        submit();
      }}
    >
      <fieldset class={wrong.value ? 'field wrong' : 'field'} aria-describedby={wrong.value ? 'close-wrong' : undefined}>
        <legend>{tn('close.title', ids.length)}</legend>
        {wrong.value && (
          <p class="error" id="close-wrong" role="alert">
            {t('close.choose')}
          </p>
        )}
        <div class="pick">
          {REASONS.map((r, i) => (
            <label key={r}>
              <input
                type="radio"
                name="reason"
                value={r}
                ref={i === 0 ? first : undefined}
                checked={reason.value === r}
                onChange={() => {
                  reason.value = r;
                  wrong.value = false;
                }}
              />
              <span class="pick-word">{t(`reason.${r}`)}</span>
              <kbd>{i + 1}</kbd>
              <span class="hint">{t(`reason.${r}.hint`)}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <div class="field">
        <label for="close-note">{t('close.note')}</label>
        <textarea
          id="close-note"
          rows={2}
          maxLength={MAX_NOTE_CHARS}
          value={note.value}
          onInput={(e) => (note.value = e.currentTarget.value)}
        />
      </div>
      <div class="acts">
        <button class="btn main-act" type="submit">
          {tn('close.do', ids.length)} <kbd>Enter</kbd>
        </button>
        <button class="btn" type="button" onClick={cancel}>
          {t('close.keep')} <kbd>Esc</kbd>
        </button>
      </div>
    </form>
  );
}
