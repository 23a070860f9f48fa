// SPDX-License-Identifier: EUPL-1.2
// One message at the foot of the page: what was done, with its undo for ten seconds, or what went wrong.
import { signal } from '@preact/signals';

export interface Toast {
  id: number;
  text: string;
  kind: 'done' | 'wrong';
  undo?: () => void;
  /** What the button says, where it does something else than to undo. */
  label?: string;
}

export const UNDO_MS = 10_000;
const WRONG_MS = 12_000;
const PLAIN_MS = 5_000;

export const toast = signal<Toast | null>(null);
let serial = 0;
let timer = 0;
let until = 0;

function arm(ms: number): void {
  clearTimeout(timer);
  until = Date.now() + ms;
  timer = window.setTimeout(() => {
    toast.value = null;
  }, ms);
}

export function say(text: string, undo?: () => void, label?: string): void {
  serial += 1;
  toast.value = { id: serial, text, kind: 'done', undo, label };
  arm(undo ? UNDO_MS : PLAIN_MS);
}

export function sayWrong(text: string): void {
  serial += 1;
  toast.value = { id: serial, text, kind: 'wrong' };
  arm(WRONG_MS);
}

let rest = 0;
/** While the pointer or the focus is on it, the message stays. */
export function holdToast(): void {
  clearTimeout(timer);
  rest = Math.max(2000, until - Date.now());
}
export function releaseToast(): void {
  if (toast.value) arm(rest || PLAIN_MS);
}

export function closeToast(): void {
  clearTimeout(timer);
  toast.value = null;
}

/** `z`: takes back the last act while its message stands. */
export function undoLast(): boolean {
  const undo = toast.value?.undo;
  if (!undo) return false;
  closeToast();
  undo();
  return true;
}
