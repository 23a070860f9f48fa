// SPDX-License-Identifier: EUPL-1.2
// A register's file as the node hands it out, and its records. docs/REGISTERS.md says what may stand in a file.

export type Value = string | number | boolean | null | Value[] | { [name: string]: Value };
export type Fields = Record<string, Value>;

/** JSON Schema, dialect 2020-12: what of it the page looks at. The rest is checked by the node alone. */
export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  enum?: Value[];
  format?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  anyOf?: Schema[];
  readOnly?: boolean;
  $ref?: string;
  $defs?: Record<string, Schema>;
  'x-index'?: boolean;
  'x-computed'?: string;
  'x-pii'?: { category: string };
  'x-ref'?: { kind: string; inverse?: string; stands_on?: boolean };
}

export interface Transition {
  from: string;
  to: string;
  roles: string[];
  reason?: boolean;
  guard?: Schema;
}

export interface RegisterSchema extends Schema {
  'x-table': { name: string; plural: string; title: string };
  'x-list'?: string[];
  'x-due'?: { name?: string; field?: string; from?: string; every?: number | string; before?: number | string; as: string }[];
  'x-tlp'?: { default?: string; max?: string };
  'x-states': { initial: string; list: { id: string; final?: boolean }[]; transitions?: Transition[] };
}

export interface Kind {
  name: string;
  plural: string;
  title: string;
  file: string;
  /** Fields as they stand in the file. */
  order: string[];
  /** What the reader may do, fields that he does not see or may only read, and his transitions by place in the file. */
  may: ('create' | 'change' | 'move')[];
  hidden: string[];
  fixed: string[];
  /** Fields that say something of a person, and whose values he does not get until he had them shown. */
  masked: string[];
  ways: number[];
  /** Mapping profiles by which tables of others are read. */
  profiles: { name: string; title: string }[];
  schema: RegisterSchema;
}

/** A kind, on or off, as GET /register-kinds tells it. */
export interface KindRow {
  name: string;
  plural: string;
  title: string;
  about: string;
  on: boolean;
  /** Names of kinds that go on with it, and of those that are on and cannot be without it. */
  needs: string[];
  needed_by: string[];
}

export interface Kinds {
  items: Kind[];
  refused: { file: string; line: number; why: string }[];
}

/** A record that another one names in a field. */
export interface RecordLink {
  field: string;
  kind: string;
  plural: string;
  id: string;
  /** Empty where it is masked. */
  title: string;
  masked: boolean;
  state: string;
}

/** The first day on which something is due: `in` days from today, below 0 when it is past. */
export interface Due {
  name: string;
  as: 'work' | 'ends' | 'look';
  day: string;
  in: number;
  remind: boolean;
}

/** One line of GET /due. */
export interface DueRow {
  id: string;
  kind: string;
  plural: string;
  title: string;
  masked: boolean;
  state: string;
  organisation: string;
  tlp: string;
  owner: string | null;
  mine: boolean;
  due: Due | null;
}
export interface DuePage {
  to: string;
  items: DueRow[];
  next: string | null;
}

export interface RecordRow {
  id: string;
  kind: string;
  organisation: string;
  author: string;
  state: string;
  tlp: string;
  created: string;
  changed: string;
  version: number;
  moves: string[];
  fields: Fields;
  /** Of a kind with x-due; null: nothing is due in its state. */
  due?: Due | null;
  /** Fields that have a value which is masked for the reader. */
  masked: string[];
  links?: RecordLink[];
}

export interface RecordPage {
  items: RecordRow[];
  count: number;
  uncounted: boolean;
  next: string | null;
}

/** What a table would do or did; `import` is the id of what was stored. */
export interface ImportReport {
  /** How a CSV was read. */
  reading?: { encoding: string; separator: string; profile: string | null; title?: string; passed_over?: number };
  import: string | null;
  new: number;
  changed: number;
  same: number;
  faulty: number;
  /** All faults; the first 200 are told. */
  count: number;
  faults: { row: number; column: string; where: string; reason: string; limit: string; message: string }[];
  changes: { row: number; what: 'new' | 'changed'; title: string; fields: { field: string; before: Value; after: Value }[] }[];
}

export interface Import {
  id: string;
  at: string;
  why: string;
  new: number;
  changed: number;
  undone: boolean;
  can_undo: boolean;
}
