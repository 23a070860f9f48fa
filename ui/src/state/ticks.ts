// SPDX-License-Identifier: EUPL-1.2
// Two clocks for ages on the page, by the node's time: one beats each second, one each 15 seconds.
// Hidden pages do not tick.
import { signal } from '@preact/signals';
import { nodeNow } from '../base/api';

export const second = signal(Date.now());
export const quarter = signal(Date.now());

export function startTicks(): void {
  const beat = (): void => {
    if (document.hidden) return;
    const now = nodeNow();
    second.value = now;
    if (Math.abs(now - quarter.value) >= 15_000) quarter.value = now;
  };
  setInterval(beat, 1000);
  document.addEventListener('visibilitychange', () => {
    quarter.value = nodeNow();
    beat();
  });
}
