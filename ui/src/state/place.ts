// SPDX-License-Identifier: EUPL-1.2
// Where the reader is: the URL holds the page, the alert in the drawer and the filter. The router's
// route() is handed over by the frame, so that keys and acts can move too.
import { signal } from '@preact/signals';
import { exec } from 'preact-iso/router';
import { DEFAULT_FILTER } from '../alerts/filter';
import { drawerId, filterText } from './queue';

export type PageName = 'today' | 'alerts' | 'sources' | 'rules' | 'federation' | 'warnings' | 'stories' | 'registers' | 'account' | 'people' | 'me' | 'doctor' | 'none';
/** The files in which pages come, once one of them is opened. */
export type Later = 'today' | 'sources' | 'rules' | 'share' | 'registers' | 'people' | 'me' | 'doctor';
const NOTHING = /^(?!)/;
/** Pages that come later: in which file, and what may follow their name. */
const LATER: Partial<Record<PageName, { file: Later; after: RegExp }>> = {
  today: { file: 'today', after: NOTHING },
  sources: { file: 'sources', after: NOTHING },
  rules: { file: 'rules', after: NOTHING },
  registers: { file: 'registers', after: /^[a-z0-9_]{1,40}(\/(new|board|tables|gaps|[0-9a-f-]{36}(\/(edit|chain))?))?$/ },
  me: { file: 'me', after: /^report$/ },
  doctor: { file: 'doctor', after: NOTHING },
  account: { file: 'people', after: NOTHING },
  people: { file: 'people', after: /^([0-9a-f-]{36}|looks(\/[a-z0-9_]{1,40}\/(due|held|erased|passed_by))?)$/ },
  federation: { file: 'share', after: /^(members|sharing)$/ },
  warnings: { file: 'share', after: /^[^/]+$/ },
  stories: { file: 'share', after: /^[^/]+(\/edit)?$/ },
};
export const laterOf = (page: PageName): Later | null => LATER[page]?.file ?? null;
/** What a page inside of a page is called, for the title of the window; null: as the navigation says. */
export const pageTitle = signal<string | null>(null);
export interface Place {
  page: PageName;
  id: string | null;
}

type Route = (url: string, replace?: boolean) => void;
let route: Route = (url) => location.assign(url);
export function setRoute(r: Route): void {
  route = r;
}
export const go = (url: string, replace = false): void => route(url, replace);

export function placeOf(path: string): Place {
  let m;
  try {
    m = exec(path, '/alerts/:id?') as { params?: { id?: string } } | undefined;
  } catch {
    return { page: 'none', id: null }; // a percent sign that encodes nothing
  }
  if (m) return { page: 'alerts', id: m.params?.id ?? null };
  if (path === '/') return { page: 'today', id: null };
  const [, name = '', ...after] = path.split('/');
  const rest = after.length > 0 ? after.join('/') : undefined;
  const follows = LATER[name as PageName]?.after;
  if (follows && (rest === undefined || follows.test(rest))) {
    try {
      return { page: name as PageName, id: rest === undefined ? null : decodeURIComponent(rest) };
    } catch {
      return { page: 'none', id: null };
    }
  }
  return { page: 'none', id: null };
}

export function alertsUrl(id: string | null, text: string = filterText.value): string {
  const q = text === DEFAULT_FILTER ? '' : `?q=${encodeURIComponent(text)}`;
  return `/alerts${id === null ? '' : `/${encodeURIComponent(id)}`}${q}`;
}

/** True when the drawer was opened here, so that closing it is the browser's Back. */
let pushed = false;

export function openDrawer(id: string): void {
  if (drawerId.value === id) return;
  const replace = drawerId.value !== null;
  if (!replace) pushed = true;
  go(alertsUrl(id), replace);
}

export function closeDrawer(): void {
  if (drawerId.value === null) return;
  if (pushed) {
    pushed = false;
    history.back();
  } else go(alertsUrl(null), true);
}

/** Called when the URL shows no drawer, however that came about. */
export function drawerGone(): void {
  pushed = false;
}

export function setFilter(text: string): void {
  const clean = text.trim() || DEFAULT_FILTER;
  const keepDrawer = drawerId.value;
  go(alertsUrl(keepDrawer, clean), keepDrawer !== null);
}
