// SPDX-License-Identifier: EUPL-1.2
// Membership on a hub: who asks to join, with the fingerprint to compare and the approvals so far; who is in; codes for
// new members; circles. Whatever changes a membership carries the officer's password, because it is signed with the
// officer's own key.
import { useSignal } from '@preact/signals';
import { useLocation } from 'preact-iso/router';
import { post } from '../base/api';
import { exact, parseTime } from '../base/format';
import { t, tn } from '../base/i18n';
import { Age, CopyButton, Empty, Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { quarter } from '../state/ticks';
import { described, federationTabs, Field, shownDay, State, Tabs, useResource } from './parts';
import { Links } from './links';
import { Sign, StoneForm } from './sign';
import type { Board, Circle, JoinRequest, Member, Stone } from './types';

const READ_EVERY_MS = 15_000;

function Request({ r, circle, again }: { r: JoinRequest; circle: string; again: () => void }) {
  const compared = useSignal(false);
  const path = `/federation/requests/${encodeURIComponent(r.id)}`;
  return (
    <li class="request">
      <div class="head">
        <h3>{r.kind === 'member' ? visibleLine(r.organisation) : t(`request.kind_${r.kind}`)}</h3>
        <span class="soft">
          {t('request.asked', { circle: visibleLine(circle) })} <Age at={r.asked} now={quarter} />
        </span>
      </div>
      {r.fingerprint && (
        <>
          <p>{t('request.compare')}</p>
          <p class="secret">
            <code>{r.fingerprint}</code>
          </p>
        </>
      )}
      {r.kind === 'tombstone' && (
        <p>
          <a href={`/stories/${encodeURIComponent(r.item ?? '')}`}>
            <code>{r.item}</code>
          </a>
          {': '}
          {visibleLine(r.reason ?? '')}
        </p>
      )}
      <p class="soft">
        {t('request.approvals', { n: r.approvals.length, needed: r.needed })}
        {r.approvals.map((a) => ` ${visibleLine(a.who)}.`).join('')}
      </p>
      {r.fingerprint && (
        <label class="check">
          <input type="checkbox" checked={compared.value} onChange={(e) => (compared.value = e.currentTarget.checked)} />
          <span>{t('request.compared')}</span>
        </label>
      )}
      <Sign
        id={r.id}
        before={() => (r.fingerprint && !compared.value ? t('request.compare_first') : null)}
        after={again}
        acts={[
          { label: t('request.approve'), done: t('request.approved'), path: `${path}/approve`, body: r.fingerprint ? { fingerprint: r.fingerprint } : {} },
          { label: t('request.refuse'), done: r.kind === 'tombstone' ? t('request.refused_change') : t('request.refused', { name: visibleLine(r.organisation) }), path: `${path}/refuse` },
        ]}
      />
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

function Row({ m, circle, again }: { m: Member; circle: string; again: () => void }) {
  const open = useSignal(false);
  const name = visibleLine(m.organisation);
  const one = (what: 'suspend' | 'readmit' | 'remove') => ({
    label: t(`member.${what}`),
    done: t(`member.was_${what}`, { name }),
    grave: what === 'remove',
    path: `/federation/members/${encodeURIComponent(m.node)}/${what}`,
    body: { circle: m.circle },
  });
  return (
    <>
      <tr>
        <th scope="row">
          {name}
          <span class="sub">
            <code>{m.fingerprint}</code>
          </span>
        </th>
        <td>
          {visibleLine(circle)}
          <span class="sub quiet"> {m.classes.map((c) => t(`class.${c}`)).join(', ')}</span>
        </td>
        <td>
          <State group="member_state" state={m.state} />
        </td>
        <td>
          <Age at={m.last_contact} now={quarter} none={t('never')} />
        </td>
        <td class="num">
          {m.state !== 'removed' && (
            <button class="btn small" type="button" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
              {t('member.change')}
              <span class="hide"> {name}</span>
            </button>
          )}
        </td>
      </tr>
      {open.value && (
        <tr>
          <td colSpan={5}>
            <Sign
              id={`${m.node}-${m.circle}`}
              after={() => {
                open.value = false;
                again();
              }}
              acts={[one(m.state === 'active' ? 'suspend' : 'readmit'), one('remove')]}
            />
          </td>
        </tr>
      )}
    </>
  );
}

function List({ items, names, again }: { items: Member[]; names: Map<string, string>; again: () => void }) {
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
            <td />
          </tr>
        </thead>
        <tbody>
          {items.map((m) => (
            <Row key={m.node + m.circle} m={m} circle={names.get(m.circle) ?? m.circle} again={again} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** An item taken back for an author who cannot do it: by its id, since the hub may not be among its readers. */
function Stone({ circles, again }: { circles: Circle[]; again: () => void }) {
  const circle = useSignal(circles[0]?.id ?? '');
  const item = useSignal('');
  const reason = useSignal('');
  return (
    <details>
      <summary>{t('stone.title')}</summary>
      <p class="soft">{t('stone.lead')}</p>
      <div class="form token-form">
        <Field id="stone-circle" label={t('circle.name')}>
          <select id="stone-circle" value={circle.value} onChange={(e) => (circle.value = e.currentTarget.value)}>
            {circles.map((c) => (
              <option key={c.id} value={c.id}>
                {visibleLine(c.name)}
              </option>
            ))}
          </select>
        </Field>
        <Field id="stone-item" label={t('stone.item')} hint={t('stone.item_hint')}>
          <input id="stone-item" type="text" maxLength={36} autocomplete="off" spellcheck={false} aria-describedby="stone-item-hint" value={item.value}
            onInput={(e) => (item.value = e.currentTarget.value)} />
        </Field>
      </div>
      <StoneForm id="members" circle={circle.value} item={item.value.trim()} reason={reason} again={again} />
    </details>
  );
}

/** Circles of this hub, each with the day its membership runs out; and a new one. */
function Circles({ circles, again }: { circles: Circle[]; again: () => void }) {
  const name = useSignal('');
  const kind = useSignal<'member' | 'nda'>('member');
  return (
    <section class="panel" aria-labelledby="own-h">
      <div class="head">
        <h2 id="own-h">{t('circle.own')}</h2>
        <span class="soft">{t('circle.own_lead')}</span>
      </div>
      {circles.map((c) => (
        <details key={c.id}>
          <summary>
            {visibleLine(c.name)}, {t('circle.until', { day: shownDay(c.expires) })}
          </summary>
          <Sign id={`renew-${c.id}`} after={again} acts={[{ label: t('circle.renew'), done: t('circle.renewed'), path: `/federation/circles/${encodeURIComponent(c.id)}/renew` }]} />
        </details>
      ))}
      <details open={circles.length === 0}>
        <summary>{t('circle.new')}</summary>
        <div class="form token-form">
          <Field id="circle-name" label={t('circle.name')}>
            <input id="circle-name" type="text" maxLength={100} autocomplete="off" value={name.value} onInput={(e) => (name.value = e.currentTarget.value)} />
          </Field>
          <Field id="circle-kind" label={t('circle.class')}>
            <select id="circle-kind" value={kind.value} onChange={(e) => (kind.value = e.currentTarget.value as 'member' | 'nda')}>
              <option value="member">{t('circle.class_member')}</option>
              <option value="nda">{t('circle.class_nda')}</option>
            </select>
          </Field>
        </div>
        <Sign
          id="new-circle"
          before={() => (name.value.trim() ? null : t('circle.name_missing'))}
          after={() => {
            name.value = '';
            again();
          }}
          acts={[{ label: t('circle.make'), done: t('circle.made'), path: '/federation/circles', body: { name: name.value.trim(), class: kind.value } }]}
        />
      </details>
      <details>
        <summary>{t('officer.title')}</summary>
        <p class="soft">{t('officer.lead')}</p>
        <Sign id="officer" after={again} acts={[{ label: t('officer.become'), done: t('officer.done'), path: '/federation/officers' }]} />
      </details>
      {circles.length > 0 && <Stone circles={circles} again={again} />}
    </section>
  );
}

/** Items that officers took back: who has deleted them is counted, not named. */
function Stones({ stones, circles }: { stones: Stone[]; circles: Circle[] }) {
  return (
    <section class="panel" aria-labelledby="stones-h">
      <div class="head">
        <h2 id="stones-h">{t('stone.taken')}</h2>
        <span class="soft">{t('stone.taken_lead')}</span>
      </div>
      <ul class="rows stack">
        {stones.map((s) => (
          <li key={s.item}>
            <span class="head">
              <code>{s.item}</code> <span class="soft">{visibleLine(circles.find((c) => c.id === s.circle)?.name ?? s.circle)}</span> <Age at={s.at} now={quarter} />
            </span>
            {s.reason && <span>{visibleLine(s.reason)}</span>}
            <strong class={s.removed < s.sent ? 'lost' : undefined}>{t('stone.removed', { n: s.removed, all: s.sent })}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function MembersPage() {
  const { query } = useLocation();
  const board = useResource<Board>('/federation');
  const members = useResource<{ items: Member[] }>('/federation/members', READ_EVERY_MS);
  const requests = useResource<{ items: JoinRequest[]; stones: Stone[] }>('/federation/requests', READ_EVERY_MS);
  const circle = query.circle;
  const list = members.data.value?.items.filter((m) => !circle || m.circle === circle);
  const own = board.data.value?.circles.filter((c) => c.own) ?? [];
  const names = new Map(own.map((c) => [c.id, c.name]));
  const waiting = requests.data.value?.items.filter((r) => r.state === 'waiting') ?? [];
  const both = (): void => {
    members.again();
    requests.again();
    board.again();
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
              <Request key={r.id} r={r} circle={names.get(r.circle) ?? r.circle} again={both} />
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
          <List items={list} names={names} again={both} />
        </section>
      )}
      {requests.data.value && requests.data.value.stones.length > 0 && <Stones stones={requests.data.value.stones} circles={board.data.value?.circles ?? []} />}
      {own.length > 0 && <Code circles={own} />}
      {own.length > 0 && <Links circles={own} names={names} />}
      {board.data.value && <Circles circles={own} again={both} />}
    </div>
  );
}
