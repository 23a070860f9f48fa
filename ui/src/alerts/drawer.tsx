// SPDX-License-Identifier: EUPL-1.2
// One alert beside the list, under its own URL: what it is, what can be done, why it fired, the rule,
// the original record, its fields, its history. Bytes from logs are shown as text only, made visible.
import { useSignal, useSignalEffect, useComputed } from '@preact/signals';
import { get } from '../base/api';
import { duration, exact, parseTime, when } from '../base/format';
import { t, tn, tOr } from '../base/i18n';
import { CopyButton, Problem, Severity, Slow, StatusChip } from '../base/parts';
import { problem } from '../base/problem';
import type { Alert, AlertDetail } from '../base/types';
import { visible, visibleLine } from '../base/visible';
import { closing, eligible, perform, startClosing } from '../state/acts';
import { alertsUrl, closeDrawer } from '../state/place';
import { chosen, known, learn, target } from '../state/queue';
import { quarter } from '../state/ticks';
import { CloseForm } from './closeform';
import { DEFAULT_FILTER, writeFilter } from './filter';
import { RecordView } from './record';
import { RuleView } from './ruleview';
import { sourceName } from './table';
import { WhyView } from './why';

function Where({ a }: { a: Alert }) {
  const at = parseTime(a.time);
  const last = parseTime(a.last_time);
  const now = quarter.value;
  const spread = at !== null && last !== null && last - at >= 1000 ? last - at : 0;
  return (
    <p class="soft">
      <bdi class="host">{a.host ? visibleLine(a.host) : t('alerts.no_host')}</bdi>
      {', '}
      {at === null ? (
        t('not_known')
      ) : (
        <time dateTime={a.time} title={exact(at)}>
          {when(at, now)}
        </time>
      )}
      {a.count > 1 &&
        `, ${spread ? tn('drawer.events_in', a.count, { d: duration(spread) }) : tn('alerts.events', a.count)}`}
    </p>
  );
}

function Acts({ ids, closeHere }: { ids: string[]; closeHere: boolean }) {
  const n = ids.length;
  const canAck = eligible('acknowledge', ids).length;
  const canClose = eligible('close', ids).length;
  const canReopen = eligible('reopen', ids).length;
  const count = (m: number): string => (n > 1 ? ` ${m}` : '');
  return (
    <div class="acts">
      {canAck > 0 && (
        <button class="btn main-act" type="button" onClick={() => void perform('acknowledge', ids)}>
          {t('act.acknowledge')}
          {count(canAck)} <kbd>a</kbd>
        </button>
      )}
      {canClose > 0 && (
        <button class="btn" type="button" aria-expanded={closeHere} onClick={() => startClosing(ids)}>
          {t('act.close')}
          {count(canClose)} <kbd>f</kbd>
        </button>
      )}
      {canReopen === n && (
        <button class="btn" type="button" onClick={() => void perform('reopen', ids)}>
          {t('act.reopen')}
          {count(n)} <kbd>r</kbd>
        </button>
      )}
    </div>
  );
}

function Facts({ a }: { a: Alert }) {
  const s = a.source;
  const logsource = [s.product, s.category, s.service].filter(Boolean).join(' / ');
  const like = (part: 'host' | 'rule'): string =>
    alertsUrl(
      null,
      writeFilter({
        status: 'open',
        levels: [],
        host: part === 'host' ? a.host : null,
        rule: part === 'rule' ? a.rule.id : null,
        words: [],
      }),
    );
  const received = parseTime(a.received);
  return (
    <dl class="kv">
      {a.host && (
        <>
          <dt>{t('fact.host')}</dt>
          <dd>
            <bdi>{visibleLine(a.host)}</bdi>
            {' · '}
            <a href={like('host')}>{t('fact.host_alerts')}</a>
          </dd>
        </>
      )}
      {a.user && (
        <>
          <dt>{t('fact.user')}</dt>
          <dd>
            <bdi>{visibleLine(a.user)}</bdi>
          </dd>
        </>
      )}
      <dt>{t('fact.source')}</dt>
      <dd>
        {sourceName(a)}
        {logsource && <span class="quiet"> {visibleLine(logsource)}</span>}
      </dd>
      <dt>{t('fact.rule')}</dt>
      <dd>
        <a href={like('rule')}>{t('fact.rule_alerts')}</a>
      </dd>
      <dt>{t('fact.received')}</dt>
      <dd>{received === null ? t('not_known') : exact(received)}</dd>
      <dt>{t('fact.assignee')}</dt>
      <dd>{a.assignee ? visibleLine(a.assignee) : t('fact.nobody')}</dd>
      {a.close_reason && (
        <>
          <dt>{t('fact.closed_as')}</dt>
          <dd>{tOr(`reason.${a.close_reason}`, a.close_reason)}</dd>
        </>
      )}
    </dl>
  );
}

