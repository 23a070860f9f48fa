// SPDX-License-Identifier: EUPL-1.2
// What the desk says of the federation: docs/FEDERATION.md §8. Times are RFC 3339 UTC.
import type { Level } from '../base/types';

export type Tlp = 'RED' | 'AMBER+STRICT' | 'AMBER' | 'GREEN' | 'CLEAR';
export const TLPS: readonly Tlp[] = ['RED', 'AMBER+STRICT', 'AMBER', 'GREEN', 'CLEAR'];
export const PAPS = ['RED', 'AMBER', 'GREEN', 'CLEAR'] as const;

export interface Link {
  hub: string;
  name: string;
  url: string;
  state: 'up' | 'down' | 'waiting' | 'refused';
  since: string | null;
  last_contact: string | null;
  up: { epoch: number; seq: number; acked: number; waiting: number; dropped: number };
  down: { epoch: number; seq: number };
  certificate_expires: string | null;
  error: string | null;
}

export interface Circle {
  id: string;
  name: string;
  class: 'member' | 'nda';
  hub: string;
  epoch: number;
  issued: string | null;
  expires: string | null;
  /** Of this hub. */
  own: boolean;
  members: number;
  state: 'valid' | 'expired' | 'conflict';
}

export interface BoardMember {
  node: string;
  organisation: string;
  circle: string;
  classes: string[];
  state: 'active' | 'suspended' | 'removed';
  version: string | null;
  last_contact: string | null;
  lag_s: number | null;
  health: 'fine' | 'late' | 'silent' | 'never';
}

export interface Board {
  node: { id: string; fingerprint: string; organisation: string };
  stopped: boolean;
  stopped_by: string | null;
  stopped_at: string | null;
  hub: boolean;
  links: Link[];
  circles: Circle[];
  members: BoardMember[];
  /** Enrolments that are not through. */
  joins: { id: string; url: string; state: string; hub_fingerprint: string; error: string | null }[];
  /** What went, or was refused, because so much of its kind is kept; newest first. */
  room: Room[];
  /** What came and waits for an upgrade of this node: a later version wrote it. */
  newer: number;
}

export interface Room {
  what: 'envelopes' | 'signals' | 'warnings' | 'items' | 'tombstones' | 'letters';
  circle: string | null;
  member: string | null;
  most: number;
  dropped: number;
  refused: number;
  last: string | null;
}

export interface CommunityLevel {
  level: 'calm' | 'watchful' | 'raised' | 'high';
  since: string | null;
  reasons: { text: string; count: number | null }[];
}

export type SendWhen = 'after_acknowledgement' | 'after_minutes' | 'at_once' | 'never';
export const SEND_WHEN: readonly SendWhen[] = ['after_acknowledgement', 'after_minutes', 'at_once', 'never'];
/** Of what a hub's own circles saw: nobody acknowledges that. */
export const FINDINGS_WHEN: readonly SendWhen[] = ['never', 'after_minutes', 'at_once'];
/** Source of a class that speaks of findings. */
export const FINDINGS = 'federation:circles';

export interface ShareRule {
  id: string;
  /** null: every circle. */
  circle: string | null;
  circle_name: string | null;
  class: { level: string | null; product: string | null; technique: string | null; source: string | null };
  when: SendWhen;
  minutes: number | null;
  since: string | null;
  by: string | null;
  /** How many were told by this row; of findings: how many warnings. */
  sent: number;
}

export interface Sharing {
  stopped: boolean;
  since: string | null;
  items: ShareRule[];
  readers: { circle: string; circle_name: string; organisations: string[]; own: boolean }[];
  /** A hub in a hub: the own circles whose findings may be told above. */
  findings: { circles: { circle: string; circle_name: string }[] } | null;
  /** Own networks and domains, never told; comma between them. */
  networks: string;
  domains: string;
  /** Warnings are taken after a dry run that matched at most `cap` times. */
  automatic: boolean;
  cap: number;
  /** On a hub: members of small circles agreed that they may be guessed. */
  agreed: boolean;
}

