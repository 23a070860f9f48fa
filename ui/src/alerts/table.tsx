// SPDX-License-Identifier: EUPL-1.2
// The queue: a real table. Each row subscribes to its own place only, so that moving by one row
// redraws two, however long the list is.
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t, tn, tOr } from '../base/i18n';
import { Age, Severity, StatusChip } from '../base/parts';
import { sort } from '../base/prefs';
import type { Alert } from '../base/types';
import { visibleLine } from '../base/visible';
import { alertsUrl, openDrawer } from '../state/place';
import {
  chosen,
  current,
  drawerId,
  filter,
  filterText,
  loading,
  loadOlder,
  next,
  pickAll,
  pickRow,
  rows,
  shown,
  toggleExpanded,
} from '../state/queue';
import { quarter } from '../state/ticks';
import type { Row } from './group';

/** Rows drawn at first, and added when the reader nears the end or walks past it. */
const CHUNK = 200;

export function sourceName(a: Alert): string {
  const s = a.source;
  const logsource = [s.product, s.service ?? s.category].filter(Boolean).join(' ');
  return visibleLine(s.name || logsource || t('not_known'));
}

function Toggle({ row }: { row: Row }) {
  return (
    <button
      class="tw"
      type="button"
      aria-expanded={row.expanded}
      aria-label={t('alerts.show_group', { title: visibleLine(row.lead.rule.title) })}
      onClick={() => toggleExpanded(row.key)}
    />
  );
}

function RowView({ row, wait }: { row: Row; wait: boolean }) {
  const isCurrent = useComputed(() => current.value === row.key);
  const picked = useComputed(() => row.ids.every((id) => chosen.value.has(id)));
  const a = row.lead;
  const title = visibleLine(a.rule.title);
  const kid = row.kind === 'kid';
  const n = row.ids.length;
  const where = a.host ? visibleLine(a.host) : t('alerts.no_host');
  const events = tn('alerts.events', row.events);
  const more = n > 1 && row.inStatus < n ? t('alerts.of', { a: row.inStatus, n }) : undefined;
  const time = wait && row.status !== 'closed' ? row.since : row.last;
  return (
    <tr
      class={`${kid ? 'kid' : ''}${row.status === 'closed' ? ' is-closed' : ''}` || undefined}
      data-key={row.key}
      data-id={a.id}
    >
      <td class="c-x">
        <input
          type="checkbox"
          checked={picked}
          aria-label={t('alerts.pick', { title: kid ? visibleLine(a.summary) : title })}
          onClick={(e) => pickRow(row.key, e.shiftKey)}
        />
      </td>
      <td class="c-v">{kid ? null : <Severity level={a.rule.level} />}</td>
      <td class="c-t">
        {!kid && (
          <span class="sev-in">
            <Severity level={a.rule.level} />
          </span>
        )}
        {row.kind === 'group' && <Toggle row={row} />}
        <a
          class="row"
          href={alertsUrl(a.id)}
          title={kid ? undefined : title}
          aria-current={isCurrent.value ? 'true' : undefined}
          onClick={(e) => {
            if (e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) return;
            e.preventDefault();
            e.stopPropagation();
            current.value = row.key;
            // Opened already: the second Enter goes into it.
            if (drawerId.value === a.id) document.getElementById('drawer-title')?.focus();
            else openDrawer(a.id);
          }}
        >
          {kid ? visibleLine(a.summary) || title : title}
        </a>
        {row.kind === 'group' && <span class="n"> {tn('alerts.alike', n)}</span>}
        {row.kind === 'one' && a.summary && <span class="what">{visibleLine(a.summary)}</span>}
        <span class="sub">
          {[where, sourceName(a), n > 1 ? tn('alerts.alike', n) : events, tOr(`status.${row.status}`, row.status)].join(' · ')}
        </span>
      </td>
      <td class="c-w">{kid ? (a.user ? visibleLine(a.user) : '') : where}</td>
      <td class="c-o">{kid ? '' : sourceName(a)}</td>
      <td class="c-n num" aria-label={events}>
        {row.events}
      </td>
      <td class="c-a num">
        <Age at={time} now={quarter} plain={wait && row.status !== 'closed'} />
      </td>
      <td class="c-s">
        <StatusChip status={row.status} more={more} />
      </td>
    </tr>
  );
}

function SortHead({ by, text, cls }: { by: 'severity' | 'newest'; text: string; cls: string }) {
  const on = sort.value === by;
  return (
    <th scope="col" class={cls} aria-sort={on ? 'descending' : undefined}>
      <button type="button" class="sort" aria-pressed={on} onClick={() => (sort.value = by)}>
        {text}
      </button>
    </th>
  );
}

export function Queue() {
  const drawn = useSignal(CHUNK);
  const end = useRef<HTMLTableSectionElement>(null);
  const all = rows.value;
  const at = useComputed(() => rows.value.findIndex((r) => r.key === current.value));
  if (at.value >= drawn.value - 5) drawn.value = at.value + CHUNK;
  const wait = filter.value.status !== 'closed' && filter.value.status !== 'all';
  const list = all.slice(0, drawn.value);

  useEffect(() => {
    drawn.value = CHUNK;
  }, [filterText.value]);
  useEffect(() => {
    const el = end.current;
    if (!el) return undefined;
    const io = new IntersectionObserver(
      (seen) => {
        if (seen.some((s) => s.isIntersecting)) drawn.value += CHUNK;
      },
      { rootMargin: '600px' },
    );
    io.observe(el);
    return () => io.disconnect();
  }, [list.length < all.length]);

  const total = shown.value.size;
  const allPicked = useComputed(() => total > 0 && chosen.value.size === total);
  return (
    <table class="queue" aria-rowcount={all.length + 1}>
      <caption class="hide">{t(`alerts.caption_${sort.value}`)}</caption>
      <thead>
        <tr>
          <td class="c-x">
            <input
              type="checkbox"
              checked={allPicked}
              aria-label={tn('alerts.pick_all', total)}
              onClick={() => pickAll(!allPicked.value)}
            />
          </td>
          <SortHead by="severity" text={t('col.severity')} cls="c-v" />
          <th scope="col" class="c-t">
            {t('col.alert')}
          </th>
          <th scope="col" class="c-w">
            {t('col.where')}
          </th>
          <th scope="col" class="c-o">
            {t('col.source')}
          </th>
          <th scope="col" class="c-n num">
            {t('col.events')}
          </th>
          <SortHead by="newest" text={t(wait ? 'col.waits' : 'col.last')} cls="c-a num" />
          <th scope="col" class="c-s">
            {t('col.status')}
          </th>
        </tr>
      </thead>
      <tbody>
        {list.map((r) => (
          <RowView key={r.key} row={r} wait={wait} />
        ))}
      </tbody>
      {list.length < all.length && (
        <tfoot ref={end}>
          <tr>
            <td colSpan={8}>{t('alerts.more_rows')}</td>
          </tr>
        </tfoot>
      )}
    </table>
  );
}

/** Says when older alerts were not read, and reads them when asked. */
export function Older() {
  if (!next.value) return null;
  return (
    <p class="older">
      {tn('alerts.read_newest', shown.value.size)}{' '}
      <button class="btn" type="button" disabled={loading.value} onClick={() => void loadOlder()}>
        {t('alerts.read_older')}
      </button>
    </p>
  );
}
