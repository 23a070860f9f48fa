// SPDX-License-Identifier: EUPL-1.2
// The alerts page: head, views, filter, queue, drawer; and the keys that walk it. State is in state/.
import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { drawn } from '../base/drawn';
import { addKeys } from '../base/keys';
import { duration, parseTime } from '../base/format';
import { t, tn } from '../base/i18n';
import { post } from '../base/api';
import { Problem, Slow } from '../base/parts';
import { AskReason } from '../base/reason';
import { visibleLine } from '../base/visible';
import { closing, perform, startClosing } from '../state/acts';
import { closeDrawer, openDrawer, setFilter } from '../state/place';
import {
  alerts,
  chosen,
  counts,
  current,
  currentRow,
  drawerId,
  failure,
  reasonFor,
  filter,
  filterText,
  groupCount,
  load,
  loaded,
  loading,
  next,
  pickRow,
  rows,
  setCalm,
  showWaiting,
  target,
  toggleExpanded,
  waiting,
} from '../state/queue';
import { quarter } from '../state/ticks';
import { BulkBar } from './bulk';
import { Drawer } from './drawer';
import { EmptyQueue } from './empty';
import { FilterBar } from './filterbar';
import { Older, Queue } from './table';

/** Above this many pixels of scroll the reader no longer "is at the top". */
const TOP_PX = 24;

function focusRow(key: string | null): void {
  if (key === null) return;
  const row = document.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
  const link = row?.querySelector<HTMLElement>('a.row');
  link?.focus({ preventScroll: true });
  row?.scrollIntoView({ block: 'nearest' });
}

function step(by: number): void {
  const list = rows.value;
  if (!list.length) return;
  const at = list.findIndex((r) => r.key === current.value);
  const to = at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(list.length - 1, Math.max(0, at + by));
  const row = list[to];
  if (!row) return;
  current.value = row.key;
  if (drawerId.value !== null) openDrawer(row.lead.id);
  focusRow(row.key);
}

function focusDrawer(): void {
  document.querySelector<HTMLElement>('#drawer-title')?.focus();
}

/** Opens the current row; when it is open already, goes into the drawer. */
function open(): boolean {
  const row = currentRow.value;
  if (!row) return false;
  if (drawerId.value !== null && row.ids.includes(drawerId.value)) focusDrawer();
  else openDrawer(row.lead.id);
  return true;
}

function back(): boolean {
  const el = document.activeElement;
  if (closing.value) {
    closing.value = null;
    focusRow(current.value);
    return true;
  }
  if (el instanceof HTMLInputElement && el.type === 'search') {
    el.blur();
    if (current.value) focusRow(current.value);
    return true;
  }
  if (drawerId.value !== null) {
    closeDrawer();
    return true;
  }
  if (chosen.value.size) {
    chosen.value = new Set();
    return true;
  }
  if (current.value !== null) {
    current.value = null;
    if (el instanceof HTMLElement) el.blur();
    return true;
  }
  return false;
}

function foldOrOpen(to: boolean): boolean {
  const row = currentRow.value;
  if (!row) return false;
  if (row.kind === 'group' && row.expanded !== to) {
    toggleExpanded(row.key, to);
    return true;
  }
  if (!to && row.kind === 'kid') {
    const group = rows.value.find((r) => r.kind === 'group' && r.ids.includes(row.lead.id));
    if (group) {
      current.value = group.key;
      focusRow(group.key);
      return true;
    }
  }
  return false;
}

function close(): void {
  const ids = target.value;
  // Closing is written beside the evidence; a picked set has its own place above the list.
  if (!chosen.value.size && ids.length && drawerId.value === null && currentRow.value) {
    openDrawer(currentRow.value.lead.id);
  }
  startClosing(ids);
}

const alertKeys = {
  down: () => step(1),
  up: () => step(-1),
  open,
  expand: () => foldOrOpen(true),
  fold: () => foldOrOpen(false),
  fresh: () => {
    if (!waiting.value.size) return false;
    showWaiting();
    scrollTo(0, 0);
    return true;
  },
  back,
  pick: () => {
    if (current.value === null) step(1);
    if (current.value !== null) pickRow(current.value);
  },
  range: () => {
    if (current.value !== null) pickRow(current.value, true);
  },
  acknowledge: () => void perform('acknowledge', target.value),
  close,
  reopen: () => void perform('reopen', target.value),
};

function Lead() {
  const c = counts.value;
  if (!c || !loaded.value) return null;
  const oldest = parseTime(c.oldest_open);
  const f = filter.value;
  const narrowed = f.words.length > 0 || f.levels.length > 0 || f.host !== null || f.rule !== null || f.until !== null;
  const isOpen = f.status !== 'closed' && f.status !== 'all' && !narrowed;
  return (
    <p class="soft">
      {tn('alerts.open', c.open)}
      {narrowed && next.value === null && ` ${tn('alerts.matching', alerts.value.length)}`}
      {isOpen && groupCount.value > 0 && ` ${tn('alerts.groups', groupCount.value)}`}
      {isOpen && c.open > 0 && oldest !== null && ` ${t('alerts.oldest', { d: duration(quarter.value - oldest) })}`}
    </p>
  );
}

