// SPDX-License-Identifier: EUPL-1.2
// Records that name one another: the names behind ids, the way to choose a record, what names this one, and what fails with it.
// Whom the reader may not see does not stand there: the node leaves him out.
import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, query as ask } from '../base/api';
import { formatNumber, t, tn } from '../base/i18n';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { kinds, kindOf, kindTitle, label, spelt } from './kinds';
import { listUrl } from './list';
import { MaskBar, maskedTitle } from './masked';
import { hasPanel } from './panels';
import type { Chain } from './picture';
import type { Kind, RecordLink, RecordPage, RecordRow, Schema } from './types';
import { StateChip } from './value';

const FOUND_MAX = 8;
const ASK_AFTER_MS = 200;
const LAST = '\u{10FFFF}';

/** Titles of records that were seen in this window, by id. */
const titles = signal<ReadonlyMap<string, string>>(new Map());
export const nameOfRecord = (id: string): string => titles.value.get(id) ?? id;
export function learn(all: readonly { id: string; title: string }[]): void {
  if (all.some((x) => titles.value.get(x.id) !== x.title)) titles.value = new Map([...titles.value, ...all.map((x) => [x.id, x.title] as const)]);
}
/** By what a record is called here: its title, or what stands for one that is masked. */
export const shownTitle = (x: { id: string; title: string; masked: boolean }): string => (x.masked ? maskedTitle(x.id) : x.title);
const learnLinks = (all: readonly RecordLink[]): void => learn(all.map((l) => ({ id: l.id, title: shownTitle(l) })));
const learnRecord = (k: Kind, r: RecordRow): void => {
  const name = k.schema['x-table'].title;
  learn([{ id: r.id, title: shownTitle({ id: r.id, title: String(r.fields[name] ?? r.id), masked: r.masked.includes(name) }) }]);
  learnLinks(r.links ?? []);
};
export { learnLinks };
export { learnRecord };

export const refKind = (s: Schema): Kind | undefined => kinds.value?.items.find((k) => k.name === s['x-ref']?.kind);

/** Whether records of this kind can stand in a chain: they stand on others, or others on them. */
export const inChains = (k: Kind): boolean =>
  (kinds.value?.items ?? []).some((x) => Object.values(x.schema.properties ?? {}).some((s) => s['x-ref']?.stands_on === true && (x.name === k.name || s['x-ref'].kind === k.name)));
export const chainPath = (plural: string, id: string): string => `/registers/${plural}/${encodeURIComponent(id)}/chain`;

/** Of a field that names records: each with its state, as a link, and with what fails where it fails. */
export function Linked({ links }: { links: readonly RecordLink[] }) {
  return (
    <ul class="reg-links">
      {links.map((l) => {
        const k = kindOf(l.plural);
        return (
          <li key={l.id}>
            <a href={`/registers/${l.plural}/${l.id}`}>{visibleLine(shownTitle(l))}</a> {k && <StateChip kind={k} state={l.state} />}
            {k && inChains(k) && (
              <a class="reg-fails" href={chainPath(l.plural, l.id)} aria-label={`${t('reg.to_chain')}: ${visibleLine(shownTitle(l))}`}>
                {t('reg.to_chain')}
              </a>
            )}
          </li>
        );
      })}
    </ul>
  );
}

