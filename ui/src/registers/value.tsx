// SPDX-License-Identifier: EUPL-1.2
// A value of a record, as people read it: words of a list as words, days as days, texts as text and nothing else.
import { clock, exact, parseTime } from '../base/format';
import { formatExact, t } from '../base/i18n';
import { Severity } from '../base/parts';
import { LEVELS, type Level } from '../base/types';
import { visible, visibleLine } from '../base/visible';
import { choice, isFinal, label, stateWord } from './kinds';
import { Linked, nameOfRecord } from './links';
import { follow, shapeOf, typeOf } from './model';
import type { Kind, RecordLink, Schema, Value } from './types';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** The clock of a day would shift it where the day has begun elsewhere: noon of that day is the same day in every zone but one. */
export const day = (iso: string): string => {
  const ms = parseTime(/^\d{4}-\d\d-\d\d$/.test(iso) ? `${iso}T12:00:00` : iso);
  return ms === null ? iso : clock(ms).date;
};

/** As one line of text: for cells, conflicts and what is read out. */
export function plain(k: Kind, path: string, v: Value | undefined, s: Schema): string {
  if (v === undefined || v === null) return t('reg.empty');
  const of = follow(s, k.schema);
  if (typeof v === 'number') return formatExact(v, of.maximum);
  if (typeof v === 'boolean') return t(v ? 'reg.yes' : 'reg.no');
  if (Array.isArray(v)) return v.length ? v.map((x) => plain(k, path, x, of['x-ref'] ? { 'x-ref': of['x-ref'] } : (of.items ?? {}))).join('; ') : t('reg.empty');
  if (typeof v === 'object') return Object.entries(v).map(([n, x]) => plain(k, `${path}.${n}`, x, of.properties?.[n] ?? {})).join(', ');
  if (typeof v === 'string' && of['x-ref']) return visibleLine(nameOfRecord(v));
  if (typeof v === 'string' && of.enum) return choice(k, path, v);
  if (typeof v === 'string' && of.format === 'date') return day(v);
  if (typeof v === 'string' && of.format === 'date-time') {
    const ms = parseTime(v);
    return ms === null ? visibleLine(v) : exact(ms);
  }
  return visibleLine(String(v));
}

/** The words of severity keep their bars; other words are words. */
const isLevels = (s: Schema): boolean => Boolean(s.enum?.length && s.enum.every((v) => LEVELS.includes(v as Level)));

export function Shown({ kind, path, value, schema, cell, links }: { kind: Kind; path: string; value: Value | undefined; schema: Schema; cell?: boolean; links?: readonly RecordLink[] }) {
  const s = follow(schema, kind.schema);
  if (value === undefined || value === null) return cell ? (
      <span class="quiet">
        <span aria-hidden="true">–</span>
        <span class="hide">{t('reg.empty')}</span>
      </span>
    ) : null;
  if (s['x-ref'] && !cell) return <Linked links={(links ?? []).filter((l) => l.field === path)} />;
  if (typeof value === 'string' && isLevels(s)) return <Severity level={value as Level} />;
  if (cell) return <>{plain(kind, path, value, s)}</>;
  switch (shapeOf(s, kind.schema)) {
    case 'text':
      return <p class="reg-text">{visible(String(value))}</p>;
    case 'lines':
    case 'choices':
      return (
        <ul class="reg-words">
          {(value as Value[]).map((v) => (
            <li key={String(v)} class="chip">
              {plain(kind, path, v, s.items ?? {})}
            </li>
          ))}
        </ul>
      );
    case 'rows':
      return <Rows kind={kind} path={path} rows={value as Record<string, Value>[]} schema={follow(s.items as Schema, kind.schema)} />;
    case 'group':
      return <Rows kind={kind} path={path} rows={[value as Record<string, Value>]} schema={s} />;
    case 'raw':
      return <pre class="reg-raw">{visible(JSON.stringify(value, null, 2))}</pre>;
    default:
      if (typeof value === 'string' && s.format === 'uuid' && UUID.test(value)) {
        return (
          <a href={`/registers/${kind.plural}/${value}`}>
            <code>{value}</code>
          </a>
        );
      }
      return <>{plain(kind, path, value, s)}</>;
  }
}

function Rows({ kind, path, rows, schema }: { kind: Kind; path: string; rows: Record<string, Value>[]; schema: Schema }) {
  const names = Object.keys(schema.properties ?? {});
  const heading = label(kind, path);
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={heading}>
      <table class="plain reg-rows">
        <caption class="hide">{heading}</caption>
        <thead>
          <tr>
            {names.map((n) => (
              <th key={n} scope="col">
                {label(kind, `${path}.${n}`, schema.properties?.[n])}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((r, i) => (
            <tr key={i}>
              {names.map((n) => (
                <td key={n}>{r[n] === undefined ? '' : plain(kind, `${path}.${n}`, r[n], schema.properties?.[n] ?? {})}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A state in a shape and a word: a ring where records begin, a disc where they end, half a disc between. */
export function StateChip({ kind, state }: { kind: Kind; state: string }) {
  const look = isFinal(kind, state) ? 'is-closed' : state === kind.schema['x-states'].initial ? 'is-new' : 'is-ack';
  return <span class={`chip ${look}`}>{stateWord(kind, state)}</span>;
}

export const isNumber = (s: Schema | undefined): boolean => s !== undefined && (typeOf(s) === 'integer' || typeOf(s) === 'number');
