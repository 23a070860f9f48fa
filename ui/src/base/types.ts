// SPDX-License-Identifier: EUPL-1.2
// The shapes that travel between the desk's API (/api/v1) and this page. Times are ISO 8601 UTC.

export type Level = 'critical' | 'high' | 'medium' | 'low' | 'informational';
export type Status = 'new' | 'acknowledged' | 'closed';
export type Reason = 'true_positive' | 'false_positive' | 'benign' | 'duplicate';

export const LEVELS: readonly Level[] = ['critical', 'high', 'medium', 'low', 'informational'];
export const REASONS: readonly Reason[] = ['true_positive', 'false_positive', 'benign', 'duplicate'];

export interface Session {
  /** second_factor "needed": the role demands one, and without it the account page is all there is. */
  user: { id: string; name: string; role: string; rights?: string[]; whole_node?: boolean; second_factor?: 'on' | 'off' | 'needed' };
  csrf: string;
  /** `ingest` is the full address of POST /ingest, when intake listens elsewhere than the desk. */
  node: { name: string; version: string; ingest?: string };
}

export interface Alert {
  id: string;
  rule: { id: string; title: string; level: Level };
  status: Status;
  time: string;
  received: string;
  host: string | null;
  user: string | null;
  source: {
    name: string | null;
    product: string | null;
    category: string | null;
    service: string | null;
  };
  organisation: string;
  count: number;
  last_time: string;
  summary: string;
  assignee: string | null;
  close_reason: string | null;
  revision: number;
}

export interface Why {
  selection: string;
  field: string | null;
  operator: string;
  wanted: string;
  value: string;
  marks: [number, number][];
}

export interface HistoryEntry {
  time: string;
  who: string;
  what: string;
  reason: string | null;
  note: string | null;
}

export interface AlertDetail extends Alert {
  why: Why[];
  rule_detail: {
    id: string;
    title: string;
    level: Level;
    description: string | null;
    author: string | null;
    references: string[];
    tags: string[];
    falsepositives: string[];
    condition: string;
    text: string;
    license: string | null;
    file: string;
  };
  record: { text: string; truncated: boolean; block: string; index: number; tags: string[] };
  fields: { name: string; value: string }[];
  history: HistoryEntry[];
}

export interface Counts {
  open: number;
  new: number;
  acknowledged: number;
  closed_today: number;
  oldest_open: string | null;
}

export interface AlertPage {
  items: Alert[];
  next: string | null;
  counts: Counts;
}

export interface Source {
  name: string;
  kind: string;
  product: string | null;
  category: string | null;
  service: string | null;
  organisation: string;
  events: number;
  dropped: number;
  /** Of `dropped`, by cause; what was lost before causes were kept is in none. */
  drops: Record<string, number>;
  dropped_at: string | null;
  anomalies: number;
  last_event: string | null;
  rate: number;
  /** Milliseconds from an event's own time to its receipt, mean of a minute; negative: its clock is ahead. */
  lag: number | null;
  /** On hold: intake crashed over it three times. */
  held: boolean;
  /** Longer without an event than its configuration allows. */
  silent: boolean;
}

export interface Token {
  id: string;
  name: string;
  source: string;
  created: string;
  last_used: string | null;
}

export interface Rule {
  id: string;
  title: string;
  level: Level;
  file: string;
  events: number;
  hits: number;
}

/** What a rule has cost since it was first counted; ns: processor time, estimated from samples. */
export interface RuleCost {
  id: string;
  hash: string;
  title: string;
  level: Level;
  file: string;
  since: string | null;
  events: number;
  candidates: number;
  hits: number;
  ns: number;
  evicted: number;
  windows: number;
  state_bytes: number;
  stopped: string | null;
  reason: string | null;
}

export interface Refused {
  file: string;
  line: number | null;
  reason: string;
}

export interface RulePage {
  items: Rule[];
  refused: Refused[];
  next?: string | null;
}

export interface NodeStatus {
  version: string;
  started: string;
  events: number;
  alerts: number;
  last_event: string | null;
  sources: { total: number; live: number };
  rules: { loaded: number; refused: number; alert: number };
  roles: { name: string; pid: number; restarts: number }[];
  archive: { bytes: number; events: number; oldest_day: string | null };
  sandbox: 'on' | 'weaker' | 'off';
}

/** The second copy of the archive. `why` is in English, as the node wrote it. */
export interface SecondCopy {
  state: 'none' | 'no_key' | 'fails' | 'late' | 'fine';
  place: string | null;
  kind: 'folder' | 'sftp' | 's3' | null;
  days: number;
  bytes: number;
  waiting: number;
  newest_day: string | null;
  oldest_waiting: string | null;
  at: string | null;
  failed_at: string | null;
  why: string | null;
}

export interface Pulse {
  last_event: string | null;
  sources: { total: number; live: number };
  rate: number;
  open: number;
}
