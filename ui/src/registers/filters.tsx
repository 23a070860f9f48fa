// SPDX-License-Identifier: EUPL-1.2
// What narrows a list: its states, each with the count of what it opens, and filters on the fields that the file indexes.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { get, query as ask } from '../base/api';
import { formatNumber, t } from '../base/i18n';
import { visibleLine } from '../base/visible';
import { TLPS } from '../share/types';
import { choice, label, rightOn, stateWord } from './kinds';
import { nameOfRecord } from './links';
import { listUrl } from './list';
import { follow } from './model';
import { askedOf, DUE_DAY, filterable, toApi, withFilter, without, type Filter, type Listed } from './query';
import type { Kind, RecordPage } from './types';
import { day } from './value';

/** Counts by state under the other filters: each is the count of the list that it opens. */
export function States({ kind, listed, version }: { kind: Kind; listed: Listed; version: unknown }) {
  const counts = useSignal<Record<string, string>>({});
  const states = kind.schema['x-states'].list.map((s) => s.id);
  const key = ask(toApi(kind.schema, { ...listed, state: '', sort: '' }));
  useEffect(() => {
    if (!version) return undefined;
    const abort = new AbortController();
    const read = (state: string): Promise<[string, string]> =>
      get<RecordPage>(`/registers/${kind.plural}${ask({ ...toApi(kind.schema, { ...listed, state, sort: '' }), limit: 1 })}`, abort.signal).then(
        (p) => [state, p.uncounted ? `>${formatNumber(p.count)}` : formatNumber(p.count)],
        () => [state, ''],
      );
    void Promise.all(['', ...states].map(read)).then((all) => {
      if (!abort.signal.aborted) counts.value = Object.fromEntries(all);
    });
    return () => abort.abort();
  }, [kind.plural, key, version]);
  return (
    <nav class="tabs reg-states" aria-label={t('reg.states')}>
      {['', ...states].map((s) => (
        <a key={s} href={listUrl(kind, { ...listed, state: s })} aria-current={s === listed.state ? 'true' : undefined}>
          {s === '' ? t('reg.all') : stateWord(kind, s)} <span class="n">{counts.value[s] ?? ''}</span>
        </a>
      ))}
    </nav>
  );
}

const nameOf = (kind: Kind, field: string): string =>
  field === 'tlp' ? t('reg.label') : field === 'created' ? t('reg.created') : field === 'changed' ? t('reg.changed') : field === 'organisation' ? t('reg.organisation') : field === DUE_DAY ? t('reg.due') : label(kind, field, kind.schema.properties?.[field]);

export function FilterForm({ kind, listed }: { kind: Kind; listed: Listed }) {
  const { route } = useLocation();
  const fields = filterable(kind.schema, (n) => rightOn(kind, n) !== 'hidden' && !kind.masked.includes(n)).filter((n) => !kind.masked.includes(n));
  const field = useSignal(fields[0] as string);
  const a = useSignal('');
  const b = useSignal('');
  const asks = askedOf(kind.schema, field.value);
  const words = field.value === 'tlp' ? [...TLPS] : ((follow(kind.schema.properties?.[field.value] ?? {}, kind.schema).enum ?? []) as string[]);
  const name = nameOf(kind, field.value);
  const ready = asks === 'choice' ? a.value !== '' : a.value !== '' || b.value !== '';

  const apply = (): void => {
    if (!ready) {
      document.getElementById('reg-a')?.focus();
      return;
    }
    const f = field.value;
    const added: Filter[] = [];
    if (asks === 'choice') added.push({ field: f, how: 'is', value: a.value });
    else if (asks === 'text') added.push({ field: f, how: 'begins', value: a.value.trim() });
    else {
      if (a.value) added.push({ field: f, how: 'from', value: a.value.trim() });
      if (b.value) added.push({ field: f, how: 'to', value: b.value.trim() });
    }
    a.value = '';
    b.value = '';
    route(listUrl(kind, withFilter(listed, added)), true);
  };
  const type = asks === 'day' ? 'date' : 'text';
  const box = (id: string, of: typeof a, text: string) => (
    <input id={id} type={type} inputMode={asks === 'number' ? 'numeric' : undefined} aria-label={text} placeholder={type === 'text' ? text : undefined} maxLength={200}
      autocomplete="off" value={of.value} onInput={(e) => (of.value = e.currentTarget.value)} />
  );
  return (
    <form class="filter reg-filter" role="search" aria-label={t('reg.filter')} onSubmit={(e) => {
        e.preventDefault();
        apply();
      }}>
      <select id="reg-field" aria-label={t('reg.filter_field')} value={field.value} onChange={(e) => {
          field.value = e.currentTarget.value;
          a.value = '';
          b.value = '';
        }}>
        {fields.map((f) => (
          <option key={f} value={f}>
            {nameOf(kind, f)}
          </option>
        ))}
      </select>
      {asks === 'choice' && (
        <select id="reg-a" aria-label={name} value={a.value} onChange={(e) => (a.value = e.currentTarget.value)}>
          <option value="">{t('reg.choose')}</option>
          {words.map((w) => (
            <option key={w} value={w}>
              {field.value === 'tlp' ? `TLP:${w}` : choice(kind, field.value, w)}
            </option>
          ))}
        </select>
      )}
      {asks === 'text' && box('reg-a', a, t('reg.begins'))}
      {(asks === 'day' || asks === 'number') && (
        <>
          {box('reg-a', a, t('reg.from'))}
          <span aria-hidden="true">–</span>
          {box('reg-b', b, t('reg.to'))}
        </>
      )}
      <button class="btn" type="submit">
        {t('reg.narrow')} <kbd>/</kbd>
      </button>
    </form>
  );
}

function words(kind: Kind, f: Filter): string {
  const asks = askedOf(kind.schema, f.field);
  const value = f.field === 'tlp' ? `TLP:${f.value}` : asks === 'choice' ? choice(kind, f.field, f.value) : asks === 'day' ? day(f.value) : visibleLine(kind.schema.properties?.[f.field]?.['x-ref'] ? nameOfRecord(f.value) : f.value);
  return t(`reg.how_${f.how}`, { field: nameOf(kind, f.field), value });
}

/** The filters at work, each with what takes it away. */
export function Filters({ kind, listed }: { kind: Kind; listed: Listed }) {
  const { route } = useLocation();
  if (!listed.filters.length) return null;
  return (
    <ul class="reg-filters" aria-label={t('reg.filters')}>
      {listed.filters.map((f) => (
        <li key={f.field + f.how} class="chip">
          {words(kind, f)}
          <button type="button" class="reg-x" aria-label={t('reg.unfilter', { filter: words(kind, f) })} onClick={() => {
              route(listUrl(kind, without(listed, f)), true);
              document.getElementById('reg-field')?.focus();
            }}>
            ×
          </button>
        </li>
      ))}
      {listed.filters.length > 1 && (
        <li>
          <a class="btn small" href={listUrl(kind, { state: listed.state, sort: listed.sort })}>
            {t('filter.clear')}
          </a>
        </li>
      )}
    </ul>
  );
}
