// SPDX-License-Identifier: EUPL-1.2
// The panels of a record's page (panels.ts says which), each drawn from the record, its chain, or lists of what names it. A figure opens the list
// that it counted. Loaded when a page has any.
import { DAY } from '../base/format';
import { t, tn } from '../base/i18n';
import { Slow } from '../base/parts';
import { useResource } from '../share/parts';
import { ChainPanel } from './chainpanel';
import { kinds, label, rightOn } from './kinds';
import { Masked } from './masked';
import { recordPath } from './move';
import { Paper } from './paper';
import { PANELS, type Panel } from './panels';
import type { Chain } from './picture';
import { Related } from './related';
import { Scale } from './scale';
import type { Kind, RecordRow } from './types';
import { day, Shown } from './value';

interface Props {
  kind: Kind;
  record: RecordRow;
}
const visibleField = (kind: Kind, n: string): boolean => n in (kind.schema.properties ?? {}) && rightOn(kind, n) !== 'hidden';

function FieldsPanel({ kind, record, title, fields }: Props & { title: string; fields: readonly string[] }) {
  const here = fields.filter((n) => visibleField(kind, n));
  if (here.length === 0) return null;
  const id = `p-${title}`;
  return (
    <section class="panel" aria-labelledby={id}>
      <h2 id={id}>{t(title)}</h2>
      <dl class="kv reg-fields">
        {here.map((n) => {
          const s = kind.schema.properties?.[n] ?? {};
          return (
            <div key={n}>
              <dt>{label(kind, n, s)}</dt>
              <dd>{record.masked.includes(n) ? <Masked /> : record.fields[n] === undefined ? <span class="quiet">{t('reg.empty')}</span> : <Shown kind={kind} path={n} value={record.fields[n]} schema={s} links={record.links} />}</dd>
            </div>
          );
        })}
      </dl>
    </section>
  );
}

/** Days from today, by the calendar of the reader; null where it is none. */
export function daysUntil(iso: string, now = Date.now()): number | null {
  const m = /^(\d{4})-(\d\d)-(\d\d)/.exec(iso);
  if (!m) return null;
  const today = new Date(now);
  return Math.round((Date.UTC(Number(m[1]), Number(m[2]) - 1, Number(m[3])) - Date.UTC(today.getFullYear(), today.getMonth(), today.getDate())) / DAY);
}
export function inDays(n: number): string {
  return n === 0 ? t('reg.today') : n > 0 ? tn('reg.in_days', n) : tn('reg.days_ago', -n);
}

function DaysPanel({ kind, record, title, fields }: Props & { title: string; fields: readonly string[] }) {
  const here = fields.filter((n) => visibleField(kind, n));
  if (here.length === 0) return null;
  return (
    <section class="panel" aria-labelledby={`p-${title}`}>
      <h2 id={`p-${title}`}>{t(title)}</h2>
      <dl class="reg-days">
        {here.map((n) => {
          const v = record.fields[n];
          const left = typeof v === 'string' ? daysUntil(v) : null;
          return (
            <div key={n}>
              <dt>{label(kind, n, kind.schema.properties?.[n])}</dt>
              {typeof v === 'string' && left !== null ? (
                <dd>
                  <strong>{inDays(left)}</strong>
                  <time class="soft" dateTime={v}>
                    {day(v)}
                  </time>
                </dd>
              ) : (
                <dd class="quiet">{record.masked.includes(n) ? <Masked /> : t('reg.empty')}</dd>
              )}
            </div>
          );
        })}
      </dl>
    </section>
  );
}

function Chained({ kind, record }: Props) {
  const base = `${recordPath(kind, record.id)}/chain`;
  const up = useResource<Chain>(base).data.value;
  const down = useResource<Chain>(`${base}?direction=down`).data.value;
  return up && down ? <ChainPanel kind={kind} id={record.id} up={up} down={down} /> : <Slow text={t('reg.reading')} />;
}

function One({ panel, kind, record }: Props & { panel: Panel }) {
  switch (panel.is) {
    case 'chain':
      return <Chained kind={kind} record={record} />;
    case 'related': {
      const of = kinds.value?.items.find((k) => k.name === panel.kind);
      return of ? <Related of={of} panel={panel} record={record} /> : null;
    }
    case 'fields':
      return panel.states && !panel.states.includes(record.state) ? null : <FieldsPanel kind={kind} record={record} title={panel.title} fields={panel.fields} />;
    case 'scale':
      return <Scale kind={kind} record={record} now={panel.now} then={panel.then} />;
    case 'days':
      return <DaysPanel kind={kind} record={record} title={panel.title} fields={panel.fields} />;
    case 'paper':
      return <Paper kind={kind} record={record} />;
  }
}

export default function PanelSet({ kind, record }: Props) {
  return (
    <div class="reg-panels">
      {(PANELS[kind.name] ?? []).map((p, i) => (
        <One key={`${p.is}${i}`} panel={p} kind={kind} record={record} />
      ))}
    </div>
  );
}
