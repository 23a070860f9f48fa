// SPDX-License-Identifier: EUPL-1.2
// How the desk writes times, durations and sizes (design README §8): 24 h clock with its zone, months
// as words, relative up to 24 h and then weekday and date. Unknown is said, never left blank.
import { formatNumber, language, t } from './i18n';
import { utc } from './prefs';

const S = 1000;
const MIN = 60 * S;
const H = 60 * MIN;
export const DAY = 24 * H;

const tag = (): string => (language.value === 'en' ? 'en-GB' : language.value);
const formats = new Map<string, Intl.DateTimeFormat>();

function parts(ms: number, options: Intl.DateTimeFormatOptions): Record<string, string> {
  const zone = utc.value ? 'UTC' : undefined;
  const key = `${tag()}|${zone ?? ''}|${JSON.stringify(options)}`;
  let f = formats.get(key);
  if (!f) {
    f = new Intl.DateTimeFormat(tag(), { ...options, timeZone: zone, hourCycle: 'h23' });
    formats.set(key, f);
  }
  const out: Record<string, string> = {};
  for (const p of f.formatToParts(ms)) out[p.type] = p.value;
  // Bulgarian abbreviates months to digits; the whole word says it.
  if (options.month === 'short' && /^\d+$/.test(out.month ?? '')) return { ...out, month: parts(ms, { day: 'numeric', month: 'long' }).month ?? '' };
  return out;
}

const CLOCK: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', second: '2-digit' };
const DATE: Intl.DateTimeFormatOptions = { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' };

const two = (s: string | undefined): string => (s ?? '').padStart(2, '0');
const clockOf = (p: Record<string, string>, seconds: boolean): string =>
  `${two(p.hour)}:${two(p.minute)}${seconds ? `:${two(p.second)}` : ''}`;

/** ICU abbreviates September to "Sept" and some weekdays with a full stop; neither helps. */
const bare = (s: string | undefined): string => (s ?? '').replace(/\.$/, '');

export const parseTime = (iso: string | null | undefined): number | null => {
  const ms = iso ? Date.parse(iso) : NaN;
  return Number.isFinite(ms) ? ms : null;
};

/** "Tue 24 Nov 2026, 01:05:09 CET" */
export function exact(ms: number): string {
  const p = parts(ms, { ...DATE, ...CLOCK, timeZoneName: 'short' });
  return t('date.exact', {
    weekday: bare(p.weekday),
    day: p.day ?? '',
    month: bare(p.month),
    year: p.year ?? '',
    time: clockOf(p, true),
    zone: p.timeZoneName ?? '',
  });
}

/** "Tue 24 Nov 2026" and "08:14 CET", for the clock in the bar. */
export function clock(ms: number): { date: string; time: string } {
  const p = parts(ms, { ...DATE, ...CLOCK, timeZoneName: 'short' });
  return {
    date: t('date.day', {
      weekday: bare(p.weekday),
      day: p.day ?? '',
      month: bare(p.month),
      year: p.year ?? '',
    }),
    time: `${clockOf(p, false)} ${p.timeZoneName ?? ''}`,
  };
}

const dayNumber = (ms: number): string => {
  const p = parts(ms, { year: 'numeric', month: '2-digit', day: '2-digit' });
  return `${p.year}-${p.month}-${p.day}`;
};

/** "today 07:36:09", "yesterday 23:02:10", "Sat 21 Nov, 23:02:10" */
export function when(ms: number, now: number): string {
  const p = parts(ms, { ...DATE, ...CLOCK });
  const time = clockOf(p, true);
  if (dayNumber(ms) === dayNumber(now)) return t('date.today', { time });
  if (dayNumber(ms) === dayNumber(now - DAY)) return t('date.yesterday', { time });
  const sameYear = p.year === parts(now, DATE).year;
  return t(sameYear ? 'date.this_year' : 'date.other_year', {
    weekday: bare(p.weekday),
    day: p.day ?? '',
    month: bare(p.month),
    year: p.year ?? '',
    time,
  });
}

/** "12 s", "38 min", "7 h 29 min", "3 days 4 h" */
export function duration(ms: number): string {
  const v = Math.max(0, ms);
  if (v < MIN) return t('unit.s', { n: Math.floor(v / S) });
  if (v < H) return t('unit.min', { n: Math.floor(v / MIN) });
  if (v < DAY) {
    const m = Math.floor((v % H) / MIN);
    return t('unit.h_min', { h: Math.floor(v / H), m: two(String(m)) });
  }
  return t('unit.d_h', { d: Math.floor(v / DAY), h: Math.floor((v % DAY) / H) });
}

/** Processor time: "640 ns", "3.4 µs", "12 ms", "41 s", "2 min" */
export function spent(ns: number): string {
  const units = ['ns', 'µs', 'ms', 's'];
  let v = Math.max(0, ns);
  let u = 0;
  while (Math.round(v) >= 1000 && u < units.length - 1) {
    v /= 1000;
    u += 1;
  }
  if (u === units.length - 1 && v >= 60) return duration(v * S);
  return `${formatNumber(v >= 10 || u === 0 ? Math.round(v) : Math.round(v * 10) / 10)} ${units[u]}`;
}

/** "12 s ago" up to a day, then weekday and date. */
export function ago(ms: number, now: number): string {
  return now - ms < DAY ? t('time.ago', { d: duration(now - ms) }) : when(ms, now);
}

/** "28 B", "4.1 KB", "1.9 GB" */
export function bytes(n: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let v = n;
  let u = 0;
  while (v >= 1000 && u < units.length - 1) {
    v /= 1000;
    u += 1;
  }
  return `${formatNumber(v >= 100 ? Math.round(v) : Math.round(v * 10) / 10)} ${units[u]}`;
}
