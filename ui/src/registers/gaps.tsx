// SPDX-License-Identifier: EUPL-1.2
// Functions that must be held and that nobody holds: now, and later within 90 days. What the reader may not see, the node leaves out.
import { useEffect } from 'preact/hooks';
import { exact, parseTime } from '../base/format';
import { t } from '../base/i18n';
import { addKeys } from '../base/keys';
import { Empty, Problem, Slow } from '../base/parts';
import { visibleLine } from '../base/visible';
import { useResource } from '../share/parts';
import { go } from '../state/place';
import { useArrival } from './arrive';
import { choice, kindTitle, may } from './kinds';
import type { Kind } from './types';

export const GAPS_API = '/appointments/gaps?days=90';
export interface Gap {
  organisation: string;
  /** Empty: the organisation as a whole. */
  unit: string;
  title: string;
  function: string;
  /** Nobody is appointed; or who is has left, or his account was closed. */
  why: 'nobody' | 'left' | 'closed';
  from: string;
  to: string;
}
export interface Gaps {
  from: string;
  to: string;
  items: Gap[];
  more: boolean;
}
/** Those that begin where the answer begins are there now. */
export const isNow = (d: Gaps, g: Gap): boolean => g.from === d.from;

const at = (iso: string): string => {
  const ms = parseTime(iso);
  return ms === null ? visibleLine(iso) : exact(ms);
};

function Table({ id, kind, d, items }: { id: 'now' | 'later'; kind: Kind; d: Gaps; items: Gap[] }) {
  if (!items.length) return null;
  return (
    <section class="panel" aria-labelledby={`gaps-${id}`}>
      <h2 id={`gaps-${id}`} tabIndex={-1}>
        {t(`gaps.${id}`)}
      </h2>
      <div class="scroll" tabIndex={0} role="group" aria-labelledby={`gaps-${id}`}>
        <table class="plain">
          <caption class="hide">{t(`gaps.${id}`)}</caption>
          <thead>
            <tr>
              <th scope="col">{t('gaps.where')}</th>
              <th scope="col">{t('gaps.function')}</th>
              <th scope="col">{t('gaps.from')}</th>
              <th scope="col">{t('gaps.to')}</th>
            </tr>
          </thead>
          <tbody>
            {items.map((g) => (
              <tr key={`${g.organisation} ${g.unit} ${g.function} ${g.from}`}>
                <th scope="row">
                  {g.unit ? <a href={`/registers/units/${g.unit}`}>{visibleLine(g.title)}</a> : t('gaps.whole')}
                  <span class="sub">{g.organisation === '*' ? t('people.whole_node') : visibleLine(g.organisation)}</span>
                </th>
                <td>
                  {choice(kind, 'function', g.function)}
                  {g.why !== 'nobody' && <span class="sub">{t(`gaps.why_${g.why}`)}</span>}
                </td>
                <td>{isNow(d, g) ? t('gaps.is_now') : at(g.from)}</td>
                <td>{g.to === d.to ? t('gaps.goes_on') : at(g.to)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function GapsPage({ kind }: { kind: Kind }) {
  const { data, wrong, again } = useResource<Gaps>(GAPS_API);
  const d = data.value;
  useArrival(t('gaps.title'), d !== null);
  useEffect(() => addKeys({ back: () => go(`/registers/${kind.plural}`) }), []);
  return (
    <div class="page reg">
      <div class="head">
        <a class="reg-up" href={`/registers/${kind.plural}`}>
          {kindTitle(kind)}
        </a>
        <h1 tabIndex={-1}>{t('gaps.title')}</h1>
        {may(kind, 'create') && (
          <a class="btn main-act tools" href={`/registers/${kind.plural}/new`}>
            {t('gaps.appoint')}
          </a>
        )}
        <p class="lead">{t('gaps.lead')}</p>
      </div>
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!d && !wrong.value && <Slow text={t('reg.reading')} />}
      {d && d.items.length === 0 && (
        <Empty title={t('gaps.none')}>
          <p>
            <a href={`/registers/${kind.plural}`}>{kindTitle(kind)}</a>
          </p>
        </Empty>
      )}
      {d && <Table id="now" kind={kind} d={d} items={d.items.filter((g) => isNow(d, g))} />}
      {d && <Table id="later" kind={kind} d={d} items={d.items.filter((g) => !isNow(d, g))} />}
      {d?.more && <p class="quiet">{t('gaps.more')}</p>}
    </div>
  );
}
