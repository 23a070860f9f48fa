// SPDX-License-Identifier: EUPL-1.2
// The kinds of record that the reader may see, read once a session, and the words for what stands in their files:
// labels, helps and words to choose from. English stands in the file itself; i18n/registers/ has the other languages, and the
// English of names that a file only abbreviates. What nobody has translated is shown as the file has it.
import { computed, effect, signal } from '@preact/signals';
import { get, session } from '../base/api';
import { language } from '../base/i18n';
import { shownKinds } from '../state/kinds';
import en from '../../../i18n/registers/en.json';
import type { Kind, KindRow, Kinds, Schema, Transition } from './types';

type Words = Record<string, string | boolean>;
const loaders: Record<string, () => Promise<{ default: Words }>> = {
  bg: () => import('../../../i18n/registers/bg.json'),
  da: () => import('../../../i18n/registers/da.json'),
  de: () => import('../../../i18n/registers/de.json'),
  es: () => import('../../../i18n/registers/es.json'),
  fr: () => import('../../../i18n/registers/fr.json'),
  hr: () => import('../../../i18n/registers/hr.json'),
  it: () => import('../../../i18n/registers/it.json'),
  nl: () => import('../../../i18n/registers/nl.json'),
};
const words = signal<Words>(en);
effect(() => {
  const code = language.value;
  const load = loaders[code];
  if (!load) {
    words.value = en;
    return;
  }
  load().then(
    (m) => {
      if (language.value === code) words.value = m.default;
    },
    () => (words.value = en),
  );
});

export const kinds = signal<Kinds | null>(null);
export const kindOf = (plural: string): Kind | undefined => kinds.value?.items.find((k) => k.plural === plural);
effect(() => {
  shownKinds.value = (kinds.value?.items ?? []).map((k) => ({ plural: k.plural, title: kindTitle(k) }));
});

/** Members of JSON have no order: a kind's fields get the one of their file, members inside of fields what must be there first. */
function ordered(k: Kind): Kind {
  const inside = (s: Schema): Schema => {
    if (s.items) return { ...s, items: inside(s.items) };
    if (!s.properties) return s;
    const names = Object.keys(s.properties);
    const first = names.filter((n) => s.required?.includes(n));
    return { ...s, properties: Object.fromEntries([...first, ...names.filter((n) => !first.includes(n))].map((n) => [n, inside(s.properties?.[n] ?? {})])) };
  };
  const all = k.schema.properties ?? {};
  const names = [...k.order.filter((n) => n in all), ...Object.keys(all).filter((n) => !k.order.includes(n))];
  const defs = Object.fromEntries(Object.entries(k.schema.$defs ?? {}).map(([n, s]) => [n, inside(s)]));
  return { ...k, schema: { ...k.schema, $defs: defs, properties: Object.fromEntries(names.map((n) => [n, inside(all[n] ?? {})])) } };
}

export async function readKinds(): Promise<void> {
  const read = await get<Kinds>('/registers');
  kinds.value = { ...read, items: read.items.map(ordered) };
}

const word = (...keys: string[]): string | undefined => {
  for (const k of keys) {
    const v = words.value[k];
    if (typeof v === 'string') return v;
  }
  return undefined;
};

/** "legal_ids" as "Legal ids", for what has no other name. */
export const spelt = (name: string): string => {
  const s = name.replace(/_/g, ' ').trim();
  return s.charAt(0).toUpperCase() + s.slice(1);
};

export const kindTitle = (k: Pick<Kind, 'name' | 'title'>): string => word(k.name) ?? k.title;
/** Of a kind that may be off: what it is called and what it is for. */
export const told = (k: KindRow): { title: string; about: string } => ({ title: kindTitle(k), about: word(`${k.name}?`) ?? k.about });
export const kindHelp = (k: Kind): string => word(`${k.name}?`) ?? k.schema.description ?? '';
/** `path` is the name of a field, or FIELD.MEMBER inside of it. */
export const label = (k: Kind, path: string, s?: Schema): string =>
  word(`${k.name}.${path}`, `.${path.slice(path.lastIndexOf('.') + 1)}`) ?? s?.title ?? spelt(path.slice(path.lastIndexOf('.') + 1));
/** Fields that an expression names, as people call them. */
export const madeOf = (k: Kind, expression: string): string => {
  const names = [...expression.replace(/'[^']*'/g, '').matchAll(/(?<![.\w])[a-z]\w*/g)].map((m) => m[0]).filter((n) => n in (k.schema.properties ?? {}));
  return [...new Set(names)].map((n) => label(k, n, k.schema.properties?.[n])).join(', ');
};
export const help = (k: Kind, path: string, s: Schema): string => word(`${k.name}.${path}?`) ?? s.description ?? '';
export const choice = (k: Kind, path: string, value: string): string => word(`${k.name}.${path}=${value}`, `=${value}`) ?? spelt(value);
export const stateWord = (k: Kind, id: string): string => word(`${k.name}@${id}`, `@${id}`) ?? spelt(id);

/** Kinds are switched for the whole node: by whoever may, and only with an account of it. */
export const switches = computed(() => Boolean(session.value?.user.whole_node && session.value.user.rights?.includes('registers.manage')));
/** What the reader may do with records of a kind, as the node says. It decides each try; this only spares vain ones. */
const writes = computed(() => session.value?.user.rights?.includes('registers.write') ?? true);
export const may = (k: Kind, op: 'create' | 'change' | 'move'): boolean => writes.value && k.may.includes(op);
/** A field that names records of a kind that is off, or that the reader may not read, has nothing to choose from and nothing to show. */
const leadsNowhere = (k: Kind, field: string): boolean => {
  const ref = k.schema.properties?.[field]?.['x-ref'];
  return ref !== undefined && !kinds.value?.items.some((x) => x.name === ref.kind);
};
export const rightOn = (k: Kind, field: string): 'write' | 'read' | 'hidden' =>
  k.hidden.includes(field) || leadsNowhere(k, field) ? 'hidden' : k.fixed.includes(field) ? 'read' : 'write';

export const isFinal = (k: Kind, state: string): boolean => k.schema['x-states'].list.some((s) => s.id === state && s.final === true);
export const transition = (k: Kind, from: string, to: string): Transition | undefined =>
  k.schema['x-states'].transitions?.find((w, i) => w.from === from && w.to === to && k.ways.includes(i));
