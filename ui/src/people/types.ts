// SPDX-License-Identifier: EUPL-1.2
// What /account, /users and /roles answer. Times are ISO 8601 UTC.

export interface Account {
  id: string;
  name: string;
  role: string;
  role_title: string;
  organisation: string;
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
