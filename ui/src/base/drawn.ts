// SPDX-License-Identifier: EUPL-1.2
// What a page does once it has drawn a change: mostly moving the focus to what is new.

/**
 * Runs `act` after what was just changed is drawn, and before the next key or click is taken: the letters that a person types on
 * never go to what had the focus before. Call it in the step that changes the signals. A frame (requestAnimationFrame) would be too
 * late for that: on a busy machine it comes after the next keys.
 */
export function drawn(act: () => void): void {
  // Drawing is a microtask that the change queued; a text bound to a signal is drawn one microtask later.
  queueMicrotask(() => queueMicrotask(act));
}
