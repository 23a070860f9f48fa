// SPDX-License-Identifier: EUPL-1.2
// What a form holds while somebody types (texts, as typed) and what it sends (values of the register's schema), both ways.
// Whether a value fits is the node's to say; what cannot be made into a value goes there as it was typed.
import type { Fault } from '../base/api';
import type { Fields, RegisterSchema, Schema, Transition, Value } from './types';

export type Draft = string | Draft[] | { [name: string]: Draft };
export type Shape = 'line' | 'text' | 'choice' | 'number' | 'scale' | 'yes' | 'date' | 'time' | 'lines' | 'choices' | 'rows' | 'group' | 'ref' | 'refs' | 'raw';

/** Texts longer than this get more than one line; a list of so many numbers is a scale. */
const LINE_MAX = 200;
const SCALE_MAX = 7;
/** Beyond so many digits a number would not come back as it was typed: the node is sent the text and says so. */
const DIGITS_MAX = 15;

/** A schema with its reference followed; one step is enough for what the dialect allows in $defs, more are counted. */
export function follow(s: Schema, root: Schema): Schema {
  let at = s;
  for (let i = 0; i < 8 && at.$ref !== undefined; i += 1) {
    const name = /^#\/\$defs\/(.+)$/.exec(at.$ref)?.[1];
    const next = name === undefined ? undefined : root.$defs?.[name];
    if (!next) return at;
    at = { ...next, ...at, $ref: next.$ref };
  }
  return at;
}

export const typeOf = (s: Schema): string | undefined => (Array.isArray(s.type) ? s.type.find((x) => x !== 'null') : s.type);

export function shapeOf(s: Schema, root: Schema): Shape {
  const type = typeOf(s) ?? (s.enum ? 'string' : undefined);
  if (s['x-ref']) return type === 'array' ? 'refs' : 'ref';
  if (s.enum?.every((v) => typeof v === 'string')) return 'choice';
  switch (type) {
    case 'string':
      if (s.format === 'date') return 'date';
      if (s.format === 'date-time') return 'time';
      return (s.maxLength ?? LINE_MAX + 1) > LINE_MAX && s.format === undefined ? 'text' : 'line';
    case 'integer':
      return s.minimum !== undefined && s.maximum !== undefined && s.maximum - s.minimum < SCALE_MAX && s.maximum > s.minimum ? 'scale' : 'number';
    case 'number':
      return 'number';
    case 'boolean':
      return 'yes';
    case 'array': {
      const of = s.items && follow(s.items, root);
      if (!of) return 'raw';
      if (of.enum?.every((v) => typeof v === 'string')) return 'choices';
      if (typeOf(of) === 'string') return 'lines';
      return typeOf(of) === 'object' && of.properties ? 'rows' : 'raw';
    }
    case 'object':
      return s.properties ? 'group' : 'raw';
    default:
      return 'raw';
  }
}