export interface Member {
  node: string;
  organisation: string;
  circle: string;
  classes: string[];
  state: 'active' | 'suspended' | 'removed';
  since_epoch: number;
  fingerprint: string;
  certificate_expires: string | null;
  last_contact: string | null;
}

export interface JoinRequest {
  id: string;
  organisation: string;
  circle: string;
  circle_class: 'member' | 'nda';
  kind: 'member' | 'circle' | 'change' | 'tombstone';
  /** Of a tombstone: what is taken back, and why. */
  item?: string | null;
  reason?: string | null;
  /** Of who asks to join; a change has none. */
  fingerprint: string | null;
  asked: string;
  approvals: { who: string; at: string }[];
  needed: number;
  state: string;
}

/** A personal link of somebody whose organisation has no node. */
export interface LinkPage {
  id: string;
  circle: string;
  organisation: string;
  person: string;
  mail: string;
  language: string | null;
  created: string;
  expires: string;
  last_used: string | null;
}

export interface Item {
  id: string;
  version: number;
  kind: 'story' | 'teaser' | 'notice';
  title: string;
  tlp: Tlp;
  pap: string;
  chr: boolean;
  circle: string;
  circle_name: string;
  author: string | null;
  mine: boolean;
  created: string;
  expires: string | null;
  state: 'current' | 'tightened' | 'retracted' | 'quarantined';
  receipts: { sent: number; received: number; removed: number } | null;
}

export interface Person {
  name: string;
  organisation: string;
  node?: string;
}

/** An audience as its author wrote it. */
export interface Addressed {
  all?: boolean;
  nda?: boolean;
  orgs?: string[];
  persons?: { name: string; node: string }[];
}

/** A letter that told a small member of an item. */
export interface Letter {
  organisation: string;
  person: string;
  version: number;
  state: 'queued' | 'sent' | 'refused' | 'given_up';
  reason: string | null;
  tries: number;
  at: string;
  /** The page behind the link was opened since. */
  seen: string | null;
}

/** What officers took back, and how many members answered that it is gone. */
export interface Stone {
  item: string;
  circle: string;
  reason: string | null;
  at: string;
  sent: number;
  removed: number;
}

export interface ItemDetail extends Item {
  letters: Letter[];
  text: string;
  of: string | null;
  /** Of one's own. */
  addressed: Addressed | null;
  audience: { organisations: string[]; persons: Person[] };
  reads?: { who: string; at: string }[];
  history?: { at: string; who: string; what: string; reason?: string | null }[];
}

export interface Preview {
  organisations: string[];
  persons: Person[];
  count: number;
  left_out: { organisation: string; person?: string; reason: string }[];
  blocked: string | null;
  /** Of a new version: somebody may read it who could not; somebody may not who could. */
  widens?: boolean;
  narrows?: boolean;
}

export interface DryRun {
  state: 'none' | 'waiting' | 'running' | 'done' | 'failed';
  hunt: string | null;
  /** 0 to 1; 0 while it is not known. */
  progress: number | null;
  matched: number | null;
  events: number | null;
  from: string | null;
  to: string | null;
  not_covered: number | null;
}

export interface Warning {
  id: string;
  version: number;
  title: string;
  level: Level;
  why: { kind: string; value: string };
  seen: { text: string; count: number | null };
  first: string | null;
  last: string | null;
  circle: string;
  circle_name: string;
  received: string;
  rules: number;
  indicators: number;
  state: 'new' | 'checked' | 'taken' | 'dismissed' | 'withdrawn';
  automatic: boolean;
  dry_run: DryRun;
}

export interface WarningDetail extends Omit<Warning, 'rules' | 'indicators'> {
  rules: { id: string; title: string; yaml: string; hash: string; check: { ok: boolean | null; reason: string | null } }[];
  indicators: { type: string; value: string; valid_until: string | null }[];
  history: { at: string; who: string; what: string; reason: string | null }[];
  /** The way it came from other hubs, nearest last; empty: the hub's own finding. */
  derived: { circle: string; warning: string; version: number }[];
}
