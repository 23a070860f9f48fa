// SPDX-License-Identifier: EUPL-1.2
// What a list shows is what its address says: filters and order, in the API's own words. "Begins with" is a range of text.
import { follow, shapeOf, typeOf } from './model';
import type { RegisterSchema } from './types';

/** The last character there is: a text from X to X and this begins with X. */
const LAST = '\u{10FFFF}';
const OWN = ['tlp', 'organisation', 'created', 'changed'];

export type How = 'is' | 'from' | 'to' | 'begins';
export interface Filter {
  field: string;
  how: How;
  value: string;
}
export interface Listed {
  state: string;
  filters: Filter[];
  sort: string;
}

/** The first day of a record, and days that are counted: lists know them, and no field holds them. */
export const DUE_DAY = 'due_day';
export const dueNames = (s: RegisterSchema): string[] => (s['x-due']?.length ? [DUE_DAY, ...s['x-due'].flatMap((d) => (d.name ? [d.name] : []))] : []);
/** Who does not see a field of which a day is made does not see the day; the node refuses to sort by it. */
export const dueShown = (s: RegisterSchema, shown: (name: string) => boolean): boolean =>
  (s['x-due'] ?? []).every((d) => [d.field, d.from, d.every, d.before].every((n) => typeof n !== 'string' || shown(n))) && Boolean(s['x-due']?.length);

/** How a field is asked for: a word, a range of days, a range of numbers, or how a text begins. */
export type Asked = 'choice' | 'day' | 'number' | 'text';
export function askedOf(s: RegisterSchema, field: string): Asked {
  if (field === 'tlp') return 'choice';
  if (field === 'created' || field === 'changed' || dueNames(s).includes(field)) return 'day';
  if (field === 'organisation') return 'text';
  const of = follow(s.properties?.[field] ?? {}, s);
  if (shapeOf(of, s) === 'choice') return 'choice';
  if (of.format === 'date' || of.format === 'date-time') return 'day';
  return typeOf(of) === 'integer' || typeOf(of) === 'number' ? 'number' : 'text';
}

/** Fields by which a list can be asked, in the order of the file; the title first, what every record has last. */
export function filterable(s: RegisterSchema, shown: (name: string) => boolean): string[] {
  const title = s['x-table'].title;
  const named = Object.keys(s.properties ?? {}).filter((n) => n !== title && s.properties?.[n]?.['x-index'] === true && shown(n));
  return [title, ...named, ...(dueShown(s, shown) ? dueNames(s) : []), 'tlp', 'created', 'changed'];
}

export function readListed(s: RegisterSchema, query: Record<string, string>): Listed {
  const known = (n: string): boolean => n in (s.properties ?? {}) || OWN.includes(n) || dueNames(s).includes(n);
  const out: Listed = { state: query.state ?? '', filters: [], sort: query.sort ?? '' };
  for (const [key, value] of Object.entries(query)) {
    const m = /^(.+?)(\.from|\.to)?$/.exec(key);
    const [field, end] = [m?.[1] ?? '', m?.[2]];
    if (!known(field)) continue;
    const begins = query[`${field}.to`] === `${query[`${field}.from`]}${LAST}`;
    if (begins && end === '.to') continue;
    out.filters.push({ field, how: end === undefined ? 'is' : begins ? 'begins' : end === '.from' ? 'from' : 'to', value });
  }
  return out;
}

/** As parameters of the API; the address has the same. */
export function toParams(l: Listed): Record<string, string> {
  const out: Record<string, string> = {};
  if (l.state) out.state = l.state;
  for (const f of l.filters) {
    if (f.how === 'is') out[f.field] = f.value;
    if (f.how === 'from' || f.how === 'begins') out[`${f.field}.from`] = f.value;
    if (f.how === 'to') out[`${f.field}.to`] = f.value;
    if (f.how === 'begins') out[`${f.field}.to`] = f.value + LAST;
  }
  if (l.sort) out.sort = l.sort;
  return out;
}

/** A day asks of a time for all of that day. */
export function toApi(s: RegisterSchema, l: Listed): Record<string, string> {
  const out = toParams(l);
  for (const n of Object.keys(out)) {
    const field = n.replace(/\.(from|to)$/, '');
    const time = field === 'created' || field === 'changed' || s.properties?.[field]?.format === 'date-time';
    if (time && /^\d{4}-\d\d-\d\d$/.test(out[n] ?? '')) out[n] += n.endsWith('.to') ? 'T23:59:59Z' : 'T00:00:00Z';
  }
  return out;
}

export const withFilter = (l: Listed, added: Filter[]): Listed => ({
  ...l,
  filters: [...l.filters.filter((f) => !added.some((a) => a.field === f.field)), ...added],
});
export const without = (l: Listed, f: Filter): Listed => ({ ...l, filters: l.filters.filter((x) => x !== f) });