function Fresh() {
  const n = waiting.value.size;
  return (
    <div class="fresh" role="status">
      {n > 0 && (
        <button
          class="btn"
          type="button"
          onClick={() => {
            showWaiting();
            scrollTo(0, 0);
          }}
        >
          {tn('alerts.fresh', n)} <kbd>n</kbd>
        </button>
      )}
    </div>
  );
}

/** What is looked for is a person: why is asked before anything is found. */
function WhyPerson({ words }: { words: string }) {
  return (
    <section class="panel" aria-labelledby="why-person">
      <h2 id="why-person">{t('why.title', { words: visibleLine(words) })}</h2>
      <AskReason hint={t('why.hint')} act={t('why.go')} onClose={() => setFilter('')} onGiven={async (why) => {
          await post('/privacy/search', { terms: words, why });
          await load();
        }} />
    </section>
  );
}

export function AlertsPage({ onKeys }: { onKeys: () => void }) {
  const list = useRef<HTMLElement>(null);
  const scrolled = useSignal(0);
  const text = useComputed(() => filterText.value);

  useSignalEffect(() => {
    void text.value;
    void load();
  });

  useEffect(() => {
    setCalm(
      () =>
        scrollY <= TOP_PX &&
        current.value === null &&
        chosen.value.size === 0 &&
        drawerId.value === null &&
        !document.hidden,
    );
    const off = addKeys(alertKeys);
    // Where single-letter keys start from when a row is reached by Tab or by a click.
    const onFocus = (e: FocusEvent): void => {
      const row = (e.target as HTMLElement).closest?.<HTMLElement>('tr[data-key]');
      if (row?.dataset.key) current.value = row.dataset.key;
    };
    document.addEventListener('focusin', onFocus);
    return () => {
      off();
      document.removeEventListener('focusin', onFocus);
      setCalm(() => true);
      closing.value = null;
      chosen.value = new Set();
      current.value = null;
      drawerId.value = null;
    };
  }, []);

  // A row that leaves under the reader hands over to the next one, in the drawer too.
  const held = useRef<string | null>(null);
  useSignalEffect(() => {
    const row = currentRow.value;
    const was = held.current;
    held.current = row?.key ?? null;
    if (!row || was === null || was === row.key) return;
    const gone = !rows.value.some((r) => r.key === was);
    if (!gone) return;
    const id = drawerId.peek();
    if (id !== null && !row.ids.includes(id)) openDrawer(row.lead.id);
    drawn(() => focusRow(row.key));
  });

  // A link to an alert makes its row the current one.
  const linked = useComputed(() => drawerId.value !== null && loaded.value);
  useSignalEffect(() => {
    if (!linked.value || current.peek() !== null) return;
    const id = drawerId.peek();
    const row = rows.peek().find((r) => id !== null && r.ids.includes(id));
    if (row) current.value = row.key;
  });

  // On small screens the drawer takes the whole view: keep the list's place for the way back.
  const isOpen = drawerId.value !== null;
  const wasOpen = useRef(false);
  useLayoutEffect(() => {
    const small = matchMedia('(max-width: 56em)').matches;
    if (isOpen && !wasOpen.current && small) {
      scrollTo(0, 0);
      focusDrawer();
    }
    if (!isOpen && wasOpen.current) {
      if (small) scrollTo(0, scrolled.value);
      focusRow(current.value);
    }
    wasOpen.current = isOpen;
  }, [isOpen]);
  useEffect(() => {
    const keep = (): void => {
      if (drawerId.value === null) scrolled.value = scrollY;
    };
    addEventListener('scroll', keep, { passive: true });
    return () => removeEventListener('scroll', keep);
  }, []);

  return (
    <>
      <section class="list" aria-labelledby="alerts-h" ref={list}>
        <div class="head">
          <h1 id="alerts-h" tabIndex={-1}>
            {t('nav.alerts')}
          </h1>
          <Lead />
        </div>
        <FilterBar />
        <Fresh />
        {chosen.value.size > 0 && <BulkBar />}
        {reasonFor.value !== null && <WhyPerson words={reasonFor.value} />}
        {failure.value && <Problem text={failure.value} onAgain={() => void load()} />}
        {!loaded.value && loading.value && <Slow text={t('alerts.reading')} />}
        {loaded.value && !failure.value && reasonFor.value === null && alerts.value.length === 0 && !loading.value && <EmptyQueue />}
        {alerts.value.length > 0 && (
          <>
            <Queue />
            <Older />
            <p class="quiet foot-keys">
              <kbd>j</kbd> <kbd>k</kbd> {t('foot.move')} <kbd>Enter</kbd> {t('foot.open')} <kbd>x</kbd> {t('foot.pick')}{' '}
              <kbd>a</kbd> {t('foot.acknowledge')} <kbd>f</kbd> {t('foot.close')}{' '}
              <button type="button" class="link" onClick={onKeys}>
                <kbd>?</kbd> {t('foot.keys')}
              </button>
            </p>
          </>
        )}
      </section>
      {isOpen && <Drawer id={drawerId.value as string} />}
    </>
  );
}
