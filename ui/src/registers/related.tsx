// SPDX-License-Identifier: EUPL-1.2
// Records of another kind that name this one: how many in each state, each figure the list of those, and the ones that are not ended in a table.
import { formatNumber, t } from '../base/i18n';
import { Problem, Slow } from '../base/parts';
import { query as ask } from '../base/api';
import { useResource } from '../share/parts';
import { isFinal, kindTitle, label, rightOn, stateWord } from './kinds';
import { listUrl, titleOf } from './list';
import { Masked } from './masked';
import type { Panel } from './panels';
import type { Kind, RecordPage, RecordRow } from './types';
import { Shown, StateChip } from './value';

const MOST = 200; // records that are read, as lists have at most on a page
const ROWS = 12; // of those, in the table

export function Related({ of, panel, record }: { of: Kind; panel: Extract<Panel, { is: 'related' }>; record: RecordRow }) {
  const { data, wrong, again } = useResource<RecordPage>(rightOn(of, panel.by) === 'hidden' ? null : `/registers/${of.plural}${ask({ [panel.by]: record.id, sort: panel.sort, limit: MOST })}`);
  const page = data.value;
  const id = `p-${of.plural}-${panel.by}`;
  if (rightOn(of, panel.by) === 'hidden') return null;
  const all = page?.items ?? [];
  const open = all.filter((r) => !isFinal(of, r.state));
  const columns = panel.columns.filter((n) => n in (of.schema.properties ?? {}) && rightOn(of, n) !== 'hidden');
  const filters = [{ field: panel.by, how: 'is' as const, value: record.id }];
  return (
    <section class="panel" aria-labelledby={id}>
      <div class="reg-head">
        <h2 id={id}>{kindTitle(of)}</h2>
        <a href={listUrl(of, { filters })}>
          {t('reg.all')}
          <span class="hide">: {kindTitle(of)}</span>
        </a>
      </div>
      {wrong.value ? <Problem text={wrong.value} onAgain={again} /> : !page && <Slow text={t('reg.reading')} />}
      {page?.next && <p class="soft">{t('reg.first_of', { n: all.length })}</p>}
      {page && !page.next && all.length > 0 && (
        <p class="reg-counts">
          {of.schema['x-states'].list.map((s) => {
            const n = all.filter((r) => r.state === s.id).length;
            return n === 0 ? null : (
              <a key={s.id} class="fig" href={listUrl(of, { state: s.id, filters })}>
                {formatNumber(n)} {stateWord(of, s.id)}
              </a>
            );
          })}
        </p>
      )}
      {page && open.length === 0 && <p class="soft">{t(all.length ? 'reg.none_open' : 'reg.none_names')}</p>}
      {open.length > 0 && (
        <div class="scroll" tabIndex={0} role="group" aria-labelledby={id}>
          <table class="plain reg-rows">
            <thead>
              <tr>
                <th scope="col">{label(of, of.schema['x-table'].title, of.schema.properties?.[of.schema['x-table'].title])}</th>
                <th scope="col">{t('reg.state')}</th>
                {columns.map((n) => (
                  <th key={n} scope="col">
                    {label(of, n, of.schema.properties?.[n])}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {open.slice(0, ROWS).map((r) => (
                <tr key={r.id}>
                  <th scope="row">
                    <a href={`/registers/${of.plural}/${r.id}`}>{titleOf(of, r)}</a>
                  </th>
                  <td>
                    <StateChip kind={of} state={r.state} />
                  </td>
                  {columns.map((n) => (
                    <td key={n}>
                      {r.masked.includes(n) ? <Masked /> : <Shown kind={of} path={n} value={r.fields[n]} schema={of.schema.properties?.[n] ?? {}} cell />}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {open.length > ROWS && (
        <a href={listUrl(of, { filters })}>{t('reg.rest')}</a>
      )}
    </section>
  );
}
