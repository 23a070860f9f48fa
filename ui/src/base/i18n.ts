// SPDX-License-Identifier: EUPL-1.2
// Texts: flat JSON in i18n/ at the root of the repository, what link pages and letters say stands in i18n/pages.
// t('key', {name}) fills placeholders; tn('key', n) picks key.one, key.few … by Intl.PluralRules.
// A key that a language lacks falls back to English, and a key that nobody has shows itself.
import { signal } from '@preact/signals';
import en from '../../../i18n/en.json';

export type Texts = Record<string, string | boolean>;
type Params = Record<string, string | number>;

const loaders: Record<string, () => Promise<{ default: Texts }>> = {
  bg: () => import('../../../i18n/bg.json'),
  da: () => import('../../../i18n/da.json'),
  de: () => import('../../../i18n/de.json'),
  es: () => import('../../../i18n/es.json'),
  fr: () => import('../../../i18n/fr.json'),
  hr: () => import('../../../i18n/hr.json'),
  it: () => import('../../../i18n/it.json'),
  nl: () => import('../../../i18n/nl.json'),
};

/** Languages the desk can speak, each by its own name; `reviewed` as its file says, so that the chooser need not load it. */
export const LANGUAGES: readonly { code: string; name: string; reviewed: boolean }[] = [
  { code: 'da', name: 'Dansk', reviewed: false },
  { code: 'de', name: 'Deutsch', reviewed: false },
  { code: 'en', name: 'English', reviewed: true },
  { code: 'es', name: 'Español', reviewed: false },
  { code: 'fr', name: 'Français', reviewed: false },
  { code: 'hr', name: 'Hrvatski', reviewed: false },
  { code: 'it', name: 'Italiano', reviewed: false },
  { code: 'nl', name: 'Nederlands', reviewed: false },
  { code: 'bg', name: 'Български', reviewed: false },
];

const english = en as Texts;
const texts = signal<Texts>(english);
export const language = signal('en');

export function fill(text: string, params?: Params): string {
  if (!params) return text;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const v = params[name];
    if (v === undefined) return whole;
    return typeof v === 'number' ? formatNumber(v) : v;
  });
}

const numberFormats = new Map<string, Intl.NumberFormat>();
/** Thousands by language; above a million two or three digits and the word. */
export function formatNumber(n: number): string {
  const big = Math.abs(n) >= 1_000_000;
  const key = `${language.value}${big}`;
  let f = numberFormats.get(key);
  if (!f) {
    const tag = language.value === 'en' ? 'en-GB' : language.value;
    f = big
      ? new Intl.NumberFormat(tag, {
          notation: 'compact',
          compactDisplay: 'long',
          maximumSignificantDigits: 3,
        })
      : new Intl.NumberFormat(tag, { maximumFractionDigits: 1, useGrouping: true });
    numberFormats.set(key, f);
  }
  return f.format(n);
}

const find = (key: string): string | undefined => {
  const v = texts.value[key] ?? english[key];
  return typeof v === 'string' ? v : undefined;
};

export function t(key: string, params?: Params): string {
  return fill(find(key) ?? key, params);
}

/** A text that may be missing: words that come from the node (operators, states). */
export const tOr = (key: string, otherwise: string): string => find(key) ?? otherwise;

const exactFormats = new Map<string, Intl.NumberFormat>();
/** Every digit. most: of numbers of its sort, where that is known: thousands stand apart where five digits can come, so that a year stays a year. */
export function formatExact(n: number, most = 0): string {
  const useGrouping = Math.max(Math.abs(n), most) >= 10_000;
  const key = `${language.value}${useGrouping}`;
  let f = exactFormats.get(key);
  if (!f) {
    f = new Intl.NumberFormat(language.value === 'en' ? 'en-GB' : language.value, { useGrouping, maximumFractionDigits: 20 });
    exactFormats.set(key, f);
  }
  return f.format(n);
}

/** The form of a language for a number as formatNumber writes it: from a million on it says the word, and "1,5 millón de …" is the
 * form "many" of the languages that have one. */
export function pluralKey(lang: string, n: number): string {
  const rules = new Intl.PluralRules(lang);
  const worded = Math.abs(n) >= 1_000_000 && rules.resolvedOptions().pluralCategories.includes('many');
  return worded ? 'many' : rules.select(n);
}

export function tn(key: string, n: number, params?: Params): string {
  const text =
    find(`${key}.${pluralKey(language.value, n)}`) ?? find(`${key}.other`) ?? `${key}.other`;
  return fill(text, { n, ...params });
}

/** The language to use: the reader's choice, then the browser's, then English. */
export function chooseLanguage(wanted: string, offered: readonly string[]): string {
  const known = (code: string): boolean => LANGUAGES.some((l) => l.code === code);
  for (const tag of [wanted, ...offered]) {
    const code = tag.toLowerCase().split('-')[0] ?? '';
    if (known(code)) return code;
  }
  return 'en';
}

export async function loadLanguage(code: string): Promise<void> {
  try {
    const mod = loaders[code] ? await loaders[code]() : null;
    texts.value = mod ? mod.default : english;
    language.value = mod ? code : 'en';
  } catch {
    texts.value = english;
    language.value = 'en';
  }
  if (typeof document !== 'undefined') document.documentElement.lang = language.value;
}

/** False while a language is machine-made and nobody has read it through. */
export const isReviewed = (): boolean => texts.value['_reviewed'] === true;
