// SPDX-License-Identifier: EUPL-1.2
// The controls of a form, one for each shape that a field of the dialect can have. Each has its label, its help and its faults
// bound to it; what may stay empty says so.
import type { ComponentChildren } from 'preact';
import { drawn } from '../base/drawn';
import { t } from '../base/i18n';
import { visibleLine } from '../base/visible';
import type { Fault } from '../base/api';
import { choice, help, label } from './kinds';
import { Picker } from './links';
import { follow, shapeOf, type Draft } from './model';
import { faultText } from './move';
import type { Kind, Schema } from './types';

const RADIOS_MAX = 5;
const TEXT_ROWS = 4;

export interface FormState {
  kind: Kind;
  faults: Map<string, Fault[]>;
}
interface Props {
  form: FormState;
  /** As in a fault: "legal_ids/0/kind". */
  place: string;
  /** As in the words: "legal_ids.kind". */
  path: string;
  schema: Schema;
  needed: boolean;
  /** A note beside the label: what this is needed for. */
  mark?: string;
  value: Draft;
  onChange: (v: Draft) => void;
}

export const idOf = (place: string): string => `f-${place.replace(/[^A-Za-z0-9_]/g, '-')}`;

/** The faults of a place, and of those inside of it that no control of their own shows. */
function faultsOf(form: FormState, place: string, whole: boolean): Fault[] {
  const own = form.faults.get(place) ?? [];
  if (!whole) return own;
  return [...own, ...[...form.faults].filter(([p]) => p.startsWith(`${place}/`)).flatMap(([, f]) => f)];
}

