// SPDX-License-Identifier: EUPL-1.2
// Records of the archive taken out, byte for byte: of which days, of which source, in which form, and for what. The reason goes into the audit
// trail before the first byte leaves. For whose role may take records out.
import { useSignal } from '@preact/signals';
import { query as ask, session } from '../base/api';
import { t } from '../base/i18n';
import { described, Field } from '../share/parts';
import { say } from '../state/toast';

const WHY_MAX = 1000;
const DAY_MS = 86_400_000;
const start = (day: string): string => `${day}T00:00:00Z`;
/** The first moment behind a day. */
const behind = (day: string): string => start(new Date(Date.parse(start(day)) + DAY_MS).toISOString().slice(0, 10));

export function ExportPanel({ names }: { names: readonly string[] }) {
  const from = useSignal('');
  const to = useSignal('');
  const source = useSignal('');
  const format = useSignal('ndjson');
  const why = useSignal('');
  const wrong = useSignal<{ at: string; text: string } | null>(null);
  if (!session.value?.user.rights?.includes('archive.export')) return null;
  const fault = (at: string, text: string): void => {
    wrong.value = { at, text };
    document.getElementById(`out-${at}`)?.focus();
  };
  const wrongAt = (at: string): string | null => (wrong.value?.at === at ? wrong.value.text : null);
  const begin = (e: Event): void => {
    e.preventDefault();
    wrong.value = null;
    if (from.value === '') return fault('from', t('out.needs_day'));
    if (to.value === '') return fault('to', t('out.needs_day'));
    if (to.value < from.value) return fault('to', t('out.turned'));
    if (why.value.trim() === '') return fault('why', t('out.needs_why'));
    const a = document.createElement('a');
    a.href = `/api/v1/archive/export${ask({ from: start(from.value), to: behind(to.value), source: source.value || undefined, format: format.value, why: why.value.trim() })}`;
    a.download = format.value === 'ndjson' ? 'archive.ndjson' : 'archive.txt'; // a refusal fails the download, and leaves the page where it is
    a.target = '_top';
    document.body.append(a);
    a.click();
    a.remove();
    say(t('out.begun'));
  };
  const day = (at: string, value: { value: string }, label: string) => (
    <Field id={`out-${at}`} label={label} wrong={wrongAt(at)}>
      <input id={`out-${at}`} type="date" value={value.value} aria-invalid={wrongAt(at) ? true : undefined} aria-describedby={described(`out-${at}`, false, wrongAt(at) !== null)}
        onInput={(e) => (value.value = e.currentTarget.value)} />
    </Field>
  );
  return (
    <section class="panel" aria-labelledby="out-h">
      <h2 id="out-h">{t('out.title')}</h2>
      <p class="soft">{t('out.lead')}</p>
      <form class="form" onSubmit={begin} noValidate>
        {day('from', from, t('out.from'))}
        {day('to', to, t('out.to'))}
        <Field id="out-source" label={t('out.source')}>
          <select id="out-source" value={source.value} onChange={(e) => (source.value = e.currentTarget.value)}>
            <option value="">{t('out.all')}</option>
            {names.map((n) => (
              <option key={n} value={n}>
                {n}
              </option>
            ))}
          </select>
        </Field>
        <Field id="out-format" label={t('out.format')}>
          <select id="out-format" value={format.value} onChange={(e) => (format.value = e.currentTarget.value)}>
            <option value="ndjson">{t('out.ndjson')}</option>
            <option value="text">{t('out.text')}</option>
          </select>
        </Field>
        <Field id="out-why" label={t('out.why')} hint={t('out.why_hint')} wrong={wrongAt('why')}>
          <input id="out-why" type="text" maxLength={WHY_MAX} autocomplete="off" value={why.value} aria-required="true" aria-invalid={wrongAt('why') ? true : undefined}
            aria-describedby={described('out-why', true, wrongAt('why') !== null)} onInput={(e) => (why.value = e.currentTarget.value)} />
        </Field>
        <div class="acts">
          <button class="btn" type="submit">
            {t('out.begin')}
          </button>
        </div>
      </form>
    </section>
  );
}
