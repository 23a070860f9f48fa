// SPDX-License-Identifier: EUPL-1.2
// The filter box: `status: level: host: rule:` words and free text, e.g.
//   status:open level:critical,high host:"APP PADRON 03" vssadmin
// One string, kept in the URL. Parsing never fails: what is not understood is named in `unknown`.
import { LEVELS, type Alert, type Level, type Status } from '../base/types';

export type StatusWord = 'open' | Status | 'all';
export const STATUS_WORDS: readonly StatusWord[] = ['open', 'new', 'acknowledged', 'closed', 'all'];
export const DEFAULT_FILTER = 'status:open';

export interface Filter {
  status: StatusWord;
  levels: Level[];
  host: string | null;
  rule: string | null;
  /** Received before this time, as written. */
  until: string | null;
  /** Free words, all of which must occur. */
  words: string[];
  /** What was written but not understood, as written. */
  unknown: string[];
}

/** Longer filters are cut: no one types them and a URL has its limit. */
export const MAX_FILTER_CHARS = 1000;

interface Word {
  key: string | null;
  value: string;
  raw: string;
}

/** Splits at white space; double quotes keep a value together, an open quote runs to the end. */
export function splitWords(text: string): Word[] {
  const out: Word[] = [];
  const re = /([A-Za-z]+):(?=\s|$)|(?:([A-Za-z]+):)?(?:"((?:[^"\\]|\\.)*)(?:"|$)|([^\s"]+))|"/g;
  for (const m of text.slice(0, MAX_FILTER_CHARS).matchAll(re)) {
    if (m[0] === '"') continue;
    const quoted = m[3]?.replace(/\\(.)/g, '$1');
    const key = m[1] ?? m[2] ?? null;
    out.push({ key: key?.toLowerCase() ?? null, value: quoted ?? m[4] ?? '', raw: m[0] });
  }
  return out;
}

/** As the node reads one: a date and a time with its zone. */
const isTime = (v: string): boolean => /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(v) && !Number.isNaN(Date.parse(v));

export function parseFilter(text: string): Filter {
  const f: Filter = { status: 'open', levels: [], host: null, rule: null, until: null, words: [], unknown: [] };
  const seen = new Set<string>();
  for (const w of splitWords(text)) {
    if (w.key === null) {
      if (w.value) f.words.push(w.value);
      continue;
    }
    const known = ['status', 'level', 'host', 'rule', 'until'].includes(w.key);
    // "C:\Windows" and "http://x" are text that happens to hold a colon.
    if (!known && /^[\\/:]/.test(w.value)) {
      f.words.push(`${w.raw}`.replace(/"/g, ''));
      continue;
    }
    if (!known || !w.value || seen.has(w.key) || (w.key === 'until' && !isTime(w.value))) {
      f.unknown.push(w.raw);
      continue;
    }
    seen.add(w.key);
    if (w.key === 'host') f.host = w.value;
    else if (w.key === 'rule') f.rule = w.value;
    else if (w.key === 'until') f.until = w.value;
    else if (w.key === 'status') {
      const s = w.value.toLowerCase() as StatusWord;
      if (STATUS_WORDS.includes(s)) f.status = s;
      else f.unknown.push(w.raw);
    } else {
      for (const part of w.value.toLowerCase().split(',')) {
        const level = (part === 'info' ? 'informational' : part) as Level;
        if (!LEVELS.includes(level)) f.unknown.push(`level:${part}`);
        else if (!f.levels.includes(level)) f.levels.push(level);
      }
    }
  }
  return f;
}

const quote = (v: string): string =>
  /[\s"]/.test(v) ? `"${v.replace(/[\\"]/g, '\\$&')}"` : v;

/** The one way to write a filter; parseFilter(writeFilter(f)) gives f again. */
export function writeFilter(f: Omit<Filter, 'unknown' | 'until'> & { until?: string | null }): string {
  const out = [`status:${f.status}`];
  if (f.levels.length) out.push(`level:${f.levels.join(',')}`);
  if (f.host) out.push(`host:${quote(f.host)}`);
  if (f.rule) out.push(`rule:${quote(f.rule)}`);
  if (f.until) out.push(`until:${f.until}`);
  for (const w of f.words) out.push(quote(w));
  return out.join(' ');
}

/** A rule is named by its id (a rule without one goes by its file) or by a part of its title; only an
 *  id can be asked of the node. */
const isRuleId = (rule: string): boolean =>
  /\.ya?ml$/i.test(rule) ||
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(rule);

/** What is asked of GET /alerts. */
export function toQuery(f: Filter): Record<string, string | null> {
  const words = f.rule && !isRuleId(f.rule) ? [...f.words, f.rule] : f.words;
  return {
    status: f.status,
    level: f.levels.join(',') || null,
    rule: f.rule && isRuleId(f.rule) ? f.rule : null,
    host: f.host,
    until: f.until,
    q: words.join(' ') || null,
  };
}

export function statusMatches(word: StatusWord, status: Status): boolean {
  if (word === 'all') return true;
  return word === 'open' ? status !== 'closed' : status === word;
}

/** The same question asked here, for alerts that arrive by the stream. */
export function matches(f: Filter, a: Alert): boolean {
  if (!statusMatches(f.status, a.status)) return false;
  if (f.levels.length && !f.levels.includes(a.rule.level)) return false;
  if (f.host && (a.host ?? '').toLowerCase() !== f.host.toLowerCase()) return false;
  if (f.until && !(Date.parse(a.received) < Date.parse(f.until))) return false;
  const title = a.rule.title.toLowerCase();
  if (f.rule) {
    const rule = f.rule.toLowerCase();
    if (a.rule.id.toLowerCase() !== rule && !title.includes(rule)) return false;
  }
  if (!f.words.length) return true;
  const s = a.source;
  const hay = [title, a.rule.id, a.summary, a.host, a.user, s.name, s.product, s.category, s.service]
    .join('\n')
    .toLowerCase();
  return f.words.every((w) => hay.includes(w.toLowerCase()));
}