interface ShellProps extends Props {
  group?: boolean;
  whole?: boolean;
  /** What the control takes, where the schema says it: "1 to 5". */
  limits?: string;
  children: (id: string, described: string | undefined, invalid: true | undefined) => ComponentChildren;
}
function Shell(p: ShellProps) {
  const { kind } = p.form;
  const id = idOf(p.place);
  const faults = faultsOf(p.form, p.place, p.whole === true);
  const hint = [help(kind, p.path, p.schema), p.limits].filter(Boolean).join(' ');
  const described = [faults.length > 0 && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(' ') || undefined;
  const name = (
    <>
      {label(kind, p.path, p.schema)} {!p.needed && <span class="hint">{t('reg.optional')}</span>}
      {p.mark && <span class="reg-mark">{p.mark}</span>}
    </>
  );
  const inside = (
    <>
      {hint && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {faults.length > 0 && (
        <div class="error" id={`${id}-error`}>
          {faults.map((f) => (
            <p key={f.where + f.reason}>{faultText(f.reason, f.message)}</p>
          ))}
        </div>
      )}
      {p.children(id, described, faults.length > 0 ? true : undefined)}
    </>
  );
  const cls = faults.length > 0 ? 'field wrong' : 'field';
  if (p.group) {
    return (
      <fieldset class={cls} id={id} tabIndex={-1} aria-describedby={described}>
        <legend>{name}</legend>
        {inside}
      </fieldset>
    );
  }
  return (
    <div class={cls}>
      <label for={id}>{name}</label>
      {inside}
    </div>
  );
}

function Radios({ p, words, flat }: { p: Props; words: { value: string; text: string }[]; flat?: boolean }) {
  const all = p.needed ? words : [{ value: '', text: t('reg.not_said') }, ...words];
  const id = idOf(p.place);
  return (
    <div class={flat ? 'pick reg-flat' : 'pick reg-pick'}>
      {all.map((w) => (
        <label key={w.value}>
          <input type="radio" name={id} value={w.value} checked={p.value === w.value} aria-required={undefined} onChange={() => p.onChange(w.value)} />
          <span class="pick-word">{w.text}</span>
        </label>
      ))}
    </div>
  );
}

const range = (s: Schema): string | undefined => {
  const { minimum: a, maximum: b } = s;
  if (a !== undefined && b !== undefined) return t('reg.range', { a, b });
  if (a !== undefined) return t('reg.at_least', { n: a });
  return b !== undefined ? t('reg.at_most', { n: b }) : undefined;
};

function Line(p: Props & { type: string; mode?: 'numeric' | 'decimal' | 'email' | 'url'; limits?: string }) {
  return (
    <Shell {...p} group={false}>
      {(id, described, invalid) => (
        <input id={id} type={p.type} inputMode={p.mode} class={p.type === 'text' && !p.mode ? undefined : 'reg-short'} maxLength={p.type === 'text' ? p.schema.maxLength : undefined} autocomplete="off"
          aria-required={p.needed} aria-invalid={invalid} aria-describedby={described} value={p.value as string} onInput={(e) => p.onChange(e.currentTarget.value)} />
      )}
    </Shell>
  );
}

function Area(p: Props & { rows: number; mono?: boolean; whole?: boolean; limits?: string }) {
  return (
    <Shell {...p}>
      {(id, described, invalid) => (
        <textarea id={id} rows={p.rows} class={p.mono ? 'mono' : undefined} maxLength={shapeMax(p)} aria-required={p.needed} aria-invalid={invalid} aria-describedby={described}
          value={p.value as string} onInput={(e) => p.onChange(e.currentTarget.value)} />
      )}
    </Shell>
  );
}
const shapeMax = (p: Props): number | undefined => (typeof p.schema.maxLength === 'number' ? p.schema.maxLength : undefined);

function Select(p: Props & { words: { value: string; text: string }[] }) {
  return (
    <Shell {...p}>
      {(id, described, invalid) => (
        <select id={id} class="reg-short" aria-required={p.needed} aria-invalid={invalid} aria-describedby={described} value={p.value as string} onChange={(e) => p.onChange(e.currentTarget.value)}>
          <option value="">{t(p.needed ? 'reg.choose' : 'reg.not_said')}</option>
          {p.words.map((w) => (
            <option key={w.value} value={w.value}>
              {w.text}
            </option>
          ))}
        </select>
      )}
    </Shell>
  );
}

function Checks({ p, words }: { p: Props; words: { value: string; text: string }[] }) {
  const now = p.value as string[];
  return (
    <Shell {...p} group whole>
      {() => (
        <div class="reg-checks">
          {words.map((w) => (
            <label key={w.value} class="check">
              <input type="checkbox" checked={now.includes(w.value)} onChange={(e) => p.onChange(e.currentTarget.checked ? [...now, w.value] : now.filter((x) => x !== w.value))} />
              <span>{w.text}</span>
            </label>
          ))}
        </div>
      )}
    </Shell>
  );
}

function Members({ p, schema, value, place, onChange }: { p: Props; schema: Schema; value: Record<string, Draft>; place: string; onChange: (v: Record<string, Draft>) => void }) {
  return (
    <>
      {Object.entries(schema.properties ?? {}).map(([n, s]) => (
        <Control key={n} form={p.form} place={`${place}/${n}`} path={`${p.path}.${n}`} schema={follow(s, p.form.kind.schema)} needed={schema.required?.includes(n) ?? false}
          value={value[n] ?? ''} onChange={(v) => onChange({ ...value, [n]: v })} />
      ))}
    </>
  );
}

function RowsOf(p: Props) {
  const rows = p.value as Record<string, Draft>[];
  const of = follow(p.schema.items as Schema, p.form.kind.schema);
  const id = idOf(p.place);
  const empty = (): Record<string, Draft> => Object.fromEntries(Object.entries(of.properties ?? {}).map(([n, s]) => [n, ['choices', 'rows'].includes(shapeOf(follow(s, p.form.kind.schema), p.form.kind.schema)) ? [] : '']));
  const name = label(p.form.kind, p.path, p.schema);
  return (
    <Shell {...p} group>
      {() => (
        <>
          {rows.map((r, i) => (
            <fieldset key={i} class="reg-row" id={`${id}-${i}`}>
              <legend>{t('reg.entry', { name, n: i + 1 })}</legend>
              <Members p={p} schema={of} value={r} place={`${p.place}/${i}`} onChange={(v) => p.onChange(rows.map((x, j) => (j === i ? v : x)))} />
              <button class="btn small" type="button" onClick={() => {
                  p.onChange(rows.filter((_, j) => j !== i));
                  document.getElementById(`${id}-add`)?.focus();
                }}>
                {t('reg.remove')} <span class="hide">{t('reg.entry', { name, n: i + 1 })}</span>
              </button>
            </fieldset>
          ))}
          <button class="btn small" id={`${id}-add`} type="button" disabled={p.schema.maxItems !== undefined && rows.length >= p.schema.maxItems} onClick={() => {
              p.onChange([...rows, empty()]);
              // The new entry's first field, once it is drawn.
              drawn(() => document.querySelector<HTMLElement>(`#${id}-${rows.length} :is(input, select, textarea)`)?.focus());
            }}>
            {t('reg.add', { name })}
          </button>
        </>
      )}
    </Shell>
  );
}

export function Control(p: Props) {
  const { kind } = p.form;
  const s = p.schema;
  switch (shapeOf(s, kind.schema)) {
    case 'choice': {
      const words = (s.enum as string[]).map((v) => ({ value: v, text: choice(kind, p.path, v) }));
      return words.length <= RADIOS_MAX ? <Shell {...p} group>{() => <Radios p={p} words={words} />}</Shell> : <Select {...p} words={words} />;
    }
    case 'scale': {
      const [a, b] = [s.minimum as number, s.maximum as number];
      const words = Array.from({ length: b - a + 1 }, (_, i) => ({ value: String(a + i), text: String(a + i) }));
      return <Shell {...p} group>{() => <Radios p={p} words={words} flat />}</Shell>;
    }
    case 'yes':
      return <Shell {...p} group>{() => <Radios p={p} flat words={[{ value: 'true', text: t('reg.yes') }, { value: 'false', text: t('reg.no') }]} />}</Shell>;
    case 'number':
      return <Line {...p} type="text" mode={s.type === 'integer' ? 'numeric' : 'decimal'} limits={range(s)} />;
    case 'date':
      return <Line {...p} type="date" />;
    case 'time':
      return <Line {...p} type="datetime-local" />;
    case 'text':
      return <Area {...p} rows={TEXT_ROWS} />;
    case 'lines':
      return <Area {...p} schema={{ ...s, maxLength: undefined }} rows={TEXT_ROWS - 1} whole limits={t('reg.one_a_line')} />;
    case 'choices': {
      const of = follow(s.items as Schema, kind.schema);
      return <Checks p={p} words={(of.enum as string[]).map((v) => ({ value: v, text: choice(kind, p.path, v) }))} />;
    }
    case 'ref':
    case 'refs': {
      const many = Array.isArray(p.value);
      return (
        <Shell {...p} group whole>
          {(id, described, invalid) => (
            <Picker id={`${id}-find`} name={label(kind, p.path, s)} schema={s} many={many} described={described} invalid={invalid} value={many ? (p.value as string[]) : p.value ? [p.value as string] : []}
              onChange={(ids) => p.onChange(many ? ids : (ids[0] ?? ''))} />
          )}
        </Shell>
      );
    }
    case 'rows':
      return <RowsOf {...p} />;
    case 'group':
      return (
        <Shell {...p} group>
          {() => (
            <div class="reg-row">
              <Members p={p} schema={s} value={p.value as Record<string, Draft>} place={p.place} onChange={p.onChange} />
            </div>
          )}
        </Shell>
      );
    case 'raw':
      return <Area {...p} rows={TEXT_ROWS} mono whole limits={t('reg.raw')} />;
    default:
      return <Line {...p} type="text" mode={s.format === 'email' ? 'email' : s.format === 'uri' ? 'url' : undefined} />;
  }
}

/** Faults that belong to no control on the page. */
export const loose = (form: FormState, places: readonly string[]): { place: string; text: string }[] =>
  [...form.faults]
    .filter(([p]) => !places.some((x) => p === x || p.startsWith(`${x}/`)))
    .flatMap(([place, f]) => f.map((x) => ({ place, text: visibleLine(x.message) })));