/** A date and time as the browser's own field writes it, in the reader's zone or in UTC. */
const localTime = (iso: string, utc: boolean): string => {
  const ms = Date.parse(iso);
  if (!Number.isFinite(ms)) return iso;
  return new Date(utc ? ms : ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

export function toDraft(v: Value | undefined, s: Schema, root: Schema, utc = false): Draft {
  const shape = shapeOf(s, root);
  if (shape === 'rows' || shape === 'group') {
    const of = shape === 'rows' ? follow(s.items as Schema, root) : s;
    const one = (x: Value | undefined): Draft => {
      const o = x && typeof x === 'object' && !Array.isArray(x) ? x : {};
      return Object.fromEntries(Object.entries(of.properties ?? {}).map(([n, p]) => [n, toDraft(o[n], follow(p, root), root, utc)]));
    };
    return shape === 'group' ? one(v) : Array.isArray(v) ? v.map(one) : [];
  }
  if (shape === 'choices' || shape === 'refs') return Array.isArray(v) ? v.map(String) : [];
  if (shape === 'lines') return Array.isArray(v) ? v.map(String).join('\n') : '';
  if (v === undefined || v === null) return '';
  if (shape === 'raw') return JSON.stringify(v, null, 2);
  return shape === 'time' ? localTime(String(v), utc) : String(v);
}

function toNumber(text: string): Value {
  const plain = /^[-+]?\d+,\d+$/.test(text) ? text.replace(',', '.') : text;
  const exact = /^[-+]?\d+(\.\d+)?$/.test(plain) && plain.replace(/\D/g, '').replace(/^0+/, '').length <= DIGITS_MAX;
  return exact ? Number(plain) : text;
}

/** What is sent; undefined: nothing was filled in. */
export function toValue(d: Draft | undefined, s: Schema, root: Schema, utc = false): Value | undefined {
  const shape = shapeOf(s, root);
  if (d === undefined) return undefined;
  if (shape === 'rows') {
    const rows = (d as Draft[]).map((x) => toValue(x, { ...follow(s.items as Schema, root), type: 'object' }, root, utc) ?? {});
    return rows.length ? rows : undefined;
  }
  if (shape === 'group') {
    const out: Fields = {};
    for (const [n, p] of Object.entries(s.properties ?? {})) {
      const v = toValue((d as Record<string, Draft>)[n], follow(p, root), root, utc);
      if (v !== undefined) out[n] = v;
    }
    return Object.keys(out).length ? out : undefined;
  }
  if (shape === 'choices' || shape === 'refs') return (d as string[]).length ? (d as string[]) : undefined;
  const text = d as string;
  if (text.trim() === '') return undefined;
  switch (shape) {
    case 'lines':
      return text.split('\n').map((l) => l.trim()).filter(Boolean);
    case 'number':
    case 'scale':
      return toNumber(text.trim());
    case 'yes':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'time': {
      const ms = Date.parse(utc && /^[\d-]+T[\d:]+$/.test(text) ? `${text}Z` : text);
      return Number.isFinite(ms) ? new Date(ms).toISOString().replace('.000Z', 'Z') : text;
    }
    case 'raw':
      try {
        return JSON.parse(text) as Value;
      } catch {
        return text;
      }
    case 'text':
      return text.replace(/\r\n/g, '\n').trimEnd();
    default:
      return text.trim();
  }
}

export type Drafts = Record<string, Draft>;
export const toDrafts = (fields: Fields, root: RegisterSchema, utc = false): Drafts =>
  Object.fromEntries(Object.entries(root.properties ?? {}).map(([n, p]) => [n, toDraft(fields[n], follow(p, root), root, utc)]));
export function toFields(d: Drafts, root: RegisterSchema, writes: (name: string) => boolean, utc = false): Fields {
  const out: Fields = {};
  for (const [n, p] of Object.entries(root.properties ?? {})) {
    const v = writes(n) ? toValue(d[n], follow(p, root), root, utc) : undefined;
    if (v !== undefined) out[n] = v;
  }
  return out;
}

/** Two values of JSON that say the same, whatever the order of members. */
export function same(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [x, y] = [a as Record<string, Value>, b as Record<string, Value>];
  const names = Object.keys(x);
  return names.length === Object.keys(y).length && names.every((n) => n in y && same(x[n], y[n]));
}

export interface Clash {
  name: string;
  base: Value | undefined;
  theirs: Value | undefined;
  mine: Value | undefined;
  /** Both changed it, differently: somebody has to choose. */
  both: boolean;
}
/** What was saved meanwhile against what was typed: fields in which the two differ. */
export function clashes(base: Fields, theirs: Fields, mine: Fields, names: readonly string[]): Clash[] {
  return names
    .filter((n) => !same(theirs[n], mine[n]))
    .map((n) => ({ name: n, base: base[n], theirs: theirs[n], mine: mine[n], both: !same(base[n], theirs[n]) && !same(base[n], mine[n]) }));
}

/** Faults by the place they belong to: "due", "legal_ids/0/kind", "" for what belongs to none. */
export function byPlace(faults: readonly Fault[]): Map<string, Fault[]> {
  const out = new Map<string, Fault[]>();
  for (const f of faults) {
    let place = f.where.replace(/^\/fields\/?/, '').replace(/^\//, '');
    if (f.reason === 'missing' || f.reason === 'missing_with') place = place ? `${place}/${f.limit}` : f.limit;
    place = place.replace(/~1/g, '/').replace(/~0/g, '~');
    out.set(place, [...(out.get(place) ?? []), f]);
  }
  return out;
}

/** Fields that a move asks for and that are still empty; of those of which one is enough, the first. */
export const missingFor = (w: Transition | undefined, fields: Fields): string[] => {
  const lacks = (s: Schema | undefined): string[] => (s?.required ?? []).filter((n) => fields[n] === undefined);
  const ways = w?.guard?.anyOf ?? [];
  return [...(ways.some((s) => !lacks(s).length) ? [] : lacks(ways[0])), ...lacks(w?.guard)];
};

/** Columns of the list beside title, state and age: as the file says, else what it asks for and indexes, then what it indexes. */
const COLUMNS_MAX = 4;
export function columnsOf(s: RegisterSchema, shown: (name: string) => boolean): string[] {
  const title = s['x-table'].title;
  const fits = (n: string): boolean => n !== title && s.properties?.[n]?.['x-index'] === true && shown(n);
  const listed = s['x-list']?.filter(fits);
  if (listed?.length) return listed;
  const names = Object.keys(s.properties ?? {}).filter(fits);
  const asked = names.filter((n) => s.required?.includes(n));
  return names.filter((n) => asked.includes(n) || names.filter((x) => !asked.includes(x)).indexOf(n) < COLUMNS_MAX - asked.length);
}
