// SPDX-License-Identifier: EUPL-1.2
// An alert for tests, with what matters to the test put over it.
import type { Alert, Level } from '../src/base/types';

let n = 0;
interface Over extends Partial<Omit<Alert, 'rule'>> {
  level?: Level;
  ruleId?: string;
  title?: string;
}
export function alert({ level = 'high', ruleId = 'r1', title = 'Shadow copies deleted', ...over }: Over = {}): Alert {
  n += 1;
  const time = over.time ?? '2026-11-22T01:00:00.000Z';
  return {
    id: `id-${n}`,
    rule: { id: ruleId, title, level },
    status: 'new',
    time,
    received: over.received ?? time,
    host: 'h1',
    user: null,
    source: { name: 's', product: null, category: null, service: null },
    organisation: 'o',
    count: 1,
    last_time: over.last_time ?? time,
    summary: '',
    assignee: null,
    close_reason: null,
    revision: 1,
    ...over,
  };
}
