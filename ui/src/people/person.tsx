// SPDX-License-Identifier: EUPL-1.2
// One person as an administrator sees him: role, standing, a new link, the second factor taken away. Each act tells why.
import { useSignal } from '@preact/signals';
import { ApiError, get, post, query, session } from '../base/api';
import { t } from '../base/i18n';
import { Age, Problem, Slow } from '../base/parts';
import { visibleLine } from '../base/visible';
import { act, shownDay, Twice, useResource } from '../share/parts';
import { quarter } from '../state/ticks';
import { say } from '../state/toast';
import { ActForm, useOpener } from './fields';
import { Tokens } from './tokens';
import { LinkOnce, mayManage, RoleSelect, roleTitle, Standing } from './list';
import type { Person, Role } from './types';

const why = () => ({ name: 'why', label: t('people.why'), hint: t('people.why_hint'), max: 1000, optional: true });

const recordName = () => ({ name: 'record', label: t('people.record'), hint: t('people.record_hint'), max: 200, optional: true });

/** The one record of the register of people of exactly this name; empty: nobody's. */
async function recordOf(name: string): Promise<string> {
  if (!name) return '';
  const page = await get<{ items: { id: string }[] }>(`/registers/people${query({ name, limit: 2 })}`);
  if (page.items.length === 1) return page.items[0]?.id ?? '';
  throw new ApiError(400, 'bad_body', t(page.items.length ? 'people.record_several' : 'people.record_unknown'), 'record');
}

function Acts({ p, roles, again }: { p: Person; roles: Role[]; again: () => void }) {
  const open = useSignal<string | null>(null);
  const show = useOpener(open);
  const role = useSignal(p.role);
  const link = useSignal<{ link: string; expires: string } | null>(null);
  const path = `/users/${encodeURIComponent(p.id)}`;
  const name = visibleLine(p.name);
  const send = (what: string, body: Record<string, string>, done: string) => async (v: Record<string, string>): Promise<void> => {
    await post(`${path}/${what}`, v.why?.trim() ? { ...body, why: v.why.trim() } : body);
    show(null);
    say(done);
    again();
  };
  const opener = (what: string, text: string) => (
    <button id={`open-${what}`} class="btn" type="button" onClick={() => show(what)}>
      {text}
    </button>
  );
  if (link.value) return <LinkOnce name={p.name} made={link.value} onDone={() => ((link.value = null), again())} />;
  switch (open.value) {
    case 'role':
      return (
        <ActForm id="role" focus="role-role" inputs={[why()]} send={t('people.role_give')} onCancel={() => show(null)}
          before={<RoleSelect id="role-role" roles={roles} value={role.value} onChange={(r) => (role.value = r)} />}
          onSend={(v) => send('role', { role: role.value }, t('people.role_given', { name, role: roleTitle(roles, role.value) }))(v)} />
      );
    case 'disable':
      return <ActForm id="disable" focus inputs={[why()]} send={t('people.disable')} onCancel={() => show(null)} onSend={send('disable', {}, t('people.disabled_done', { name }))} />;
    case 'person':
      return (
        <ActForm id="person" focus send={t('people.record_set')} onCancel={() => show(null)} inputs={[recordName(), why()]}
          onSend={async (v) => {
            const found = await recordOf((v.record ?? '').trim());
            await send('person', { person: found }, t(found ? 'people.record_done' : 'people.record_gone', { name }))(v);
          }} />
      );
    case 'factor':
      return (
        <ActForm id="factor" focus inputs={[why()]} send={t('people.factor_reset')} onCancel={() => show(null)}
          onSend={send('second-factor/reset', {}, t('people.factor_reset_done', { name }))} />
      );
    default:
      return (
        <p class="acts">
          {opener('role', t('people.role_other'))}
          {opener('person', t('people.record_set'))}
          {!p.disabled && (
            <Twice label={t('people.link')} sure={t('people.link_sure')} of={name}
              onDo={() => void act(async () => (link.value = await post<{ link: string; expires: string }>(`${path}/link`, undefined)), t('people.link_done'))} />
          )}
          {p.second_factor && opener('factor', t('people.factor_reset'))}
          {p.disabled ? (
            <button class="btn" type="button" onClick={() => void act(() => post(`${path}/enable`, {}), t('people.enabled_done', { name })).then(again)}>
              {t('people.enable')}
            </button>
          ) : (
            p.id !== session.value?.user.id && opener('disable', t('people.disable'))
          )}
        </p>
      );
  }
}

export function PersonPage({ id, roles }: { id: string; roles: Role[] }) {
  const { data, wrong, again } = useResource<Person>(`/users/${encodeURIComponent(id)}`);
  const p = data.value;
  return (
    <div class="page">
      <p>
        <a href="/people">{t('people.to_all')}</a>
      </p>
      <div class="head">
        <h1 tabIndex={-1}>{p ? <bdi>{visibleLine(p.name)}</bdi> : t('nav.people')}</h1>
        {p && <Standing p={p} />}
      </div>
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!p && !wrong.value && <Slow text={t('people.reading')} />}
      {p && (
        <section class="panel" aria-label={t('people.about')}>
          <dl class="kv">
            <dt>{t('people.role')}</dt>
            <dd>{roleTitle(roles, p.role)}</dd>
            <dt>{t('people.organisation')}</dt>
            <dd>{p.organisation === '*' ? t('people.whole_node') : visibleLine(p.organisation)}</dd>
            <dt>{t('people.record')}</dt>
            <dd>{p.person ? <a href={`/registers/people/${encodeURIComponent(p.person)}`}>{t('people.record_open')}</a> : t('people.record_none')}</dd>
            <dt>{t('factor.title')}</dt>
            <dd>{t(p.second_factor ? 'people.factor_on' : 'people.factor_off')}</dd>
            <dt>{t('people.made')}</dt>
            <dd>
              <Age at={p.created} now={quarter} />
            </dd>
            <dt>{t('people.seen')}</dt>
            <dd>
              <Age at={p.last_seen} now={quarter} none={t('people.never_seen')} />
            </dd>
            {p.link_expires && (
              <>
                <dt>{t('people.link_open')}</dt>
                <dd>{t('people.link_until', { day: shownDay(p.link_expires) })}</dd>
              </>
            )}
          </dl>
          {mayManage() && <Acts key={`${p.role}${p.disabled}${p.second_factor}${p.person}`} p={p} roles={roles} again={again} />}
        </section>
      )}
      {p && <Tokens path={`/users/${encodeURIComponent(p.id)}/tokens`} own={false} ends={mayManage()} />}
    </div>
  );
}
