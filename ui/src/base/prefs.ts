// SPDX-License-Identifier: EUPL-1.2
// What a reader chose: theme, density, language, clock, single-letter keys, order of the queue, whose days are listed.
// Kept in this browser only. Storage may be closed; then the choice lasts as long as the page.
import { effect, signal } from '@preact/signals';

export type Theme = '' | 'light' | 'dark' | 'contrast';
export type Density = 'compact' | '' | 'roomy';
export type Sort = 'severity' | 'newest';

interface Prefs {
  theme: Theme;
  density: Density;
  lang: string;
  utc: boolean;
  keys: boolean;
  sort: Sort;
  mine: boolean;
}

const STORE = 'sereno-desk';
const THEMES: readonly Theme[] = ['', 'light', 'dark', 'contrast'];
const DENSITIES: readonly Density[] = ['compact', '', 'roomy'];

function read(): Partial<Record<keyof Prefs, unknown>> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(STORE) ?? '{}');
    return kept && typeof kept === 'object' ? kept : {};
  } catch {
    return {};
  }
}

const kept = read();
const pick = <T>(all: readonly T[], v: unknown, otherwise: T): T =>
  all.includes(v as T) ? (v as T) : otherwise;

export const theme = signal<Theme>(pick(THEMES, kept.theme, ''));
export const density = signal<Density>(pick(DENSITIES, kept.density, ''));
export const lang = signal<string>(typeof kept.lang === 'string' ? kept.lang : '');
export const utc = signal<boolean>(kept.utc === true);
export const singleKeys = signal<boolean>(kept.keys !== false);
export const sort = signal<Sort>(pick(['severity', 'newest'] as const, kept.sort, 'severity'));
export const onlyMine = signal<boolean>(kept.mine === true);

/** Applies theme and density to the page and keeps every choice. Called once, before first paint. */
export function startPrefs(): void {
  const root = document.documentElement;
  effect(() => {
    if (theme.value) root.dataset.theme = theme.value;
    else delete root.dataset.theme;
    if (density.value) root.dataset.density = density.value;
    else delete root.dataset.density;
  });
  effect(() => {
    const now: Prefs = {
      theme: theme.value,
      density: density.value,
      lang: lang.value,
      utc: utc.value,
      keys: singleKeys.value,
      sort: sort.value,
      mine: onlyMine.value,
    };
    try {
      localStorage.setItem(STORE, JSON.stringify(now));
    } catch {
      /* storage is closed: nothing to do, the page still obeys */
    }
  });
}
