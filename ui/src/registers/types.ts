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
  readOnly?: boolean;
  $ref?: string;
  $defs?: Record<string, Schema>;
  'x-index'?: boolean;
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
  'x-perm'?: Record<string, { ops?: string[]; fields?: Record<string, 'hidden' | 'read'> }>;
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
  schema: RegisterSchema;
}

export interface Kinds {
  items: Kind[];
  refused: { file: string; line: number; why: string }[];
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
}

export interface RecordPage {
  items: RecordRow[];
  count: number;
  uncounted: boolean;
  next: string | null;
}
