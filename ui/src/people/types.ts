// SPDX-License-Identifier: EUPL-1.2
// What /account, /users and /roles answer. Times are ISO 8601 UTC.

export interface Account {
  id: string;
  name: string;
  role: string;
  role_title: string;
  organisation: string;
  /** Of this node; false where a provider or a directory says who one is. */
  password: boolean;
  second_factor: { on: boolean; since: string | null; required: boolean; recovery_codes: number };
}

export interface OwnSession {
  id: string;
  created: string;
  last_seen: string;
  address: string;
  this: boolean;
}

export interface Person {
  id: string;
  name: string;
  role: string;
  organisation: string;
  /** Id of the record of the register of people whose account it is; empty: nobody's. */
  person: string;
  created: string;
  disabled: string | null;
  last_seen: string | null;
  link_expires: string | null;
  password: boolean;
  second_factor: boolean;
}

export interface Role {
  name: string;
  title: string;
  help: string;
  second_factor: boolean;
  rights: string[];
}

/** A token of /account/tokens; days are days of UTC. */
export interface ApiToken {
  id: string;
  name: string;
  begins: string;
  scopes: string[];
  created: string;
  last_day: string;
  last_used: string | null;
  state: 'good' | 'over' | 'ended';
}

export interface StaffChange {
  row: number;
  what: 'joins' | 'role' | 'leaves';
  name: string;
  organisation: string;
  role: string | null;
  was: string | null;
  id?: string;
  link?: string | null;
}

/** What becomes of somebody's record of the register of people. */
export interface PersonChange {
  row: number;
  what: 'new' | 'changed' | 'left' | 'linked';
  id: string;
  title: string;
  fields: { field: string; before: unknown; after: unknown }[];
  /** Fields in which somebody else's word stays. */
  kept: string[];
  /** What a leaver is appointed to. */
  appointments: { id: string; organisation: string; function: string; unit: string; ends: string | null; deputy: string | null }[];
}

/** What a list of /staff-imports would do, or with import: did. */
export interface StaffReport {
  import: string | null;
  rows: number;
  joins: number;
  role: number;
  leaves: number;
  same: number;
  faulty: number;
  faults: { row: number; column: string; message: string }[];
  changes: StaffChange[];
  /** null: records of people are not the reader's to read and change. */
  persons: { new: number; changed: number; left: number; linked: number; same: number; faulty: number } | null;
  person_changes: PersonChange[];
}

export interface StaffImport {
  id: string;
  organisation: string;
  who: string;
  why: string;
  at: string;
  undone: string | null;
  changes: number;
}
