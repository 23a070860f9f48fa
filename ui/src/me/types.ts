// SPDX-License-Identifier: EUPL-1.2
// What GET /me answers, and what the page has read of a department.
import type { Gap } from '../registers/gaps';
import type { DueRow, Kind, RecordRow } from '../registers/types';

export interface Place {
  organisation: string;
  by: 'account' | 'appointment';
  /** A department below one where the reader is appointed. */
  below: boolean;
}
export interface Appointment {
  id: string;
  organisation: string;
  function: string;
  role: string;
  act: string;
  unit: string;
  person: string;
  deputy: string;
  as_deputy: boolean;
  /** Now. */
  holds: boolean;
  /** It opens something to the reader now. */
  acts: boolean;
  begins: string;
  ends: string | null;
  /** What it opens where it is for, as names of rights. */
  rights: string[];
  /** Its record may be read. */
  readable: boolean;
}
export interface Me {
  at: string;
  person: string;
  name: string;
  organisations: Place[];
  appointments: Appointment[];
  more: boolean;
}

/** How many records of a state a list has, and its first ones. */
export interface Part {
  kind: Kind;
  state: string;
  count: number;
  /** There are more than that. */
  more: boolean;
  rows: RecordRow[];
}
export interface HostAlerts {
  count: number;
  more: boolean;
}
export interface Department {
  at: number;
  organisation: string;
  parts: Part[];
  /** Records whose day is past, by kind. */
  past: Part[];
  due: DueRow[];
  dueMore: boolean;
  gaps: Gap[] | null;
  gapsFrom: string;
  /** Open alerts by what systems are called in events; null: the reader does not follow the watch. */
  alerts: ReadonlyMap<string, HostAlerts> | null;
}

/** One thing that is asked of the reader: in a sentence, with where it is done. */
export interface Task {
  key: string;
  text: string;
  to: string;
  /** The same for what is asked of many records in the same words; empty where each stands for itself. */
  alike: string;
  /** Of a record with a day. */
  row: DueRow | null;
}
