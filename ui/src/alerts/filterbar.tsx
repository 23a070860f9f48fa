// SPDX-License-Identifier: EUPL-1.2
// Views and the filter box. The box is one line of text that the URL keeps; it applies at Enter.
import { useSignal, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { formatNumber, t } from '../base/i18n';
import { alertsUrl, setFilter } from '../state/place';
import { counts, drawerId, filter, filterText } from '../state/queue';
import { DEFAULT_FILTER, writeFilter, type StatusWord } from './filter';

const VIEWS: readonly StatusWord[] = ['open', 'new', 'acknowledged', 'closed'];

export function FilterBar() {
  const typed = useSignal(filterText.value);
  const input = useRef<HTMLInputElement>(null);
  useSignalEffect(() => {
    // The URL moved (a view, Back, a link): the box follows.
    typed.value = filterText.value;
  });
  const f = filter.value;
  const c = counts.value;
  const count = (v: StatusWord): string =>
    c && v !== 'closed' && v !== 'all' ? ` ${formatNumber(c[v])}` : '';
  return (
    <>
      <nav class="tabs" aria-label={t('alerts.views')}>
        {VIEWS.map((v) => (
          <a
            key={v}
            href={alertsUrl(drawerId.value, writeFilter({ ...f, status: v }))}
            aria-current={f.status === v ? 'true' : undefined}
          >
            {t(`view.${v}`)}
            {count(v)}
          </a>
        ))}
      </nav>
      <form
        class="filter"
        role="search"
        onSubmit={(e) => {
          e.preventDefault();
          setFilter(typed.value);
          input.current?.blur();
        }}
      >
        <label class="hide" for="q">
          {t('filter.label')}
        </label>
        <input
          id="q"
          ref={input}
          class="mono"
          type="search"
          maxLength={1000}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          aria-describedby="q-words"
          value={typed.value}
          onInput={(e) => (typed.value = e.currentTarget.value)}
        />
        <button class="btn" type="submit">
          {t('filter.go')} <kbd>/</kbd>
        </button>
        {filterText.value !== DEFAULT_FILTER && (
          <button class="btn" type="button" onClick={() => setFilter('')}>
            {t('filter.clear')}
          </button>
        )}
      </form>
      <p id="q-words" class="filter-words hint">
        {t('filter.words')}
      </p>
      {f.unknown.length > 0 && (
        <p class="error" role="status">
          {t('filter.unknown', { words: f.unknown.join(' ') })}
        </p>
      )}
    </>
  );
}
