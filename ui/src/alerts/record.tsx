// SPDX-License-Identifier: EUPL-1.2
// The original record: laid out when it is JSON, and always as it was received.
import { useComputed, useSignal } from '@preact/signals';
import { t, tOr } from '../base/i18n';
import { layOut } from '../base/jsonview';
import { CopyButton } from '../base/parts';
import type { AlertDetail } from '../base/types';
import { visible, visibleLine } from '../base/visible';

/** Larger records are shown as received only: laying out costs a node per token. */
const MAX_LAYOUT_CHARS = 128 * 1024;
/** Beyond this the page shows the beginning; copying still gives all that the node sent. */
const MAX_SHOWN_CHARS = 256 * 1024;

export function RecordView({ record: r }: { record: AlertDetail['record'] }) {
  const raw = useSignal(false);
  const text = useSignal(r.text);
  text.value = r.text;
  const tokens = useComputed(() => (text.value.length <= MAX_LAYOUT_CHARS ? layOut(text.value) : null));
  const laid = tokens.value !== null && !raw.value;
  const cut = r.text.length > MAX_SHOWN_CHARS;
  return (
    <>
      <div class="record-head">
        {tokens.value !== null && (
          <div class="switch" role="group" aria-label={t('record.how')}>
            <button type="button" aria-pressed={!raw.value} onClick={() => (raw.value = false)}>
              {t('record.laid')}
            </button>
            <button type="button" aria-pressed={raw.value} onClick={() => (raw.value = true)}>
              {t('record.raw')}
            </button>
          </div>
        )}
        <CopyButton text={r.text} label={t('record.copy')} />
      </div>
      <pre class="record" tabIndex={0} role="group" aria-label={t('record.title')}>
        {laid
          ? (tokens.value ?? []).map((k, i) =>
              k.kind === 'key' || k.kind === 'string' ? (
                <span key={i} class={`j-${k.kind}`}>
                  {visible(k.text)}
                </span>
              ) : (
                visible(k.text)
              ),
            )
          : visible(cut ? r.text.slice(0, MAX_SHOWN_CHARS) : r.text)}
      </pre>
      {(r.truncated || cut) && <p class="hint">{t('record.cut')}</p>}
      {r.tags.length > 0 && (
        <p class="hint">
          {t('record.anomalies')}{' '}
          {r.tags.map((tag) => (
            <span class="chip" key={tag}>
              {tOr(`anomaly.${tag}`, visibleLine(tag))}
            </span>
          ))}
        </p>
      )}
      <p class="hint">
        {t('record.place', { block: visibleLine(r.block), index: String(r.index) })}
      </p>
    </>
  );
}
