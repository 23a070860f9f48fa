// SPDX-License-Identifier: EUPL-1.2
// Rules: how many watch, which ones with their hits, and each one that could not be loaded with its
// file, line and reason. A refused rule is never hidden behind a count. With ?by= in the address: what each costs (cost.tsx).
import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { writeFilter } from '../alerts/filter';
import { get, query as ask } from '../base/api';
import { formatNumber, t, tn } from '../base/i18n';
import { Empty, Problem, Severity, Slow } from '../base/parts';
import { problem } from '../base/problem';
import type { NodeStatus, Refused, Rule, RulePage } from '../base/types';
import { visibleLine } from '../base/visible';
import { alertsUrl } from '../state/place';
import { CostView, costOrder, type CostOrder } from './cost';

const PAGE = 100;

const hitsOf = (r: Rule): string =>
  writeFilter({ status: 'all', levels: [], host: null, rule: r.id, words: [] });

function RefusedList({ list }: { list: Refused[] }) {
  if (!list.length) return null;
  return (
    <section class="panel" aria-labelledby="refused-h">
      <div class="head">
        <h2 id="refused-h">{tn('rules.refused', list.length)}</h2>
        <span class="soft">{t('rules.refused_lead')}</span>
      </div>
      <ul class="rows stack refused">
        {list.map((r) => (
          <li key={`${r.file}${r.line}`}>
            <code>
              {visibleLine(r.file)}
              {r.line !== null && r.line > 0 && <span class="quiet">:{r.line}</span>}
            </code>
            <span>{visibleLine(r.reason)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Table({ items }: { items: Rule[] }) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('rules.table')}>
      <table class="plain rules">
        <caption class="hide">{t('rules.table')}</caption>
        <thead>
          <tr>
            <th scope="col">{t('col.severity')}</th>
            <th scope="col">{t('col.rule')}</th>
            <th scope="col" class="num c-tried">
              {t('col.tried')}
            </th>
            <th scope="col" class="num">
              {t('col.hits')}
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((r) => (
            <tr key={r.id || r.file}>
              <td>
                <Severity level={r.level} />
              </td>
              <th scope="row">
                {visibleLine(r.title)}
                <span class="sub">
                  <code>{visibleLine(r.file)}</code>
                </span>
              </th>
              <td class="num c-tried">{formatNumber(r.events)}</td>
              <td class="num">
                {r.hits > 0 ? (
                  <a class="fig" href={alertsUrl(null, hitsOf(r))}>
                    {formatNumber(r.hits)}
                    <span class="hide"> {t('rules.hits_of', { title: visibleLine(r.title) })}</span>
                  </a>
                ) : (
                  0
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Views({ by }: { by: CostOrder | null }) {
  return (
    <nav class="tabs" aria-label={t('rules.views')}>
      <a href="/rules" aria-current={by === null ? 'page' : undefined}>
        {t('rules.view_list')}
      </a>
      <a href="/rules?by=ns" aria-current={by === null ? undefined : 'page'}>
        {t('rules.view_cost')}
      </a>
    </nav>
  );
}

export default function RulesPage() {
  const by = costOrder(useLocation().query.by);
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{t('nav.rules')}</h1>
        <Loaded />
      </div>
      <Views by={by} />
      {by === null ? <RuleList /> : <CostView by={by} />}
    </div>
  );
}

function Loaded() {
  const status = useSignal<NodeStatus | null>(null);
  useEffect(() => {
    get<NodeStatus>('/status').then(
      (s) => (status.value = s),
      () => undefined,
    );
  }, []);
  const s = status.value;
  if (!s) return null;
  return (
    <p class="soft">
      {tn('rules.loaded', s.rules.loaded)} {tn('rules.alerting', s.rules.alert)}
    </p>
  );
}

function RuleList() {
  const { query, route } = useLocation();
  const q = useSignal(query.q ?? '');
  const typed = useSignal(q.value);
  const items = useSignal<Rule[]>([]);
  const refused = useSignal<Refused[]>([]);
  const next = useSignal<string | null>(null);
  const wrong = useSignal<string | null>(null);
  const read = useSignal(false);
  const again = useSignal(0);

  useEffect(() => {
    const now = query.q ?? '';
    if (now !== q.value) {
      q.value = now;
      typed.value = now;
    }
  }, [query.q]);
  useSignalEffect(() => {
    void again.value;
    const abort = new AbortController();
    get<RulePage>(`/rules${ask({ q: q.value, limit: PAGE })}`, abort.signal).then(
      (p) => {
        items.value = p.items;
        refused.value = p.refused;
        next.value = p.next ?? null;
        wrong.value = null;
        read.value = true;
      },
      (err: unknown) => {
        if (!(err instanceof DOMException)) wrong.value = problem(err);
      },
    );
    return () => abort.abort();
  });

  const more = async (): Promise<void> => {
    try {
      const p = await get<RulePage>(`/rules${ask({ q: q.value, limit: PAGE, cursor: next.value })}`);
      items.value = [...items.value, ...p.items];
      next.value = p.next ?? null;
    } catch (err) {
      wrong.value = problem(err);
    }
  };
  const search = (text: string): void => {
    typed.value = text;
    q.value = text.trim();
    route(`/rules${ask({ q: text.trim() })}`, true);
  };
  return (
    <>
      <RefusedList list={refused.value} />
      <form class="filter" role="search" onSubmit={(e) => {
          e.preventDefault();
          search(typed.value);
        }}>
        <label class="hide" for="rules-q">
          {t('rules.search')}
        </label>
        <input
          id="rules-q"
          type="search"
          placeholder={t('rules.search_hint')}
          maxLength={200}
          autocomplete="off"
          value={typed.value}
          onInput={(e) => {
            typed.value = e.currentTarget.value;
            // The cross that empties the box acts at once.
            if (!typed.value) search('');
          }}
        />
        <button class="btn" type="submit">
          {t('rules.find')} <kbd>/</kbd>
        </button>
      </form>
      {wrong.value && <Problem text={wrong.value} onAgain={() => (again.value += 1)} />}
      {!read.value && !wrong.value && <Slow text={t('rules.reading')} />}
      {read.value && items.value.length === 0 && (
        <Empty title={q.value ? t('rules.none_found') : t('rules.none')}>
          <p>{q.value ? t('rules.none_found_text') : t('rules.none_text')}</p>
          {q.value && (
            <button class="btn" type="button" onClick={() => search('')}>
              {t('rules.show_all')}
            </button>
          )}
        </Empty>
      )}
      {items.value.length > 0 && <Table items={items.value} />}
      {next.value && (
        <p class="older">
          <button class="btn" type="button" onClick={() => void more()}>
            {t('rules.more')}
          </button>
        </p>
      )}
    </>
  );
}
