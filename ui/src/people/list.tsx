// SPDX-License-Identifier: EUPL-1.2
// Who has an account here: found by name, made with a one-time link, opened one by one.
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { get, post, query, session } from '../base/api';
import { drawn } from '../base/drawn';
import { t, tOr } from '../base/i18n';
import { addKeys } from '../base/keys';
import { Age, CopyButton, Empty, Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { Field, shownDay } from '../share/parts';
import { quarter } from '../state/ticks';
import { ActForm } from './fields';
import { looksTitle, mayLook } from './looks';
import { maySeeRetention } from './retention';
import { Staff } from './staff';
import type { Person, Role } from './types';

export const mayManage = (): boolean => session.value?.user.rights?.includes('people.manage') ?? false;
export const roleTitle = (roles: Role[], name: string): string => tOr(`people.is_${name}`, visibleLine(roles.find((r) => r.name === name)?.title ?? name));

/** A link that somebody is given, shown this once. */
export function LinkOnce({ name, made, onDone }: { name: string; made: { link: string; expires: string }; onDone: () => void }) {
  const head = useRef<HTMLHeadingElement>(null);
  const url = location.origin + made.link;
  useLayoutEffect(() => head.current?.focus(), []);
  return (
    <div class="made">
      <h3 ref={head} tabIndex={-1}>
        {t('people.link_made', { name: visibleLine(name) })}
      </h3>
      <p class="secret">
        <code>{url}</code>
        <CopyButton text={url} label={t('links.copy')} />
      </p>
      <p>{t('people.link_once', { day: shownDay(made.expires) })}</p>
      <p class="acts">
        <button class="btn main-act" type="button" onClick={onDone}>
          {t('token.kept')}
        </button>
      </p>
    </div>
  );
}

export function RoleSelect({ id, roles, value, onChange }: { id: string; roles: Role[]; value: string; onChange: (v: string) => void }) {
  const role = roles.find((r) => r.name === value);
  return (
    <Field id={id} label={t('people.role')} hint={role ? visibleLine(role.help) : undefined}>
      <select id={id} value={value} aria-describedby={role ? `${id}-hint` : undefined} onChange={(e) => onChange(e.currentTarget.value)}>
        {roles.map((r) => (
          <option key={r.name} value={r.name}>
            {roleTitle(roles, r.name)}
          </option>
        ))}
      </select>
    </Field>
  );
}

/** What stands in the way of somebody, or that nothing does. */
export function Standing({ p }: { p: Person }) {
  if (p.disabled) return <span class="chip is-off">{t('people.disabled')}</span>;
  if (!p.password) return <span class="chip is-wait">{t('people.invited')}</span>;
  return <span class="chip is-ok">{t('people.active')}</span>;
}

function Make({ roles, onMade, onCancel }: { roles: Role[]; onMade: () => void; onCancel: () => void }) {
  const role = useSignal(roles.some((r) => r.name === 'reader') ? 'reader' : (roles[0]?.name ?? ''));
  const made = useSignal<{ name: string; link: string; expires: string } | null>(null);
  if (made.value) return <LinkOnce name={made.value.name} made={made.value} onDone={onCancel} />;
  return (
    <ActForm id="person" focus send={t('people.make')} onCancel={onCancel}
      inputs={[{ name: 'name', label: t('people.name'), hint: t('people.name_hint'), max: 64 },
        { name: 'organisation', label: t('people.organisation'), hint: t('people.organisation_hint'), max: 64, optional: true }]}
      onSend={async (v) => {
        const body: Record<string, string> = { name: (v.name ?? '').trim(), role: role.value };
        if (v.organisation?.trim()) body.organisation = v.organisation.trim();
        const got = await post<{ link: string; expires: string }>('/users', body);
        made.value = { name: body.name ?? '', ...got };
        onMade();
      }}>
      <RoleSelect id="person-role" roles={roles} value={role.value} onChange={(r) => (role.value = r)} />
    </ActForm>
  );
}

interface Page {
  items: Person[];
  next: string | null;
}

function Table({ items, roles }: { items: Person[]; roles: Role[] }) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('nav.people')}>
      <table class="plain people">
        <caption class="hide">{t('nav.people')}</caption>
        <thead>
          <tr>
            <th scope="col">{t('people.name')}</th>
            <th scope="col">{t('people.role')}</th>
            <th scope="col">{t('col.state')}</th>
            <th scope="col">{t('factor.title')}</th>
            <th scope="col">{t('people.seen')}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((p) => (
            <tr key={p.id}>
              <th scope="row">
                <a href={`/people/${p.id}`}>
                  <bdi>{visibleLine(p.name)}</bdi>
                </a>
                {p.organisation !== '*' && <span class="sub">{visibleLine(p.organisation)}</span>}
              </th>
              <td>{roleTitle(roles, p.role)}</td>
              <td>
                <Standing p={p} />
              </td>
              <td>{p.second_factor ? t('people.factor_on') : <span class="quiet">{t('people.factor_off')}</span>}</td>
              <td>
                <Age at={p.last_seen} now={quarter} none={t('people.never_seen')} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function PeoplePage({ roles }: { roles: Role[] }) {
  const words = useSignal('');
  const items = useSignal<Person[] | null>(null);
  const next = useSignal<string | null>(null);
  const wrong = useSignal<string | null>(null);
  const making = useSignal(false);
  const turn = useRef(0);
  const read = (more = false): void => {
    turn.current += 1;
    const mine = turn.current;
    get<Page>(`/users${query({ q: words.value.trim(), limit: 50, cursor: more ? next.value : null })}`).then(
      (page) => {
        if (mine !== turn.current) return; // an answer to earlier letters
        items.value = more ? [...(items.value ?? []), ...page.items] : page.items;
        next.value = page.next;
        wrong.value = null;
      },
      (err: unknown) => (wrong.value = problem(err)),
    );
  };
  useEffect(() => read(), []);
  const start = (): void => {
    if (mayManage()) making.value = true;
  };
  useEffect(() => addKeys({ make: start }), []);
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{t('nav.people')}</h1>
        <p class="soft">{t('people.lead')}</p>
        {(mayLook() || maySeeRetention()) && (
          <a class="btn" href="/people/looks">
            {looksTitle()}
          </a>
        )}
        {mayManage() && !making.value && (
          <button class="btn main-act tools" type="button" onClick={start}>
            {t('people.new')} <kbd>n</kbd>
          </button>
        )}
      </div>
      {making.value && (
        <section class="panel" aria-labelledby="make-h">
          <h2 id="make-h">{t('people.new')}</h2>
          <Make roles={roles} onMade={() => read()} onCancel={() => {
            making.value = false;
            drawn(() => document.querySelector<HTMLElement>('#main h1')?.focus());
          }} />
        </section>
      )}
      <Field id="people-q" label={t('people.find')}>
        <input id="people-q" type="search" maxLength={64} autocomplete="off" spellcheck={false} value={words.value}
          onInput={(e) => {
            words.value = e.currentTarget.value;
            read();
          }} />
      </Field>
      {wrong.value && <Problem text={wrong.value} onAgain={() => read()} />}
      {!items.value && !wrong.value && <Slow text={t('people.reading')} />}
      {items.value && items.value.length === 0 && <Empty title={t('people.none')} />}
      {items.value && items.value.length > 0 && <Table items={items.value} roles={roles} />}
      {next.value && (
        <p class="acts">
          <button class="btn" type="button" onClick={() => read(true)}>
            {t('people.more')}
          </button>
        </p>
      )}
      {mayManage() && <Staff roles={roles} onDone={() => read()} />}
    </div>
  );
}
