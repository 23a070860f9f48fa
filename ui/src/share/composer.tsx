// SPDX-License-Identifier: EUPL-1.2
// Writing a story, or a new version of one's own: its label, its audience, and before anything is sent the exact list of who will be able to read it.
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
import { PAPS, TLPS, type Addressed, type Board, type Circle, type ItemDetail, type Person, type Preview, type Tlp as Label } from './types';

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
  /** Of a new version: that it lets more people read is meant. */
  widen: Signal<boolean>;
}

/** How an audience stands in the form; null: it says more than the form can, and stays as it is. */
function reachOf(a: Addressed, persons: Person[]): { reach: Reach; names: string } | null {
  const keys = Object.keys(a);
  if (keys.length !== 1) return null;
  if (a.all) return { reach: 'all', names: '' };
  if (a.nda) return { reach: 'nda', names: '' };
  if (a.orgs) return { reach: 'orgs', names: a.orgs.join('\n') };
  return a.persons ? { reach: 'persons', names: persons.map((p) => `${p.name} @ ${p.organisation}`).join('\n') } : null;
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
const bodyOf = (d: Draft, kept: Addressed | null, edits: boolean): object => ({
  kind: d.kind.value,
  title: d.title.value.trim(),
  text: d.text.value,
  tlp: d.tlp.value,
  pap: d.pap.value,
  chr: d.chr.value,
  circle: d.circle.value,
  audience: kept ?? audienceOf(d),
  ...(edits ? { widen: d.widen.value } : {}),
});

function Reaching({ p, wrong, d }: { p: Preview | null; wrong: string | null; d: Draft }) {
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
      {p?.widens && (
        <label class="check">
          <input type="checkbox" checked={d.widen.value} onChange={(e) => (d.widen.value = e.currentTarget.checked)} />
          <span>{t('compose.widen')}</span>
        </label>
      )}
      {p?.narrows && !p.blocked && <p>{t('compose.narrows')}</p>}
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

function Choices({ d, circles, kept, edits }: { d: Draft; circles: Circle[]; kept: Addressed | null; edits: boolean }) {
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
      {!edits && (
        <Field id="c-circle" label={t('circle.name')}>
          <select id="c-circle" value={d.circle.value} onChange={(e) => (d.circle.value = e.currentTarget.value)}>
            {circles.map((c) => (
              <option key={c.id} value={c.id}>
                {visibleLine(c.name)}
              </option>
            ))}
          </select>
        </Field>
      )}
      {kept && <p class="hint">{t('compose.kept')}</p>}
      {!kept && d.tlp.value !== 'RED' && (
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
      {!kept && (d.tlp.value === 'RED' || d.reach.value === 'orgs' || d.reach.value === 'persons') && (
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

function Form({ circles, of }: { circles: Circle[]; of?: ItemDetail }) {
  const { route } = useLocation();
  const was = of?.addressed ? reachOf(of.addressed, of.audience.persons) : null;
  const kept = of && !was ? (of.addressed ?? null) : null;
  const d: Draft = {
    kind: useSignal<(typeof KINDS)[number]>(of?.kind ?? 'story'),
    title: useSignal(of?.title ?? ''),
    text: useSignal(of?.text ?? ''),
    tlp: useSignal<Label>(of?.tlp ?? 'AMBER+STRICT'),
    pap: useSignal(of?.pap ?? 'AMBER'),
    chr: useSignal(of?.chr ?? false),
    circle: useSignal(of?.circle ?? circles[0]?.id ?? ''),
    reach: useSignal<Reach>(was?.reach ?? 'all'),
    names: useSignal(was?.names ?? ''),
    widen: useSignal(false),
  };
  const at = of ? `/items/${encodeURIComponent(of.id)}` : '/items';
  const body = (): object => ({ ...bodyOf(d, kept, of !== undefined), ...(of?.of ? { of: of.of } : {}), ...(of?.expires ? { expires: of.expires } : {}) });
  const preview = useSignal<Preview | null>(null);
  const previewWrong = useSignal<string | null>(null);
  const wrong = useSignal<{ field: string; text: string } | null>(null);
  const busy = useSignal(false);
  const serial = useRef(0);
  const choice = JSON.stringify({ ...body(), title: '', text: '' });

  useEffect(() => {
    const mine = (serial.current += 1);
    const timer = setTimeout(() => {
      post<Preview>(`${at}/preview`, { ...body(), title: '-', text: '-' }).then(
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
      const made = await post<{ id: string }>(of ? `${at}/version` : at, body());
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
      {!of && (
        <Field id="c-kind" label={t('compose.kind')} hint={t(`kind_hint.${d.kind.value}`)}>
          <select id="c-kind" value={d.kind.value} aria-describedby="c-kind-hint" onChange={(e) => (d.kind.value = e.currentTarget.value as (typeof KINDS)[number])}>
            {KINDS.map((k) => (
              <option key={k} value={k}>
                {t(`kind.${k}`)}
              </option>
            ))}
          </select>
        </Field>
      )}
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
      <Choices d={d} circles={circles} kept={kept} edits={of !== undefined} />
      <Reaching p={preview.value} wrong={previewWrong.value} d={d} />
      <div class="acts">
        <button class="btn main-act" type="submit" disabled={busy.value || !preview.value || preview.value.blocked !== null || n === 0}>
          {people ? tn('compose.send_people', n) : tn('compose.send', n)}
        </button>
        <a class="btn" href={of ? `/stories/${encodeURIComponent(of.id)}` : '/stories'}>
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

/** A new version of an item of one's own. */
export function VersionPage({ id }: { id: string }) {
  const { data, wrong, again } = useResource<ItemDetail>(`/items/${encodeURIComponent(id)}`);
  const i = data.value;
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{t('story.version')}</h1>
        <p class="soft">{t('compose.version_lead')}</p>
      </div>
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!i && !wrong.value && <Slow text={t('share.reading')} />}
      {i && (!i.mine || i.state === 'retracted') && (
        <Empty title={t('compose.not_yours')}>
          <a class="btn" href="/stories">
            {t('story.all')}
          </a>
        </Empty>
      )}
      {i && i.mine && i.state !== 'retracted' && <Form circles={[]} of={i} />}
    </div>
  );
}
