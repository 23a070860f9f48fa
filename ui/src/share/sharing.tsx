// SPDX-License-Identifier: EUPL-1.2
// What this node shares, with whom, since when; and one click that stops it.
import { useSignal } from '@preact/signals';
import { api, post } from '../base/api';
import { t, tn, tOr } from '../base/i18n';
import { Age, Empty, Problem, Slow } from '../base/parts';
import { visibleLine } from '../base/visible';
import { quarter } from '../state/ticks';
import { act, federationTabs, State, Tabs, useResource } from './parts';
import { SEND_WHEN, type Board, type SendWhen, type Sharing, type ShareRule } from './types';

const MINUTES_DEFAULT = 60;
const MINUTES_MAX = 10_080;

export const classWords = (c: ShareRule['class']): string =>
  [c.level && tOr(`level.${c.level}`, c.level), c.product && visibleLine(c.product), c.technique && visibleLine(c.technique)]
    .filter(Boolean)
    .join(', ') || t('sharing.every');

interface RowProps {
  rule: ShareRule;
  onChange: (r: ShareRule) => void;
}
function Row({ rule, onChange }: RowProps) {
  const minutes = useSignal(rule.minutes ?? MINUTES_DEFAULT);
  return (
    <tr>
      <th scope="row">
        {visibleLine(rule.circle_name)}
        <span class="sub">{classWords(rule.class)}</span>
      </th>
      <td>
        <label class="hide" for={`when-${rule.id}`}>
          {t('sharing.when_of', { what: classWords(rule.class), circle: visibleLine(rule.circle_name) })}
        </label>
        <select id={`when-${rule.id}`} value={rule.when}
          onChange={(e) => onChange({ ...rule, when: e.currentTarget.value as SendWhen, minutes: e.currentTarget.value === 'after_minutes' ? minutes.value : null })}>
          {SEND_WHEN.map((w) => (
            <option key={w} value={w}>
              {t(`when.${w}`)}
            </option>
          ))}
        </select>
        {rule.when === 'after_minutes' && (
          <label class="after">
            <input type="number" min="1" max={MINUTES_MAX} value={minutes.value}
              onInput={(e) => (minutes.value = Number(e.currentTarget.value))}
              onChange={() => minutes.value >= 1 && minutes.value <= MINUTES_MAX && onChange({ ...rule, minutes: minutes.value })} />{' '}
            {t('sharing.minutes')}
          </label>
        )}
      </td>
      <td>
        <Age at={rule.since} now={quarter} none={t('sharing.default')} />
        {rule.by && <span class="sub quiet"> {visibleLine(rule.by)}</span>}
      </td>
    </tr>
  );
}

function Readers({ s }: { s: Sharing }) {
  return (
    <section class="panel" aria-labelledby="readers-h">
      <h2 id="readers-h">{t('sharing.readers')}</h2>
      {s.readers.length === 0 && <p class="soft">{t('sharing.nobody')}</p>}
      {s.readers.map((r) => {
        const name = s.items.find((i) => i.circle === r.circle)?.circle_name ?? r.circle;
        return (
          <details key={r.circle} id={`readers-${r.circle}`}>
            <summary>{tn('sharing.readers_of', r.organisations.length, { circle: visibleLine(name) })}</summary>
            <ul class="rows">
              {r.organisations.map((o) => (
                <li key={o}>{visibleLine(o)}</li>
              ))}
            </ul>
          </details>
        );
      })}
    </section>
  );
}

export function SharingPage() {
  const { data, wrong, again } = useResource<Sharing>('/federation/sharing');
  const board = useResource<Board>('/federation');
  const s = data.value;
  const change = (r: ShareRule): void => {
    if (!s) return;
    const items = s.items.map((i) => (i.id === r.id ? r : i));
    void act(
      () => api('PUT', '/federation/sharing', { items: items.map(({ id, circle, class: c, when, minutes }) => ({ id, circle, class: c, when, minutes })) }),
      t('sharing.changed'),
    ).then(again);
  };
  const turn = (what: 'stop' | 'resume'): void =>
    void act(() => post(`/federation/${what}`, {}), t(what === 'stop' ? 'sharing.now_stopped' : 'share.resumed')).then(again);
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{t('share.sharing')}</h1>
        {s && <State group="sharing" state={s.stopped ? 'suspended' : 'active'} />}
        {s?.since && (
          <span class="soft">
            {t('share.since')} <Age at={s.since} now={quarter} />
          </span>
        )}
        {s && (
          <button class={s.stopped ? 'btn main-act tools' : 'btn grave tools'} type="button" onClick={() => turn(s.stopped ? 'resume' : 'stop')}>
            {t(s.stopped ? 'share.resume' : 'sharing.stop')}
          </button>
        )}
      </div>
      {board.data.value && <Tabs now="/federation/sharing" pages={federationTabs(board.data.value.hub)} />}
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!s && !wrong.value && <Slow text={t('share.reading')} />}
      {s && (
        <section class="panel" aria-labelledby="never-h">
          <h2 id="never-h">{t('sharing.never_title')}</h2>
          <p>{t('sharing.never')}</p>
        </section>
      )}
      {s && s.items.length === 0 && (
        <Empty title={t('sharing.none')}>
          <p>{t('sharing.none_text')}</p>
          <a class="btn" href="/federation">
            {t('share.board')}
          </a>
        </Empty>
      )}
      {s && s.items.length > 0 && (
        <section class="panel" aria-labelledby="what-h">
          <div class="head">
            <h2 id="what-h">{t('sharing.what')}</h2>
            <span class="soft">{t('sharing.what_lead')}</span>
          </div>
          <div class="scroll" tabIndex={0} role="group" aria-label={t('sharing.what')}>
            <table class="plain">
              <caption class="hide">{t('sharing.what')}</caption>
              <thead>
                <tr>
                  <th scope="col">{t('circle.name')}</th>
                  <th scope="col">{t('sharing.when')}</th>
                  <th scope="col">{t('sharing.since')}</th>
                </tr>
              </thead>
              <tbody>
                {s.items.map((r) => (
                  <Row key={r.id} rule={r} onChange={change} />
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
      {s && <Readers s={s} />}
    </div>
  );
}
