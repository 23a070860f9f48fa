// SPDX-License-Identifier: EUPL-1.2
// What somebody typed into a form and did not save. Going to another page of the desk loses nothing: the form has it again when one
// comes back. It stays in this window's memory only, since a record may be under a strict label; closing the window asks first.
import { signal } from '@preact/signals';
import { t } from '../base/i18n';
import { go } from '../state/place';
import { say } from '../state/toast';
import type { Drafts } from './model';
import type { RecordRow } from './types';

export interface Kept {
  drafts: Drafts;
  tlp: string;
  why: string;
  /** The record as it was when somebody began; null for a new one. */
  base: RecordRow | null;
  at: number;
}
const kept = signal<ReadonlyMap<string, Kept>>(new Map());
export const keptAt = (path: string): Kept | undefined => kept.value.get(path);

const ask = (e: BeforeUnloadEvent): void => e.preventDefault();
function set(next: Map<string, Kept>): void {
  if (next.size > 0 && kept.value.size === 0) addEventListener('beforeunload', ask);
  if (next.size === 0) removeEventListener('beforeunload', ask);
  kept.value = next;
}
export const keep = (path: string, k: Kept): void => set(new Map([...kept.value, [path, k]]));
export const drop = (path: string): void => set(new Map([...kept.value].filter(([p]) => p !== path)));

/** Said when a form with unsaved text is left: the way back is one press. */
export function leaving(path: string): void {
  if (kept.value.has(path)) say(t('reg.kept'), () => go(path), t('reg.back_to'));
}
