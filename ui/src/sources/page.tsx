// SPDX-License-Identifier: EUPL-1.2
// Sources: what sends, how much, when last; what could not be taken; tokens, and how to add a source.
import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { get } from '../base/api';
import { formatNumber, t, tn, tOr } from '../base/i18n';
import { Age, Empty, Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import type { NodeStatus, Source } from '../base/types';
import { bytes, duration } from '../base/format';
import { visibleLine } from '../base/visible';
import { beats } from '../state/stream';
import { second } from '../state/ticks';
import { CopyPanel } from './copy';
import { ExportPanel } from './export';
import { Tokens } from './tokens';

interface Answer {
  items: Source[];
  unknown: number;
}

/** What one may ask for in the address (?show=), as the figures of Today do: further behind is TODAY_LAG_MS of the node. */
const BEHIND_MS = 60_000;
const SHOWN: Record<string, (s: Source) => boolean> = { silent: (s) => s.silent, behind: (s) => s.lag !== null && s.lag > BEHIND_MS, held: (s) => s.held };

/** The node calls a source live by its own promise; here a chip needs only the last event's age. */
const QUIET_MS = 10 * 60_000;

function Liveness({ s }: { s: Source }) {
  if (s.held) return <span class="chip is-off">{t('source.held')}</span>;
  if (s.silent) return <span class="chip is-off">{t('source.silent')}</span>;
  if (!s.last_event) return <span class="chip is-wait">{t('source.never')}</span>;
  const silent = second.value - Date.parse(s.last_event) > QUIET_MS;
  return silent ? (
    <span class="chip is-off">{t('source.silent')}</span>
  ) : (
    <span class="chip is-ok">{t('source.live')}</span>
  );
}

function Logsource({ s }: { s: Source }) {
  const text = [s.product, s.category, s.service].filter(Boolean).join(' / ');
  return <>{text ? visibleLine(text) : <span class="quiet">{t('source.by_content')}</span>}</>;
}

function Lag({ ms }: { ms: number | null }) {
  if (ms === null) return <span class="quiet">{t('source.no_lag')}</span>;
  // A second is what clocks agree to, and what many logs write.
  return <>{ms <= -1000 ? t('source.ahead', { d: duration(-ms) }) : duration(ms)}</>;
}

function Dropped({ s }: { s: Source }) {
  const causes = Object.entries(s.drops).filter(([, n]) => n > 0);
  const rest = s.dropped - causes.reduce((sum, [, n]) => sum + n, 0);
  return (
    <td class={s.dropped > 0 ? 'num lost' : 'num'}>
      {formatNumber(s.dropped)}
      {causes.map(([cause, n]) => (
        <span class="sub" key={cause}>
          {tOr(`drop.${cause}`, cause)}: {formatNumber(n)}
        </span>
      ))}
      {rest > 0 && (
        <span class="sub">
          {t('drop.earlier')}: {formatNumber(rest)}
        </span>
      )}
      {s.dropped_at && (
        <span class="sub">
          <Age at={s.dropped_at} now={second} none="" />
        </span>
      )}
    </td>
  );
}

function Table({ items }: { items: Source[] }) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('source.table')}>
      <table class="plain">
        <caption class="hide">{t('source.table')}</caption>
        <thead>
          <tr>
            <th scope="col">{t('col.source')}</th>
            <th scope="col">{t('col.state')}</th>
            <th scope="col" class="c-logs">
              {t('col.logs')}
            </th>
            <th scope="col">{t('col.last_event')}</th>
            <th scope="col" class="num">
              {t('col.lag')}
            </th>
            <th scope="col" class="num">
              {t('col.rate')}
            </th>
            <th scope="col" class="num">
              {t('col.events')}
            </th>
            <th scope="col" class="num">
              {t('col.anomalies')}
            </th>
            <th scope="col" class="num">
              {t('col.dropped')}
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((s) => (
            <tr key={`${s.organisation}/${s.name}`}>
              <th scope="row">
                <bdi>{visibleLine(s.name)}</bdi>
                <span class="sub">
                  {tOr(`kind.${s.kind}`, s.kind)} · {visibleLine(s.organisation)}
                </span>
              </th>
              <td>
                <Liveness s={s} />
              </td>
              <td class="c-logs">
                <Logsource s={s} />
              </td>
              <td>
                <Age at={s.last_event} now={second} none={t('source.no_event')} />
              </td>
              <td class="num">
                <Lag ms={s.lag} />
              </td>
              <td class="num">{formatNumber(Math.round(s.rate * 10) / 10)}</td>
              <td class="num" title={s.events.toLocaleString()}>
                {formatNumber(s.events)}
              </td>
              <td class="num">{formatNumber(s.anomalies)}</td>
              <Dropped s={s} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NodePanel({ s }: { s: NodeStatus }) {
  return (
    <section class="panel" aria-labelledby="node-h">
      <div class="head">
        <h2 id="node-h">{t('node.title')}</h2>
      </div>
      <dl class="kv">
        <dt>{t('node.kept')}</dt>
        <dd>
          {tn('node.kept_events', s.archive.events)}, {bytes(s.archive.bytes)}
          {s.archive.oldest_day && `, ${t('node.since', { day: s.archive.oldest_day })}`}
        </dd>
        <dt>{t('node.running')}</dt>
        <dd>
          <Age at={s.started} now={second} plain />
        </dd>
        <dt>{t('node.sandbox')}</dt>
        <dd>
          <span class={s.sandbox === 'on' ? 'chip is-ok' : 'chip is-off'}>{tOr(`sandbox.${s.sandbox}`, s.sandbox)}</span>
        </dd>
        <dt>{t('node.roles')}</dt>
        <dd>
          {s.roles.map((r) => (
            <span class="role" key={`${r.name}${r.pid}`}>
              {r.name}
              {r.restarts > 0 && <span class="quiet"> {tn('node.restarts', r.restarts)}</span>}
            </span>
          ))}
        </dd>
      </dl>
    </section>
  );
}

export default function SourcesPage() {
  const data = useSignal<Answer | null>(null);
  const node = useSignal<NodeStatus | null>(null);
  const wrong = useSignal<string | null>(null);
  const read = (): void => {
    get<Answer>('/sources').then(
      (a) => {
        data.value = a;
        wrong.value = null;
      },
      (err: unknown) => (wrong.value = problem(err)),
    );
    get<NodeStatus>('/status').then(
      (s) => (node.value = s),
      () => undefined,
    );
  };
  useEffect(() => {
    if (beats.peek() === 0) read();
  }, []);
  // Each pulse brings fresh figures; while the page is hidden nobody reads them.
  useSignalEffect(() => {
    void beats.value;
    if (!document.hidden) read();
  });
  const d = data.value;
  const { query } = useLocation();
  const show = query.show ?? '';
  const only = SHOWN[show];
  const items = only ? (d?.items.filter(only) ?? []) : (d?.items ?? []);
  const live = d?.items.filter((s) => s.last_event && second.value - Date.parse(s.last_event) <= QUIET_MS).length ?? 0;
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{t('nav.sources')}</h1>
        {d && d.items.length > 0 && <p class="soft">{tn('source.lead', d.items.length, { live })}</p>}
        {d && d.unknown > 0 && (
          <p class="lead">
            <span class="chip is-wait">{t('source.quarantine')}</span> {tn('source.unknown', d.unknown)}
          </p>
        )}
      </div>
      {wrong.value && <Problem text={wrong.value} onAgain={read} />}
      {!d && !wrong.value && <Slow text={t('source.reading')} />}
      {d && d.items.length === 0 && (
        <Empty title={t('source.none')}>
          <p>{t('source.none_text')}</p>
        </Empty>
      )}
      {d && only && (
        <p class="lead">
          {t(`source.only_${show}`)} <a href="/sources">{t('source.show_all')}</a>
        </p>
      )}
      {items.length > 0 && <Table items={items} />}
      {only && d && items.length === 0 && <p class="soft">{t('source.none_so')}</p>}
      <Tokens names={(d?.items ?? []).filter((s) => s.kind === 'http').map((s) => s.name)} />
      <ExportPanel names={(d?.items ?? []).map((s) => s.name)} />
      <CopyPanel />
      {node.value && <NodePanel s={node.value} />}
    </div>
  );
}