interface PickerProps {
  id: string;
  name: string;
  schema: Schema;
  many: boolean;
  described: string | undefined;
  invalid: true | undefined;
  value: string[];
  onChange: (ids: string[]) => void;
}
/** Chosen records with a button that takes each away, and a box that finds others by how their title begins. */
export function Picker({ id, name, schema, many, described, invalid, value, onChange }: PickerProps) {
  const text = useSignal('');
  const found = useSignal<{ id: string; title: string }[] | null>(null);
  const wrong = useSignal<string | null>(null);
  const kind = refKind(schema);
  useEffect(() => {
    if (!kind) return undefined;
    const q = text.value.trim();
    if (q === '') {
      found.value = null;
      return undefined;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      const title = kind.schema['x-table'].title;
      get<RecordPage>(`/registers/${kind.plural}${ask({ [`${title}.from`]: q, [`${title}.to`]: q + LAST, sort: title, limit: FOUND_MAX })}`, abort.signal).then(
        (p) => {
          found.value = p.items.map((r) => ({ id: r.id, title: String(r.fields[title] ?? r.id) }));
          learn(found.value);
          wrong.value = null;
        },
        (err: unknown) => {
          if (!(err instanceof DOMException)) wrong.value = problem(err);
        },
      );
    }, ASK_AFTER_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text.value, kind]);
  const take = (x: string): void => {
    onChange(many ? [...value.filter((v) => v !== x), x] : [x]);
    text.value = '';
    document.getElementById(id)?.focus();
  };
  const rest = found.value?.filter((f) => !value.includes(f.id)) ?? [];
  return (
    <div class="reg-picker">
      {value.length > 0 && (
        <ul class="reg-words">
          {value.map((v) => (
            <li key={v} class="chip">
              {visibleLine(nameOfRecord(v))}
              <button type="button" class="reg-x" aria-label={t('reg.unlink', { title: visibleLine(nameOfRecord(v)) })} onClick={() => {
                  onChange(value.filter((x) => x !== v));
                  document.getElementById(id)?.focus();
                }}>
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      {kind && kind.masked.includes(kind.schema['x-table'].title) && <MaskBar kind={kind} masked onChange={() => (text.value = '')} inside />}
      <input id={id} type="text" autocomplete="off" maxLength={200} disabled={kind?.masked.includes(kind.schema['x-table'].title)} aria-label={t('reg.find_in', { name, kind: kind ? kindTitle(kind) : name })} placeholder={t('reg.begins')}
        aria-describedby={described} aria-invalid={invalid} value={text.value} onInput={(e) => (text.value = e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key !== 'Enter' || text.value.trim() === '') return;
          e.preventDefault(); // chooses what was found, rather than to save what is half typed
          if (rest[0]) take(rest[0].id);
        }} />
      <div role="status" class="soft">
        {wrong.value ?? (found.value === null ? '' : rest.length === 0 ? t('reg.found_none') : tn('reg.found', rest.length))}
      </div>
      {rest.length > 0 && (
        <ul class="reg-found">
          {rest.map((f) => (
            <li key={f.id}>
              <button class="btn small" type="button" onClick={() => take(f.id)}>
                {visibleLine(f.title)}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

interface Named {
  name: string;
  kind: string;
  plural: string;
  field: string;
  count: number;
  uncounted: boolean;
}
/** What names this record, each count the list of those. */
export function NamedBy({ kind, record }: { kind: Kind; record: RecordRow }) {
  const all = useSignal<Named[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    get<{ items: Named[] }>(`/registers/${kind.plural}/${record.id}/named_by`, abort.signal).then(
      (a) => (all.value = a.items.filter((n) => n.count > 0 && !hasPanel(kind.name, n.kind, n.field))),
      () => undefined,
    );
    return () => abort.abort();
  }, [record.id]);
  if (!all.value.length) return null;
  return (
    <section class="panel" aria-labelledby="named-h">
      <h2 id="named-h">{t('reg.named_by')}</h2>
      <ul class="rows">
        {all.value.map((n) => {
          const k = kindOf(n.plural);
          if (!k) return null;
          return (
            <li key={n.plural + n.field}>
              <a class="fig" href={listUrl(k, { filters: [{ field: n.field, how: 'is', value: record.id }] })}>
                {n.uncounted ? '>' : ''}
                {formatNumber(n.count)} {kindTitle(k)}
              </a>
              <span class="soft">{label(k, n.field, k.schema.properties?.[n.field])}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** What stands on a record, or on what it stands, over any records between; nearest first. */
export function ChainLists({ chain, direction }: { chain: Chain; direction: 'up' | 'down' }) {
  if (!chain.items.length) return null;
  const plurals = [...new Set(chain.items.map((i) => i.plural))];
  return (
    <section class="panel" aria-labelledby={`chain-${direction}-h`}>
      <h2 id={`chain-${direction}-h`} tabIndex={-1}>
        {t(`reg.chain_${direction}`)}
      </h2>
      {plurals.map((p) => {
        const k = kindOf(p);
        const of = chain.items.filter((i) => i.plural === p);
        return (
          <div key={p} class="reg-chain">
            <h3>{k ? kindTitle(k) : spelt(p)}</h3>
            <ul class="reg-links">
              {of.map((i) => (
                <li key={i.id}>
                  <a href={`/registers/${i.plural}/${i.id}`}>{visibleLine(shownTitle(i))}</a> {k && <StateChip kind={k} state={i.state} />}
                  {i.depth > 1 && <span class="soft"> {tn('reg.between', i.depth - 1)}</span>}
                </li>
              ))}
            </ul>
          </div>
        );
      })}
      {chain.more && <p class="soft">{t('reg.chain_more')}</p>}
    </section>
  );
}

/** The lists of a record, read when it is shown. */
export function ChainOf({ kind, record, direction }: { kind: Kind; record: RecordRow; direction: 'up' | 'down' }) {
  const chain = useSignal<Chain | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    get<Chain>(`/registers/${kind.plural}/${record.id}/chain?direction=${direction}`, abort.signal).then(
      (c) => (chain.value = c),
      () => undefined,
    );
    return () => abort.abort();
  }, [record.id, record.version]);
  return chain.value && <ChainLists chain={chain.value} direction={direction} />;
}
