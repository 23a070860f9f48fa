// SPDX-License-Identifier: EUPL-1.2
// All registers: what each is for, how many records wait in it, and the files that could not be used, with line and reason.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get } from '../base/api';
import { formatNumber, t, tn } from '../base/i18n';
import { part } from '../base/part';
import { Empty } from '../base/parts';
import { visibleLine } from '../base/visible';
import { useArrival } from './arrive';
import { DueList } from './due';
import { kindHelp, kinds, kindTitle, stateWord, switches } from './kinds';
import { listUrl } from './list';
import type { Kind, RecordPage } from './types';

const Settings = part(() => import('./settings'), 'reg.reading');

/** Records by state, each count a link to what it counted. States that hold nothing are not shown. */
function Counts({ kind }: { kind: Kind }) {
  const counts = useSignal<{ state: string; n: number; more: boolean }[] | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    void Promise.all(
      kind.schema['x-states'].list.map((s) =>
        get<RecordPage>(`/registers/${kind.plural}?state=${encodeURIComponent(s.id)}&limit=1`, abort.signal).then((p) => ({ state: s.id, n: p.count, more: p.uncounted })),
      ),
    ).then(
      (all) => (counts.value = all.filter((c) => c.n > 0)),
      () => undefined,
    );
    return () => abort.abort();
  }, [kind.plural]);
  if (!counts.value) return null;
  if (!counts.value.length) return <p class="soft">{t('reg.none')}</p>;
  return (
    <ul class="reg-counts">
      {counts.value.map((c) => (
        <li key={c.state}>
          <a class="fig" href={listUrl(kind, { state: c.state })}>
            {c.more ? '>' : ''}
            {formatNumber(c.n)} {stateWord(kind, c.state)}
          </a>
        </li>
      ))}
    </ul>
  );
}

export function HomePage() {
  const all = kinds.value;
  useArrival(t('nav.registers'), all !== null);
  if (!all) return null;
  return (
    <div class="page reg">
      <div class="head">
        <h1 tabIndex={-1}>{t('nav.registers')}</h1>
        <p class="lead">{t('reg.lead')}</p>
        {/* A page of the node, without script: _top leads past the router. */}
        <a class="btn" href="/brief" target="_top">
          {t('reg.brief')}
        </a>
      </div>
      {all.items.length === 0 && (
        <Empty title={t('reg.no_kinds')}>
          <p>{t('reg.no_kinds_text')}</p>
        </Empty>
      )}
      {all.items.some((k) => k.schema['x-due']?.length) && (
        <section class="panel" aria-labelledby="due-h">
          <h2 id="due-h">{t('reg.due_next')}</h2>
          <DueList few={5} />
        </section>
      )}
      <ul class="reg-kinds">
        {all.items.map((k) => (
          <li key={k.plural} class="panel">
            <h2>
              <a href={`/registers/${k.plural}`}>{kindTitle(k)}</a>
            </h2>
            {kindHelp(k) && <p class="soft">{kindHelp(k)}</p>}
            <Counts kind={k} />
          </li>
        ))}
      </ul>
      {switches.value && <Settings />}
      {all.refused.length > 0 && (
        <section class="panel" aria-labelledby="refused-h">
          <h2 id="refused-h">{tn('reg.refused', all.refused.length)}</h2>
          <ul class="rows stack">
            {all.refused.map((r) => (
              <li key={r.file}>
                <code>
                  {visibleLine(r.file)}
                  {r.line > 0 && <span class="quiet">:{r.line}</span>}
                </code>
                <span>{visibleLine(r.why)}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}
