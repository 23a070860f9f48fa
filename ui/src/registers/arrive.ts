// SPDX-License-Identifier: EUPL-1.2
// Coming to a page of a register from another: its top, its title in the window, and the focus where a screen reader begins to
// read. A list that somebody comes back to keeps their row instead.
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { pageTitle } from '../state/place';

let came = false;
const rows = new Map<string, string>();

/** Which record was opened last from a list. */
export const rememberRow = (plural: string, id: string): void => void rows.set(plural, id);
export const forgetRow = (plural: string): void => void rows.delete(plural);

export function useArrival(title: string | null, ready: boolean, plural?: string): void {
  const done = useRef(false);
  useEffect(() => {
    pageTitle.value = title;
  }, [title]);
  useEffect(() => () => (pageTitle.value = null), []);
  useLayoutEffect(() => {
    if (!ready || done.current) return;
    done.current = true;
    const first = !came;
    came = true;
    const back = plural === undefined ? undefined : rows.get(plural);
    const row = back === undefined ? null : document.querySelector<HTMLElement>(`#main a.row[data-id="${CSS.escape(back)}"]`);
    if (row) {
      row.focus();
      return;
    }
    if (first) return; // the browser does this for a page that it has just loaded
    scrollTo(0, 0);
    document.querySelector<HTMLElement>('#main h1')?.focus({ preventScroll: true });
  }, [ready]);
}
