// SPDX-License-Identifier: EUPL-1.2
// The federation board: the community's level with its reasons, links to hubs, circles, and on a hub its members:
// the list first, the picture second.
import { useSignal } from '@preact/signals';
import { api, post } from '../base/api';
import { formatNumber, t, tn } from '../base/i18n';
import { Age, Empty, Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { quarter } from '../state/ticks';
import { duration } from '../base/format';
import { Level } from './level';
import { MemberMap } from './map';
import { act, described, federationTabs, Field, shownDay, State, Tabs, useResource } from './parts';
import type { Board, BoardMember, Circle, Link, Room } from './types';

const READ_EVERY_MS = 10_000;

function Links({ links }: { links: Link[] }) {
  return (
    <section class="panel" aria-labelledby="links-h">
      <div class="head">
        <h2 id="links-h">{t('link.title')}</h2>
        <span class="soft">{t('link.lead')}</span>
      </div>
      <div class="scroll" tabIndex={0} role="group" aria-label={t('link.title')}>
        <table class="plain">
          <caption class="hide">{t('link.title')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('link.hub')}</th>
              <th scope="col">{t('col.state')}</th>
              <th scope="col">{t('link.contact')}</th>
              <th scope="col" class="num">{t('link.waiting')}</th>
              <th scope="col" class="num">{t('link.dropped')}</th>
              <th scope="col">{t('link.certificate')}</th>
            </tr>
          </thead>
          <tbody>
            {links.map((l) => (
              <tr key={l.hub}>
                <th scope="row">
                  {visibleLine(l.name || l.url)}
                  <span class="sub">
                    <code>{visibleLine(l.url)}</code>
                  </span>
                  {l.error && <span class="sub lost">{visibleLine(l.error)}</span>}
                </th>
                <td>
                  <State group="link_state" state={l.state} />
                </td>
                <td>
                  <Age at={l.last_contact} now={quarter} none={t('never')} />
                </td>
                <td class="num">{formatNumber(l.up.waiting)}</td>
                <td class={l.up.dropped > 0 ? 'num lost' : 'num'}>{formatNumber(l.up.dropped)}</td>
                <td>
                  {shownDay(l.certificate_expires)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Circles({ circles, hub }: { circles: Circle[]; hub: boolean }) {
  return (
    <section class="panel" aria-labelledby="circles-h">
      <div class="head">
        <h2 id="circles-h">{t('circle.title')}</h2>
        <span class="soft">{t('circle.lead')}</span>
      </div>
      <div class="scroll" tabIndex={0} role="group" aria-label={t('circle.title')}>
        <table class="plain">
          <caption class="hide">{t('circle.title')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('circle.name')}</th>
              <th scope="col">{t('circle.class')}</th>
              <th scope="col">{t('col.state')}</th>
              <th scope="col" class="num">{t('circle.members')}</th>
              <th scope="col" class="num">{t('circle.epoch')}</th>
            </tr>
          </thead>
          <tbody>
            {circles.map((c) => (
              <tr key={`${c.hub}${c.id}`}>
                <th scope="row">{visibleLine(c.name)}</th>
                <td>{t(`circle.class_${c.class}`)}</td>
                <td>
                  <State group="circle" state={c.state} />
                </td>
                <td class="num">
                  <a class="fig" href={hub ? `/federation/members?circle=${encodeURIComponent(c.id)}` : `/federation/sharing#readers-${encodeURIComponent(c.id)}`}>
                    {formatNumber(c.members)}
                    <span class="hide"> {t('circle.members_of', { name: visibleLine(c.name) })}</span>
                  </a>
                </td>
                <td class="num">{formatNumber(c.epoch)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Members({ members }: { members: BoardMember[] }) {
  return (
    <section class="panel" aria-labelledby="board-members-h">
      <div class="head">
        <h2 id="board-members-h">{t('share.members')}</h2>
        <a href="/federation/members">{t('member.manage')}</a>
      </div>
      {members.length === 0 ? (
        <p class="soft">{t('member.none')}</p>
      ) : (
        <div class="scroll" tabIndex={0} role="group" aria-label={t('share.members')}>
          <table class="plain">
            <caption class="hide">{t('share.members')}</caption>
            <thead>
              <tr>
                <th scope="col">{t('member.organisation')}</th>
                <th scope="col">{t('member.health')}</th>
                <th scope="col">{t('link.contact')}</th>
                <th scope="col" class="num">{t('member.lag')}</th>
                <th scope="col">{t('member.version')}</th>
              </tr>
            </thead>
            <tbody>
              {members.map((m) => (
                <tr key={m.node + m.circle}>
                  <th scope="row">
                    {visibleLine(m.organisation)}
                    <span class="sub">{m.classes.map((c) => t(`class.${c}`)).join(', ')}</span>
                  </th>
                  <td>
                    <State group="health" state={m.state === 'active' ? m.health : m.state} />
                  </td>
                  <td>
                    <Age at={m.last_contact} now={quarter} none={t('never')} />
                  </td>
                  <td class="num">{m.lag_s === null ? <span class="quiet">{t('not_known')}</span> : duration(m.lag_s * 1000)}</td>
                  <td class="mono">{m.version ? visibleLine(m.version) : t('not_known')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

/** Nobody is silent about what it did not keep. */
function Rooms({ rooms, circles }: { rooms: Room[]; circles: Circle[] }) {
  return (
    <section class="panel" aria-labelledby="room-h">
      <div class="head">
        <h2 id="room-h">{t('room.title')}</h2>
        <span class="soft">{t('room.lead')}</span>
      </div>
      <div class="scroll" tabIndex={0} role="group" aria-label={t('room.title')}>
        <table class="plain">
          <caption class="hide">{t('room.title')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('room.what')}</th>
              <th scope="col">{t('room.of')}</th>
              <th scope="col" class="num">{t('room.most')}</th>
              <th scope="col" class="num">{t('room.dropped')}</th>
              <th scope="col" class="num">{t('room.refused')}</th>
              <th scope="col">{t('room.last')}</th>
            </tr>
          </thead>
          <tbody>
            {rooms.map((r) => (
              <tr key={`${r.what} ${r.circle ?? ''} ${r.member ?? ''}`}>
                <th scope="row">{t(`room.${r.what}`)}</th>
                <td>
                  {visibleLine(r.member ?? circles.find((c) => c.id === r.circle)?.name ?? r.circle ?? t('share.self'))}
                </td>
                <td class="num">{formatNumber(r.most)}</td>
                <td class={r.dropped > 0 ? 'num lost' : 'num'}>{formatNumber(r.dropped)}</td>
                <td class={r.refused > 0 ? 'num lost' : 'num'}>{formatNumber(r.refused)}</td>
                <td>
                  <Age at={r.last} now={quarter} none={t('never')} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Join({ onDone }: { onDone: () => void }) {
  const url = useSignal('');
  const code = useSignal('');
  const print = useSignal('');
  const wrong = useSignal<string | null>(null);
  const busy = useSignal(false);
  const submit = async (): Promise<void> => {
    busy.value = true;
    wrong.value = null;
    try {
      await post('/federation/join', { url: url.value.trim(), code: code.value.trim(), fingerprint: print.value.trim() });
      onDone();
    } catch (err) {
      wrong.value = problem(err);
    } finally {
      busy.value = false;
    }
  };
  const field = (id: string, value: typeof url, mono: boolean) => (
    <Field id={`join-${id}`} label={t(`join.${id}`)} hint={t(`join.${id}_hint`)}>
      <input
        id={`join-${id}`}
        type="text"
        class={mono ? 'mono' : undefined}
        required
        autocomplete="off"
        maxLength={300}
        aria-describedby={described(`join-${id}`, true, false)}
        value={value.value}
        onInput={(e) => (value.value = e.currentTarget.value)}
      />
    </Field>
  );
  return (
    <section class="panel" aria-labelledby="join-h">
      <div class="head">
        <h2 id="join-h">{t('join.title')}</h2>
        <span class="soft">{t('join.lead')}</span>
      </div>
      <form
        class="form token-form"
        onSubmit={(e) => {
          e.preventDefault();
          void submit();
        }}
      >
        {field('url', url, true)}
        {field('code', code, true)}
        {field('fingerprint', print, true)}
        {wrong.value && (
          <p class="error" role="alert">
            {wrong.value}
          </p>
        )}
        <div class="acts">
          <button class="btn main-act" type="submit" disabled={busy.value}>
            {t('join.do')}
          </button>
        </div>
      </form>
    </section>
  );
}

function Joins({ joins }: { joins: Board['joins'] }) {
  return (
    <section class="panel" aria-labelledby="joins-h">
      <h2 id="joins-h">{t('join.waiting')}</h2>
      <ul class="rows stack">
        {joins.map((x) => (
          <li key={x.id}>
            <span class="head">
              <code>{visibleLine(x.url)}</code> <State group="join_state" state={x.state} />
            </span>
            {x.hub_fingerprint && (
              <span>
                {t('join.hub_says')} <code>{x.hub_fingerprint}</code>
              </span>
            )}
            {x.error && <span class="lost">{visibleLine(x.error)}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Stopped({ board, again }: { board: Board; again: () => void }) {
  return (
    <div class="problem">
      <p>
        <strong>{t('share.stopped')}</strong>{' '}
        {board.stopped_by && t('share.stopped_by', { who: visibleLine(board.stopped_by) })}{' '}
        {board.stopped_at && <Age at={board.stopped_at} now={quarter} />}
      </p>
      <button class="btn" type="button" onClick={() => void act(() => api('POST', '/federation/resume'), t('share.resumed')).then((ok) => ok && again())}>
        {t('share.resume')}
      </button>
    </div>
  );
}

export function BoardPage() {
  const { data, wrong, again } = useResource<Board>('/federation', READ_EVERY_MS);
  const joining = useSignal(false);
  const b = data.value;
  const inTouch = b?.members.filter((m) => m.health === 'fine').length ?? 0;
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{t('nav.federation')}</h1>
        {b && <p class="soft">{b.hub ? t('share.in_touch', { n: inTouch, all: b.members.length }) : tn('share.hubs', b.links.length)}</p>}
        {b && !joining.value && (
          <button class="btn tools" type="button" onClick={() => (joining.value = true)}>
            {t('join.open')}
          </button>
        )}
      </div>
      {b && <Tabs now="/federation" pages={federationTabs(b.hub)} />}
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!b && !wrong.value && <Slow text={t('share.reading')} />}
      {b?.stopped && <Stopped board={b} again={again} />}
      {b && b.newer > 0 && <p class="lost" role="status">{tn('share.newer', b.newer)}</p>}
      {b && b.joins.length > 0 && <Joins joins={b.joins} />}
      {b && joining.value && (
        <Join
          onDone={() => {
            joining.value = false;
            again();
          }}
        />
      )}
      {b && !b.hub && b.links.length === 0 && !joining.value && (
        <Empty title={t('share.alone')}>
          <p>{t('share.alone_text')}</p>
        </Empty>
      )}
      {b && (b.hub || b.links.length > 0) && <Level />}
      {b && b.links.length > 0 && <Links links={b.links} />}
      {b && b.circles.length > 0 && <Circles circles={b.circles} hub={b.hub} />}
      {b && b.room.length > 0 && <Rooms rooms={b.room} circles={b.circles} />}
      {b?.hub && <Members members={b.members} />}
      {b?.hub && b.members.length > 1 && <MemberMap name={b.node.organisation} members={b.members} />}
      {b && (
        <section class="panel" aria-labelledby="self-h">
          <h2 id="self-h">{t('share.self')}</h2>
          <dl class="kv">
            <dt>{t('member.organisation')}</dt>
            <dd>{visibleLine(b.node.organisation)}</dd>
            <dt>{t('member.fingerprint')}</dt>
            <dd>
              <code>{b.node.fingerprint}</code>
              <p class="hint">{t('member.fingerprint_hint')}</p>
            </dd>
            <dt>{t('member.node')}</dt>
            <dd>
              <code>{b.node.id}</code>
            </dd>
          </dl>
        </section>
      )}
    </div>
  );
}
