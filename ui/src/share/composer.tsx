// SPDX-License-Identifier: EUPL-1.2
// Writing a story: its label, its audience, and before anything is sent the exact list of who will be able to read it.
// The list is asked of the node's one policy, never worked out here; the button repeats its number.
import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { ApiError, post } from '../base/api';
import { t, tn, tOr } from '../base/i18n';
import { Empty, Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { say } from '../state/toast';
import { described, Field, Tlp, useResource } from './parts';
import { PAPS, TLPS, type Board, type Circle, type Person, type Preview, type Tlp as Label } from './types';

const PREVIEW_AFTER_MS = 300;
const TITLE_MAX = 200;
const TEXT_MAX = 20_000;
const KINDS = ['story', 'teaser', 'notice'] as const;
type Reach = 'all' | 'nda' | 'orgs' | 'persons';

export const lines = (s: string): string[] => s.split(/[\n,;]+/).map((x) => x.trim()).filter(Boolean);

/** "name @ organisation", one a line: a person is told apart by where they work. */
export const personsOf = (s: string): Person[] =>
  lines(s).map((l) => {
    const at = l.lastIndexOf('@');
    return at < 0 ? { organisation: '', name: l } : { organisation: l.slice(at + 1).trim(), name: l.slice(0, at).trim() };
  });
export const personWords = (p: Person): string => `${visibleLine(p.name)}, ${visibleLine(p.organisation)}`;

interface Draft {
  kind: Signal<(typeof KINDS)[number]>;
  title: Signal<string>;
  text: Signal<string>;
  tlp: Signal<Label>;
  pap: Signal<string>;
  chr: Signal<boolean>;
  circle: Signal<string>;
  reach: Signal<Reach>;
  names: Signal<string>;
}

function audienceOf(d: Draft): object {
  switch (d.tlp.value === 'RED' ? 'persons' : d.reach.value) {
    case 'nda':
      return { nda: true };
    case 'orgs':
      return { orgs: lines(d.names.value) };
    case 'persons':
      return { persons: personsOf(d.names.value) };
    default:
      return { all: true };
  }
}
const bodyOf = (d: Draft): object => ({
  kind: d.kind.value,
  title: d.title.value.trim(),
  text: d.text.value,
  tlp: d.tlp.value,
  pap: d.pap.value,
  chr: d.chr.value,
  circle: d.circle.value,
  audience: audienceOf(d),
});

function Reaching({ p, wrong }: { p: Preview | null; wrong: string | null }) {
  return (
    <div class="aud" aria-live="polite">
      {wrong && <p class="error">{wrong}</p>}
      {!p && !wrong && <p class="soft">{t('compose.asking')}</p>}
      {p?.blocked && <strong>{visibleLine(p.blocked)}</strong>}
      {p && !p.blocked && (
        <>
          <strong>
            {p.persons.length > 0 ? tn('compose.reach_people', p.persons.length) : tn('compose.reach', p.organisations.length)}
          </strong>
          <details>
            <summary>{t('compose.list')}</summary>
            <ul class="rows">
              {[...p.organisations.map(visibleLine), ...p.persons.map(personWords)].map((o) => (
                <li key={o}>{o}</li>
              ))}
            </ul>
          </details>
        </>
      )}
      {p && p.left_out.length > 0 && (
        <ul class="no">
          {p.left_out.map((o) => (
            <li key={o.organisation + (o.person ?? '')}>
              {t('compose.not', { name: o.person ? personWords({ name: o.person, organisation: o.organisation }) : visibleLine(o.organisation), why: tOr(o.reason, visibleLine(o.reason)) })}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Choices({ d, circles }: { d: Draft; circles: Circle[] }) {
  return (
    <>
      <fieldset class="field">
        <legend>{t('compose.label')}</legend>
        <div class="pick">
          {TLPS.map((l) => (
            <label key={l}>
              <input type="radio" name="tlp" checked={d.tlp.value === l} onChange={() => (d.tlp.value = l)} />
              <Tlp label={l} />
              <span class="hint">{t(`tlp.${l}`)}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <Field id="c-circle" label={t('circle.name')}>
        <select id="c-circle" value={d.circle.value} onChange={(e) => (d.circle.value = e.currentTarget.value)}>
          {circles.map((c) => (
            <option key={c.id} value={c.id}>
              {visibleLine(c.name)}
            </option>
          ))}
        </select>
      </Field>
      {d.tlp.value !== 'RED' && (
        <Field id="c-reach" label={t('compose.reach_who')}>
          <select id="c-reach" value={d.reach.value} onChange={(e) => (d.reach.value = e.currentTarget.value as Reach)}>
            {(['all', 'nda', 'orgs', 'persons'] as const).map((r) => (
              <option key={r} value={r}>
                {t(`reach.${r}`)}
              </option>
            ))}
          </select>
        </Field>
      )}
      {(d.tlp.value === 'RED' || d.reach.value === 'orgs' || d.reach.value === 'persons') && (
        <Field id="c-names" label={t(d.tlp.value === 'RED' || d.reach.value === 'persons' ? 'compose.persons' : 'compose.orgs')}
          hint={t(d.tlp.value === 'RED' || d.reach.value === 'persons' ? 'compose.persons_hint' : 'compose.orgs_hint')}>
          <textarea id="c-names" rows={3} aria-describedby={described('c-names', true, false)} value={d.names.value}
            onInput={(e) => (d.names.value = e.currentTarget.value)} />
        </Field>
      )}
      <Field id="c-pap" label={t('compose.pap')} hint={t(`pap.${d.pap.value}`)}>
        <select id="c-pap" value={d.pap.value} aria-describedby="c-pap-hint" onChange={(e) => (d.pap.value = e.currentTarget.value)}>
          {PAPS.map((p) => (
            <option key={p} value={p}>{`PAP:${p}`}</option>
          ))}
        </select>
      </Field>
      <label class="check">
        <input type="checkbox" checked={d.chr.value} onChange={(e) => (d.chr.value = e.currentTarget.checked)} />
        <span>{t('compose.chr')}</span>
      </label>
    </>
  );
}

function Form({ circles }: { circles: Circle[] }) {
  const { route } = useLocation();
  const d: Draft = {
    kind: useSignal<(typeof KINDS)[number]>('story'),
    title: useSignal(''),
    text: useSignal(''),
    tlp: useSignal<Label>('AMBER+STRICT'),
    pap: useSignal('AMBER'),
    chr: useSignal(false),
    circle: useSignal(circles[0]?.id ?? ''),
    reach: useSignal<Reach>('all'),
    names: useSignal(''),
  };
  const preview = useSignal<Preview | null>(null);
  const previewWrong = useSignal<string | null>(null);
  const wrong = useSignal<{ field: string; text: string } | null>(null);
  const busy = useSignal(false);
  const serial = useRef(0);
  const choice = JSON.stringify({ ...bodyOf(d), title: '', text: '' });

  useEffect(() => {
    const mine = (serial.current += 1);
    const timer = setTimeout(() => {
      post<Preview>('/items/preview', { ...bodyOf(d), title: '-', text: '-' }).then(
        (p) => {
          if (mine !== serial.current) return;
          preview.value = p;
          previewWrong.value = null;
        },
        (err: unknown) => {
          if (mine !== serial.current) return;
          preview.value = null;
          previewWrong.value = problem(err);
        },
      );
    }, PREVIEW_AFTER_MS);
    return () => clearTimeout(timer);
  }, [choice]);

  const submit = async (): Promise<void> => {
    const empty = !d.title.value.trim() ? 'title' : !d.text.value.trim() ? 'text' : null;
    if (empty) {
      wrong.value = { field: empty, text: t(`compose.${empty}_missing`) };
      document.getElementById(`c-${empty}`)?.focus();
      return;
    }
    busy.value = true;
    try {
      const made = await post<{ id: string }>('/items', bodyOf(d));
      say(t('compose.sent'));
      route(`/stories/${encodeURIComponent(made.id)}`);
    } catch (err) {
      wrong.value = { field: err instanceof ApiError && err.where === 'text' ? 'text' : 'title', text: problem(err) };
    } finally {
      busy.value = false;
    }
  };
  const n = preview.value ? preview.value.persons.length || preview.value.organisations.length : 0;
  const people = (preview.value?.persons.length ?? 0) > 0;
  const bad = (f: string): string | null => (wrong.value?.field === f ? wrong.value.text : null);
  return (
    <form
      class="form panel compose"
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        void submit();
      }}
    >
      <Field id="c-kind" label={t('compose.kind')} hint={t(`kind_hint.${d.kind.value}`)}>
        <select id="c-kind" value={d.kind.value} aria-describedby="c-kind-hint" onChange={(e) => (d.kind.value = e.currentTarget.value as (typeof KINDS)[number])}>
          {KINDS.map((k) => (
            <option key={k} value={k}>
              {t(`kind.${k}`)}
            </option>
          ))}
        </select>
      </Field>
      <Field id="c-title" label={t('compose.title')} wrong={bad('title')}>
        <input id="c-title" type="text" maxLength={TITLE_MAX} aria-describedby={described('c-title', false, bad('title') !== null)} value={d.title.value}
          onInput={(e) => {
            d.title.value = e.currentTarget.value;
            wrong.value = null;
          }} />
      </Field>
      <Field id="c-text" label={t('compose.text')} wrong={bad('text')}>
        <textarea id="c-text" rows={8} maxLength={TEXT_MAX} aria-describedby={described('c-text', false, bad('text') !== null)} value={d.text.value}
          onInput={(e) => {
            d.text.value = e.currentTarget.value;
            wrong.value = null;
          }} />
      </Field>
      <Choices d={d} circles={circles} />
      <Reaching p={preview.value} wrong={previewWrong.value} />
      <div class="acts">
        <button class="btn main-act" type="submit" disabled={busy.value || !preview.value || preview.value.blocked !== null || n === 0}>
          {people ? tn('compose.send_people', n) : tn('compose.send', n)}
        </button>
        <a class="btn" href="/stories">
          {t('token.cancel')}
        </a>
      </div>
    </form>
  );
}

export function ComposerPage() {
  const { data, wrong, again } = useResource<Board>('/federation');
  const circles = data.value?.circles.filter((c) => c.state === 'valid');
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{t('story.new')}</h1>
        <p class="soft">{t('compose.lead')}</p>
      </div>
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!circles && !wrong.value && <Slow text={t('share.reading')} />}
      {circles && circles.length === 0 && (
        <Empty title={t('compose.no_circle')}>
          <p>{t('share.alone_text')}</p>
          <a class="btn" href="/federation">
            {t('nav.federation')}
          </a>
        </Empty>
      )}
      {circles && circles.length > 0 && <Form circles={circles} />}
    </div>
  );
}
