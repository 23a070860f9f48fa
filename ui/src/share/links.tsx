// SPDX-License-Identifier: EUPL-1.2
// Small members without a node: a personal link each, shown once, ended in one click; letters where there is an address.
import { useSignal } from '@preact/signals';
import { ApiError, del, post } from '../base/api';
import { LANGUAGES, t } from '../base/i18n';
import { Age, CopyButton } from '../base/parts';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { quarter } from '../state/ticks';
import { act, described, Field, shownDay, Twice, useResource } from './parts';
import type { Circle, LinkPage } from './types';

const DAYS = [30, 90, 180, 366] as const;

function List({ items, names, again }: { items: LinkPage[]; names: Map<string, string>; again: () => void }) {
  return (
    <ul class="rows stack">
      {items.map((i) => (
        <li key={i.id}>
          <span class="head">
            <span>
              {visibleLine(i.person)}, {visibleLine(i.organisation)}
            </span>
            <span class="acts">
              <Twice label={t('links.end')} sure={t('links.end_sure')} of={visibleLine(i.person)}
                onDo={() => void act(() => del(`/link-pages/${encodeURIComponent(i.id)}`), t('links.ended')).then(again)} />
            </span>
          </span>
          <span class="soft">
            {visibleLine(names.get(i.circle) ?? i.circle)}, {i.mail ? visibleLine(i.mail) : t('links.no_mail')}, {t('links.until', { day: shownDay(i.expires) })}{' '}
            {t('links.used')} <Age at={i.last_used} now={quarter} none={t('never')} />
          </span>
        </li>
      ))}
    </ul>
  );
}

function Make({ circles, again }: { circles: Circle[]; again: () => void }) {
  const f = { circle: useSignal(circles[0]?.id ?? ''), organisation: useSignal(''), person: useSignal(''), mail: useSignal(''), language: useSignal(''), days: useSignal('90') };
  const made = useSignal<{ path: string; person: string } | null>(null);
  const wrong = useSignal<{ field: string; text: string } | null>(null);
  const submit = async (): Promise<void> => {
    const { mail, language, ...must } = f;
    const empty = !must.organisation.value.trim() ? 'organisation' : !must.person.value.trim() ? 'person' : null;
    if (empty) {
      wrong.value = { field: empty, text: t('links.missing') };
      document.getElementById(`link-${empty}`)?.focus();
      return;
    }
    const body: Record<string, string | number> = { circle: must.circle.value, organisation: must.organisation.value.trim(), person: must.person.value.trim(), days: Number(must.days.value) };
    if (mail.value.trim()) body.mail = mail.value.trim();
    if (language.value) body.language = language.value;
    try {
      const got = await post<{ path: string }>('/link-pages', body);
      made.value = { path: got.path, person: must.person.value.trim() };
      wrong.value = null;
      must.person.value = mail.value = '';
      again();
    } catch (err) {
      wrong.value = { field: (err instanceof ApiError && err.where) || 'organisation', text: problem(err) };
    }
  };
  const bad = (name: string): string | null => (wrong.value?.field === name ? wrong.value.text : null);
  const text = (name: 'organisation' | 'person' | 'mail', hint?: string) => (
    <Field id={`link-${name}`} label={t(`links.${name}`)} hint={hint} wrong={bad(name)}>
      <input id={`link-${name}`} type={name === 'mail' ? 'email' : 'text'} required={name !== 'mail'} maxLength={200} autocomplete="off"
        aria-describedby={described(`link-${name}`, hint !== undefined, bad(name) !== null)} value={f[name].value} onInput={(e) => (f[name].value = e.currentTarget.value)} />
    </Field>
  );
  if (made.value) {
    const url = location.origin + made.value.path;
    return (
      <div class="made" role="status">
        <h3>{t('links.made', { name: visibleLine(made.value.person) })}</h3>
        <p class="secret">
          <code>{url}</code>
          <CopyButton text={url} label={t('links.copy')} />
        </p>
        <p>{t('links.once')}</p>
        <p class="acts">
          <button class="btn main-act" type="button" onClick={() => (made.value = null)}>
            {t('code.kept')}
          </button>
        </p>
      </div>
    );
  }
  return (
    <form
      class="form token-form"
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        void submit();
      }}
    >
      {text('organisation', t('links.organisation_hint'))}
      {text('person')}
      {text('mail', t('links.mail_hint'))}
      <Field id="link-circle" label={t('circle.name')} wrong={bad('circle')}>
        <select id="link-circle" value={f.circle.value} onChange={(e) => (f.circle.value = e.currentTarget.value)}>
          {circles.map((c) => (
            <option key={c.id} value={c.id}>
              {visibleLine(c.name)}
            </option>
          ))}
        </select>
      </Field>
      <Field id="link-language" label={t('links.language')}>
        <select id="link-language" value={f.language.value} onChange={(e) => (f.language.value = e.currentTarget.value)}>
          <option value="">{t('links.language_any')}</option>
          {LANGUAGES.map((l) => (
            <option key={l.code} value={l.code} lang={l.code}>
              {l.name}
            </option>
          ))}
        </select>
      </Field>
      <Field id="link-days" label={t('links.days')}>
        <select id="link-days" value={f.days.value} onChange={(e) => (f.days.value = e.currentTarget.value)}>
          {DAYS.map((n) => (
            <option key={n} value={String(n)}>
              {t('links.n_days', { n })}
            </option>
          ))}
        </select>
      </Field>
      <div class="acts">
        <button class="btn main-act" type="submit">
          {t('links.make')}
        </button>
      </div>
    </form>
  );
}

export function Links({ circles, names }: { circles: Circle[]; names: Map<string, string> }) {
  const { data, again } = useResource<{ items: LinkPage[] }>('/link-pages');
  return (
    <section class="panel" aria-labelledby="links-h">
      <div class="head">
        <h2 id="links-h">{t('links.title')}</h2>
        <span class="soft">{t('links.lead')}</span>
      </div>
      {data.value && data.value.items.length > 0 && <List items={data.value.items} names={names} again={again} />}
      <details>
        <summary>{t('links.new')}</summary>
        <Make circles={circles} again={again} />
      </details>
    </section>
  );
}
