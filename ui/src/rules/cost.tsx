// SPDX-License-Identifier: EUPL-1.2
// What each rule costs this node, most first: events of its kind, those on which it was tried, matches, time. What was stopped
// for its cost stands above, each with the reason and how it is set going again. The order is in the address.
import { useSignal, useSignalEffect } from '@preact/signals';
import { writeFilter } from '../alerts/filter';
import { get, nodeNow, query as ask } from '../base/api';
import { ago, bytes, parseTime, spent } from '../base/format';
import { formatNumber, t, tn } from '../base/i18n';
import { Empty, Problem, Severity, Slow } from '../base/parts';
import { problem } from '../base/problem';
import type { RuleCost } from '../base/types';
import { visibleLine } from '../base/visible';
import { alertsUrl } from '../state/place';

/** What the node tells at once, and how many rows are shown at first. */
const TOLD = 1000;
const SHOWN = 100;

const ORDERS = ['events', 'candidates', 'hits', 'ns'] as const;
export type CostOrder = (typeof ORDERS)[number];
/** The order that an address asks for; null: it does not ask for costs. */
export const costOrder = (by: string | undefined): CostOrder | null =>
  by === undefined ? null : (ORDERS.find((o) => o === by) ?? 'ns');

const hitsOf = (id: string): string =>
  alertsUrl(null, writeFilter({ status: 'all', levels: [], host: null, rule: id, words: [] }));

function Head({ by, now, cls }: { by: CostOrder; now: CostOrder; cls: string }) {
  return (
    <th scope="col" class={cls} aria-sort={by === now ? 'descending' : undefined}>
      <a class="fig" href={`/rules${ask({ by })}`} aria-label={t(`cost.by_${by}`)} title={t(`cost.by_${by}`)}>
        {t(`cost.${by}`)}
        {by === now && <span aria-hidden="true"> ↓</span>}
      </a>
    </th>
  );
}

function Row({ r }: { r: RuleCost }) {
  return (
    <tr>
      <td class="c-logs">
        <Severity level={r.level} />
      </td>
      <th scope="row">
        <a class="fig" href={`/rules${ask({ q: r.title })}`}>
          {visibleLine(r.title)}
        </a>{' '}
        {r.stopped && <span class="chip is-off">{t('cost.stopped_chip')}</span>}
        <span class="sub">
          <code>{visibleLine(r.file)}</code>
          {r.state_bytes > 0 && ` · ${tn('cost.windows', r.windows)}, ${bytes(r.state_bytes)}`}
          {r.evicted > 0 && ` · ${tn('cost.evicted', r.evicted)}`}
        </span>
      </th>
      <td class="num c-tried">{formatNumber(r.events)}</td>
      <td class="num c-tried">{formatNumber(r.candidates)}</td>
      <td class="num">
        {r.hits > 0 ? (
          <a class="fig" href={hitsOf(r.id)}>
            {formatNumber(r.hits)}
            <span class="hide"> {t('rules.hits_of', { title: visibleLine(r.title) })}</span>
          </a>
        ) : (
          0
        )}
      </td>
      <td class="num">
        {spent(r.ns)}
        {r.candidates > 0 && r.ns > 0 && <span class="sub">{t('cost.each', { time: spent(r.ns / r.candidates) })}</span>}
      </td>
    </tr>
  );
}

function Stopped({ list }: { list: RuleCost[] }) {
  if (!list.length) return null;
  return (
    <section class="panel" aria-labelledby="stopped-h">
      <div class="head">
        <h2 id="stopped-h">{tn('cost.stopped', list.length)}</h2>
        <span class="soft">{t('cost.stopped_lead')}</span>
      </div>
      <ul class="rows stack stopped">
        {list.map((r) => (
          <li key={r.hash}>
            <strong>{visibleLine(r.title)}</strong>
            <span>
              {r.reason && visibleLine(r.reason)}
              <span class="quiet"> {ago(parseTime(r.stopped) ?? nodeNow(), nodeNow())}</span>
            </span>
            <code>sereno rules resume {visibleLine(r.id)}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function CostView({ by }: { by: CostOrder }) {
  const items = useSignal<RuleCost[] | null>(null);
  const order = useSignal(by);
  const shown = useSignal(SHOWN);
  const wrong = useSignal<string | null>(null);
  const again = useSignal(0);
  if (order.value !== by) order.value = by;

  useSignalEffect(() => {
    void again.value;
    const abort = new AbortController();
    get<{ items: RuleCost[] }>(`/rules/costs${ask({ sort: order.value, limit: TOLD })}`, abort.signal).then(
      (p) => {
        items.value = p.items;
        wrong.value = null;
      },
      (err: unknown) => {
        if (!(err instanceof DOMException)) wrong.value = problem(err);
      },
    );
    return () => abort.abort();
  });

  const list = items.value;
  if (wrong.value) return <Problem text={wrong.value} onAgain={() => (again.value += 1)} />;
  if (list === null) return <Slow text={t('cost.reading')} />;
  if (list.length === 0) {
    return (
      <Empty title={t('cost.none')}>
        <p>{t('cost.none_text')}</p>
      </Empty>
    );
  }
  return (
    <>
      <Stopped list={list.filter((r) => r.stopped !== null)} />
      <p class="soft">{t('cost.lead')}</p>
      <div class="scroll" tabIndex={0} role="group" aria-label={t('cost.table')}>
        <table class="plain rules costs">
          <caption class="hide">{t('cost.table')}</caption>
          <thead>
            <tr>
              <th scope="col" class="c-logs">
                {t('col.severity')}
              </th>
              <th scope="col">{t('col.rule')}</th>
              {ORDERS.map((o) => (
                <Head key={o} by={o} now={by} cls={o === 'events' || o === 'candidates' ? 'num c-tried' : 'num'} />
              ))}
            </tr>
          </thead>
          <tbody>
            {list.slice(0, shown.value).map((r) => (
              <Row key={r.hash} r={r} />
            ))}
          </tbody>
        </table>
      </div>
      {list.length > shown.value && (
        <p class="older">
          <button class="btn" type="button" onClick={() => (shown.value += SHOWN)}>
            {t('rules.more')}
          </button>
        </p>
      )}
    </>
  );
}
