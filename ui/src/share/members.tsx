// SPDX-License-Identifier: EUPL-1.2
// Membership on a hub: who asks to join, with the fingerprint to compare and the approvals so far; who is in; codes for
// new members. An approval carries the officer's password, because it is signed with the officer's own key.
import { useSignal } from '@preact/signals';
import { useLocation } from 'preact-iso/router';
import { post } from '../base/api';
import { exact, parseTime } from '../base/format';
import { t, tn } from '../base/i18n';
import { Age, CopyButton, Empty, Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { quarter } from '../state/ticks';
import { act, described, federationTabs, Field, shownDay, State, Tabs, Twice, useResource } from './parts';
import type { Board, Circle, JoinRequest, Member } from './types';

const READ_EVERY_MS = 15_000;

function Request({ r, again }: { r: JoinRequest; again: () => void }) {
  const password = useSignal('');
  const compared = useSignal(false);
  const wrong = useSignal<string | null>(null);
  const busy = useSignal(false);
  const approve = async (): Promise<void> => {
    if (!compared.value) {
      wrong.value = t('request.compare_first');
      return;
    }
    busy.value = true;
    try {
      await post(`/federation/requests/${encodeURIComponent(r.id)}/approve`, { password: password.value, fingerprint: r.fingerprint });
      again();
    } catch (err) {
      wrong.value = problem(err);
    } finally {
      busy.value = false;
      password.value = '';
    }
  };
  const refuse = (): void =>
    void act(() => post(`/federation/requests/${encodeURIComponent(r.id)}/refuse`, {}), t('request.refused', { name: visibleLine(r.organisation) })).then(again);
  return (
    <li class="request">
      <div class="head">
        <h3>{visibleLine(r.organisation)}</h3>
        <span class="soft">
          {t('request.asked', { circle: visibleLine(r.circle), by: visibleLine(r.code_by) })} <Age at={r.asked} now={quarter} />
        </span>
      </div>
      <p>{t('request.compare')}</p>
      <p class="secret">
        <code>{r.fingerprint}</code>
      </p>
      <p class="soft">
        {t('request.approvals', { n: r.approvals.length, needed: r.needed })}
        {r.approvals.map((a) => ` ${visibleLine(a.who)}.`).join('')}
      </p>
      <form
        class="form token-form"
        onSubmit={(e) => {
          e.preventDefault();
          void approve();
        }}
      >
        <label class="check">
          <input type="checkbox" checked={compared.value} onChange={(e) => (compared.value = e.currentTarget.checked)} />
          <span>{t('request.compared')}</span>
        </label>
        <Field id={`pw-${r.id}`} label={t('request.password')} hint={t('request.password_hint')} wrong={wrong.value}>
          <input
            id={`pw-${r.id}`}
            type="password"
            autocomplete="current-password"
            required
            aria-describedby={described(`pw-${r.id}`, true, wrong.value !== null)}
            value={password.value}
            onInput={(e) => {
              password.value = e.currentTarget.value;
              wrong.value = null;
            }}
          />
        </Field>
        <div class="acts">
          <button class="btn main-act" type="submit" disabled={busy.value}>
            {t('request.approve')}
          </button>
          <Twice label={t('request.refuse')} sure={t('request.refuse_sure')} of={visibleLine(r.organisation)} onDo={refuse} />
        </div>
      </form>
    </li>
  );
}

function Code({ circles }: { circles: Circle[] }) {
  const organisation = useSignal('');
  const circle = useSignal(circles[0]?.id ?? '');
  const made = useSignal<{ code: string; expires: string } | null>(null);
  const wrong = useSignal<string | null>(null);
  const submit = async (): Promise<void> => {
    try {
      made.value = await post('/federation/codes', { organisation: organisation.value.trim(), circle: circle.value });
      wrong.value = null;
    } catch (err) {
      wrong.value = problem(err);
    }
  };
  const until = made.value ? parseTime(made.value.expires) : null;
  return (
    <section class="panel" aria-labelledby="code-h">
      <div class="head">
        <h2 id="code-h">{t('code.title')}</h2>
        <span class="soft">{t('code.lead')}</span>
      </div>
      {made.value ? (
        <div class="made" role="status">
          <h3>{t('code.made', { name: visibleLine(organisation.value) })}</h3>
          <p class="secret">
            <code>{made.value.code}</code>
            <CopyButton text={made.value.code} label={t('code.copy')} />
          </p>
          <p>{t('code.once', { until: until === null ? t('not_known') : exact(until) })}</p>
          <p class="acts">
            <button
              class="btn main-act"
              type="button"
              onClick={() => {
                made.value = null;
                organisation.value = '';
              }}
            >
              {t('code.kept')}
            </button>
          </p>
        </div>
      ) : (
        <form
          class="form token-form"
          onSubmit={(e) => {
            e.preventDefault();
            void submit();
          }}
        >
          <Field id="code-org" label={t('member.organisation')} hint={t('code.org_hint')} wrong={wrong.value}>
            <input id="code-org" type="text" required maxLength={100} autocomplete="off" aria-describedby={described('code-org', true, wrong.value !== null)}
              value={organisation.value} onInput={(e) => (organisation.value = e.currentTarget.value)} />
          </Field>
          <Field id="code-circle" label={t('circle.name')}>
            <select id="code-circle" value={circle.value} onChange={(e) => (circle.value = e.currentTarget.value)}>
              {circles.map((c) => (
                <option key={c.id} value={c.id}>
                  {visibleLine(c.name)}
                </option>
              ))}
            </select>
          </Field>
          <div class="acts">
            <button class="btn main-act" type="submit">
              {t('code.make')}
            </button>
          </div>
        </form>
      )}
    </section>
  );
}

function List({ items, again }: { items: Member[]; again: () => void }) {
  const change = (m: Member, what: 'suspend' | 'remove'): void =>
    void act(
      () => post(`/federation/members/${encodeURIComponent(m.node)}/${what}`, { circle: m.circle }),
      t(`member.${what}ed`, { name: visibleLine(m.organisation) }),
    ).then(again);
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('share.members')}>
      <table class="plain">
        <caption class="hide">{t('share.members')}</caption>
        <thead>
          <tr>
            <th scope="col">{t('member.organisation')}</th>
            <th scope="col">{t('circle.name')}</th>
            <th scope="col">{t('col.state')}</th>
            <th scope="col">{t('link.contact')}</th>
            <th scope="col">{t('link.certificate')}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {items.map((m) => (
            <tr key={m.node + m.circle}>
              <th scope="row">
                {visibleLine(m.organisation)}
                <span class="sub">
                  <code>{m.fingerprint}</code>
                </span>
              </th>
              <td>
                {visibleLine(m.circle)}
                <span class="sub quiet"> {m.classes.map((c) => t(`class.${c}`)).join(', ')}</span>
              </td>
              <td>
                <State group="member_state" state={m.state} />
              </td>
              <td>
                <Age at={m.last_contact} now={quarter} none={t('never')} />
              </td>
              <td>
                {shownDay(m.certificate_expires)}
              </td>
              <td class="num">
                {m.state !== 'removed' && (
                  <span class="acts">
                    {m.state === 'active' && (
                      <Twice label={t('member.suspend')} sure={t('member.suspend_sure')} of={visibleLine(m.organisation)} onDo={() => change(m, 'suspend')} />
                    )}
                    <Twice label={t('member.remove')} sure={t('member.remove_sure')} of={visibleLine(m.organisation)} onDo={() => change(m, 'remove')} />
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function MembersPage() {
  const { query } = useLocation();
  const board = useResource<Board>('/federation');
  const members = useResource<{ items: Member[] }>('/federation/members', READ_EVERY_MS);
  const requests = useResource<{ items: JoinRequest[] }>('/federation/requests', READ_EVERY_MS);
  const circle = query.circle;
  const list = members.data.value?.items.filter((m) => !circle || m.circle === circle);
  const waiting = requests.data.value?.items.filter((r) => r.state === 'waiting') ?? [];
  const both = (): void => {
    members.again();
    requests.again();
  };
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{t('share.members')}</h1>
        {list && <p class="soft">{tn('member.count', list.length)}</p>}
      </div>
      <Tabs now="/federation/members" pages={federationTabs(true)} />
      {members.wrong.value && <Problem text={members.wrong.value} onAgain={both} />}
      {!list && !members.wrong.value && <Slow text={t('share.reading')} />}
      {waiting.length > 0 && (
        <section class="panel" aria-labelledby="requests-h">
          <div class="head">
            <h2 id="requests-h">{tn('request.title', waiting.length)}</h2>
          </div>
          <ul class="rows stack">
            {waiting.map((r) => (
              <Request key={r.id} r={r} again={both} />
            ))}
          </ul>
        </section>
      )}
      {list && list.length === 0 && (
        <Empty title={t('member.none')}>
          <p>{t('member.none_text')}</p>
        </Empty>
      )}
      {list && list.length > 0 && (
        <section class="panel" aria-labelledby="members-h">
          <div class="head">
            <h2 id="members-h">{t('member.in')}</h2>
            {circle && (
              <a class="btn small" href="/federation/members">
                {t('member.all')}
              </a>
            )}
          </div>
          <List items={list} again={both} />
        </section>
      )}
      {board.data.value && board.data.value.circles.length > 0 && <Code circles={board.data.value.circles} />}
    </div>
  );
}