const FEW_FIELDS = 12;
function Fields({ list }: { list: AlertDetail['fields'] }) {
  const all = useSignal(false);
  if (!list.length) return <p class="quiet">{t('drawer.no_fields')}</p>;
  const shown = all.value ? list : list.slice(0, FEW_FIELDS);
  return (
    <>
      <dl class="kv fields">
        {shown.map((f, i) => (
          <div key={`${f.name}${i}`}>
            <dt>
              <code>{visibleLine(f.name)}</code>
            </dt>
            <dd>
              <code>{visible(f.value)}</code>
            </dd>
          </div>
        ))}
      </dl>
      {list.length > FEW_FIELDS && (
        <button class="btn small" type="button" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
          {all.value ? t('drawer.fewer_fields') : tn('drawer.all_fields', list.length)}
        </button>
      )}
    </>
  );
}

function History({ list }: { list: AlertDetail['history'] }) {
  const now = quarter.value;
  return (
    <ol class="history">
      {list.map((h, i) => {
        const at = parseTime(h.time);
        const who = visibleLine(h.who);
        const what = tOr(`history.${h.what}`, h.what);
        return (
          <li key={`${h.time}${i}`}>
            <span class="quiet">
              {at === null ? (
                t('not_known')
              ) : (
                <time dateTime={h.time} title={exact(at)}>
                  {when(at, now)}
                </time>
              )}
            </span>
            <span>
              <strong>{what}</strong>
              {h.reason && ` · ${tOr(`reason.${h.reason}`, h.reason)}`}
              {who && <span class="quiet"> {who}</span>}
              {h.note && <span class="note">{visible(h.note)}</span>}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

/** Details by id; a handful of the last ones, so that j and k show at once what was seen before. */
const cache = new Map<string, AlertDetail>();
const MAX_CACHED = 60;
function remember(d: AlertDetail): void {
  cache.delete(d.id);
  cache.set(d.id, d);
  for (const id of cache.keys()) {
    if (cache.size <= MAX_CACHED) break;
    cache.delete(id);
  }
}

/** Waits this long before asking, so that holding j does not ask for every row passed. */
const SETTLE_MS = 70;

export function Drawer({ id }: { id: string }) {
  const wanted = useSignal(id);
  wanted.value = id;
  const detail = useSignal<AlertDetail | null>(null);
  const wrong = useSignal<string | null>(null);
  const again = useSignal(0);
  const revision = useComputed(() => known.value.get(wanted.value)?.revision ?? 0);

  useSignalEffect(() => {
    void again.value;
    const want = wanted.value;
    const rev = revision.value;
    const had = cache.get(want);
    if (detail.peek()?.id !== want) detail.value = had ?? null;
    wrong.value = null;
    if (had && had.revision >= rev) {
      detail.value = had;
      return undefined;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      get<AlertDetail>(`/alerts/${encodeURIComponent(want)}`, abort.signal).then(
        (d) => {
          remember(d);
          learn([d]);
          detail.value = d;
        },
        (err: unknown) => {
          if (!(err instanceof DOMException)) wrong.value = problem(err);
        },
      );
    }, SETTLE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  });

  const a: Alert | undefined = known.value.get(id) ?? detail.value ?? undefined;
  const d = detail.value?.id === id ? detail.value : null;
  const ids = chosen.value.size ? [id] : target.value.includes(id) ? target.value : [id];
  const closeHere = closing.value !== null && chosen.value.size === 0;
  return (
    <aside class="drawer" aria-labelledby="drawer-title" key="drawer">
      <header>
        <div class="tags">
          {a && <Severity level={a.rule.level} />}
          {a && <StatusChip status={a.status} />}
          <button class="btn shut" type="button" onClick={closeDrawer}>
            {t('drawer.back')} <kbd>Esc</kbd>
          </button>
        </div>
        <h2 id="drawer-title" tabIndex={-1}>
          {a ? visibleLine(a.rule.title) : t('drawer.alert')}
        </h2>
        {a && <Where a={a} />}
        {a && <Acts ids={ids} closeHere={closeHere} />}
        {a && ids.length > 1 && <p class="hint">{tn('drawer.with_alike', ids.length - 1)}</p>}
        {closeHere && <CloseForm key={(closing.value ?? []).join()} ids={closing.value as string[]} />}
      </header>
      {wrong.value && <Problem text={wrong.value} onAgain={() => (again.value += 1)} />}
      {!d && !wrong.value && <Slow key={id} text={t('drawer.reading')} />}
      {a && d && (
        <>
          <section class="sect" aria-labelledby="d-why">
            <h3 id="d-why">{t('why.title')}</h3>
            <WhyView why={d.why} />
            <RuleView rule={d.rule_detail} />
          </section>
          <section class="sect" aria-labelledby="d-facts">
            <h3 id="d-facts">{t('drawer.facts')}</h3>
            <Facts a={a} />
          </section>
          <section class="sect" aria-labelledby="d-record">
            <h3 id="d-record">{t('record.title')}</h3>
            <RecordView record={d.record} />
          </section>
          <section class="sect" aria-labelledby="d-fields">
            <h3 id="d-fields">{t('drawer.fields')}</h3>
            <Fields key={id} list={d.fields} />
          </section>
          <section class="sect" aria-labelledby="d-history">
            <h3 id="d-history">{t('drawer.history')}</h3>
            <History list={d.history} />
          </section>
          <p class="drawer-foot">
            <CopyButton text={location.origin + alertsUrl(id, DEFAULT_FILTER)} label={t('drawer.copy_link')} />
          </p>
        </>
      )}
    </aside>
  );
}
