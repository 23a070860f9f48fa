// SPDX-License-Identifier: EUPL-1.2
// The form of a record, made from its register's file: a new one, or one to be changed. The node says what it cannot take, field by
// field; what was typed stays. When somebody was faster, both versions are shown and nobody's change is lost.
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { ApiError, get, post, put } from '../base/api';
import { when } from '../base/format';
import { t, tn } from '../base/i18n';
import { addKeys } from '../base/keys';
import { utc } from '../base/prefs';
import { Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { Field, useResource } from '../share/parts';
import { TLPS } from '../share/types';
import { go } from '../state/place';
import { quarter } from '../state/ticks';
import { say } from '../state/toast';
import { rememberRow, useArrival } from './arrive';
import { Conflict, type Choices } from './conflict';
import { drop, keep, keptAt, leaving } from './drafts';
import { Control, idOf, loose, type FormState } from './fields';
import { kindTitle, label, madeOf, may, rightOn, stateWord, transition } from './kinds';
import { learnRecord } from './links';
import { titleOf } from './list';
import { Masked, present } from './masked';
import { byPlace, clashes, follow, missingFor, same, toDrafts, toFields, type Drafts } from './model';
import { faultText, recordPath, Why } from './move';
import type { Fields, Kind, RecordRow } from './types';
import { Shown } from './value';

const labelsOf = (k: Kind): string[] => TLPS.slice(TLPS.indexOf((k.schema['x-tlp']?.max ?? 'RED') as (typeof TLPS)[number]));
const defaultLabel = (k: Kind): string => k.schema['x-tlp']?.default ?? 'AMBER+STRICT';

/** Reads what is to be changed first; a draft that was left here is taken up as it stood. */
export function EditPage({ kind, id }: { kind: Kind; id: string }) {
  const { data, wrong, again } = useResource<RecordRow>(recordPath(kind, id));
  if (data.value) learnRecord(kind, data.value);
  if (data.value) return <FormPage key={id} kind={kind} record={data.value} />;
  return (
    <div class="page reg">
      <a class="reg-up" href={recordPath(kind, id)}>
        {kindTitle(kind)}
      </a>
      <h1 class="hide">{kindTitle(kind)}</h1>
      {wrong.value ? <Problem text={wrong.value} onAgain={again} /> : <Slow text={t('reg.reading')} />}
    </div>
  );
}

function Summary({ form, names, wrong }: { form: FormState; names: string[]; wrong: string | null }) {
  const head = useRef<HTMLHeadingElement>(null);
  const n = [...form.faults.values()].reduce((a, f) => a + f.length, 0);
  useLayoutEffect(() => {
    if (n > 0 || wrong) head.current?.focus();
  }, [form.faults, wrong]);
  if (n === 0 && !wrong) return null;
  const jump = (place: string): void => {
    const el = document.getElementById(idOf(place)) ?? document.getElementById(idOf(place.split('/')[0] ?? ''));
    const to = el?.matches('fieldset') ? (el.querySelector<HTMLElement>('input, select, textarea, button') ?? el) : el;
    to?.focus();
  };
  const { kind } = form;
  const places = [...form.faults].filter(([p]) => names.includes(p.split('/')[0] ?? ''));
  return (
    <section class="reg-wrong" role="alert">
      <h2 tabIndex={-1} ref={head}>
        {wrong ?? tn('reg.faults', n)}
      </h2>
      <ul>
        {places.map(([place, f]) => {
          const [name = '', ...inside] = place.split('/');
          const last = inside.filter((x) => !/^\d+$/.test(x));
          return (
            <li key={place}>
              <a href={`#${idOf(place)}`} onClick={(e) => {
                  e.preventDefault();
                  jump(place);
                }}>
                {[label(kind, name, kind.schema.properties?.[name]), ...last.map((x) => label(kind, `${name}.${x}`))].join(', ')}
              </a>
              : {faultText(f[0]?.reason, f[0]?.message)}
            </li>
          );
        })}
        {loose(form, names).map((x) => (
          <li key={x.place + x.text}>{x.text}</li>
        ))}
      </ul>
    </section>
  );
}

export function FormPage({ kind, record }: { kind: Kind; record: RecordRow | null }) {
  const { query } = useLocation();
  const path = record ? `${recordPath(kind, record.id)}/edit` : `/registers/${kind.plural}/new`;
  const before = keptAt(path);
  const base = useSignal<RecordRow | null>(before ? before.base : record);
  const start = (): Drafts => toDrafts(base.value?.fields ?? {}, kind.schema, utc.value);
  const drafts = useSignal<Drafts>(before?.drafts ?? start());
  const tlp = useSignal(before?.tlp ?? base.value?.tlp ?? defaultLabel(kind));
  const why = useSignal(before?.why ?? '');
  const restored = useSignal(before?.at ?? 0);
  const faults = useSignal<FormState['faults']>(new Map());
  const wrong = useSignal<string | null>(null);
  const theirs = useSignal<RecordRow | null>(null);
  const busy = useSignal(false);
  const saved = useRef(false);
  const names = Object.keys(kind.schema.properties ?? {}).filter((n) => rightOn(kind, n) !== 'hidden');
  const masked = (n: string): boolean => record?.masked.includes(n) ?? false;
  const writes = (n: string): boolean => rightOn(kind, n) === 'write' && !masked(n);
  const target = query.for ?? '';
  const needed = record && target ? missingFor(transition(kind, record.state, target), present(record)) : [];
  const back = record ? recordPath(kind, record.id) : `/registers/${kind.plural}`;

  const mine = (): Fields => toFields(drafts.value, kind.schema, writes, utc.value);
  const dirty = (): boolean => {
    const empty = toFields(start(), kind.schema, writes, utc.value);
    return !same(mine(), empty) || tlp.value !== (base.value?.tlp ?? defaultLabel(kind)) || why.value !== '';
  };
  const remember = (): void => {
    if (dirty()) keep(path, { drafts: drafts.value, tlp: tlp.value, why: why.value, base: base.value, at: Date.now() });
    else drop(path);
  };
  const change = (name: string, v: Drafts[string]): void => {
    drafts.value = { ...drafts.value, [name]: v };
    remember();
  };

  useArrival(record ? t('reg.edit_of', { title: titleOf(kind, record) }) : t('reg.new'), true);
  useLayoutEffect(() => {
    const first = needed[0] ?? (record ? undefined : names.find(writes));
    const el = first ? document.getElementById(idOf(first)) : null;
    (el?.matches('fieldset') ? el.querySelector<HTMLElement>('input') : el)?.focus();
  }, []);
  useEffect(() => {
    const off = addKeys({ back: () => go(back) });
    return () => {
      off();
      if (!saved.current) leaving(path);
    };
  }, []);

  const send = async (fields: Fields, from: RecordRow | null): Promise<void> => {
    if (busy.value) return;
    busy.value = true;
    wrong.value = null;
    try {
      const reason = why.value.trim();
      const label_ = tlp.value === (from?.tlp ?? '') ? {} : { tlp: tlp.value };
      const body = { fields, ...label_, ...(reason ? { why: reason } : {}) };
      const done = from ? await put<RecordRow>(recordPath(kind, from.id), body, from.version) : await post<RecordRow>(`/registers/${kind.plural}`, body);
      saved.current = true;
      drop(path);
      rememberRow(kind.plural, done.id);
      say(t(from ? 'reg.saved' : 'reg.made', { title: titleOf(kind, done) }));
      go(`${recordPath(kind, done.id)}${target ? `?move=${encodeURIComponent(target)}` : ''}`, true);
    } catch (err) {
      if (err instanceof ApiError && err.status === 412 && record) {
        try {
          theirs.value = await get<RecordRow>(recordPath(kind, record.id));
          learnRecord(kind, theirs.value);
          faults.value = new Map();
        } catch (e) {
          wrong.value = problem(e);
        }
      } else if (err instanceof ApiError && err.faults.length) {
        faults.value = byPlace(err.faults);
      } else {
        wrong.value = problem(err);
        faults.value = new Map();
      }
    }
    busy.value = false;
  };

  const resolve = (choices: Choices): void => {
    const now = theirs.value;
    if (!now) return;
    const own = mine();
    const merged: Fields = {};
    for (const n of names) {
      const v = choices[n] === 'theirs' ? now.fields[n] : choices[n] === 'mine' ? own[n] : now.fields[n];
      if (v !== undefined) merged[n] = v;
    }
    if (choices.tlp === 'theirs') tlp.value = now.tlp;
    base.value = now;
    drafts.value = toDrafts(merged, kind.schema, utc.value);
    theirs.value = null;
    remember();
    void send(mine(), now);
  };

  const form: FormState = { kind, faults: faults.value };
  const discard = (): void => {
    restored.value = 0;
    base.value = record;
    drafts.value = start();
    tlp.value = record?.tlp ?? defaultLabel(kind);
    why.value = '';
    drop(path);
    document.querySelector<HTMLElement>('#main h1')?.focus();
  };
  const title = record ? t('reg.edit_of', { title: titleOf(kind, record) }) : t('reg.new');
  if (!may(kind, record ? 'change' : 'create')) {
    return (
      <div class="page reg">
        <h1 tabIndex={-1}>{title}</h1>
        <Problem text={t('error.forbidden')} />
      </div>
    );
  }
  if (theirs.value && base.value) {
    const list = clashes(base.value.fields, theirs.value.fields, mine(), names.filter(writes));
    return (
      <Conflict kind={kind} base={base.value} theirs={theirs.value} mine={tlp.value} list={list} onKeep={resolve}
        onBack={() => {
          theirs.value = null;
        }} />
    );
  }
  return (
    <div class="page reg">
      <div class="head">
        <a class="reg-up" href={back}>
          {record ? titleOf(kind, record) : kindTitle(kind)}
        </a>
        <div class="reg-title">
          <h1 tabIndex={-1}>{title}</h1>
        </div>
        <p class="lead">{needed.length ? t('reg.for_move', { state: stateWord(kind, target) }) : t('reg.form_lead')}</p>
      </div>
      {restored.value > 0 && (
        <div class="problem reg-restored" role="status">
          <p>{t('reg.restored', { when: when(restored.value, quarter.value) })}</p>
          <button class="btn" type="button" onClick={discard}>
            {t('reg.discard')}
          </button>
        </div>
      )}
      <form class="form reg-form" noValidate onSubmit={(e) => {
          e.preventDefault();
          void send(mine(), base.value);
        }}>
        <Summary form={form} names={names.filter(writes)} wrong={wrong.value} />
        {names.map((n) => {
          const s = follow(kind.schema.properties?.[n] ?? {}, kind.schema);
          if (!writes(n)) {
            return (
              <dl key={n} class="field reg-fixed">
                <dt>{label(kind, n, s)}</dt>
                <dd>{masked(n) ? <Masked /> : base.value?.fields[n] === undefined ? t('reg.empty') : <Shown kind={kind} path={n} value={base.value.fields[n]} schema={s} links={base.value.links} />}</dd>
                <dd class="hint">{s['x-computed'] ? t('reg.computed', { fields: madeOf(kind, s['x-computed']) }) : t(masked(n) ? 'reg.masked_stays' : 'reg.read_only')}</dd>
              </dl>
            );
          }
          return (
            <Control key={n} form={form} place={n} path={n} schema={s} needed={kind.schema.required?.includes(n) ?? false}
              mark={needed.includes(n) ? t('reg.needed_for', { state: stateWord(kind, target) }) : undefined} value={drafts.value[n] ?? ''} onChange={(v) => change(n, v)} />
          );
        })}
        <Field id="f-tlp" label={t('reg.label')} hint={t('reg.label_hint')} wrong={faults.value.get('tlp')?.[0]?.message}>
          <select id="f-tlp" class="reg-label" aria-describedby={faults.value.has('tlp') ? 'f-tlp-error f-tlp-hint' : 'f-tlp-hint'} aria-invalid={faults.value.has('tlp') ? true : undefined} value={tlp.value}
            onChange={(e) => {
              tlp.value = e.currentTarget.value;
              remember();
            }}>
            {labelsOf(kind).map((l) => (
              <option key={l} value={l}>{`TLP:${l}: ${t(`tlp.${l}`)}`}</option>
            ))}
          </select>
        </Field>
        <Why id="f-why" value={why} needed={false} wrong={null} />
        <div class="acts reg-end">
          <button class="btn main-act" type="submit" aria-disabled={busy.value}>
            {t(record ? 'reg.save' : 'reg.create')}
          </button>
          <a class="btn" href={back}>
            {t('reg.cancel')} <kbd>Esc</kbd>
          </a>
        </div>
      </form>
    </div>
  );
}
