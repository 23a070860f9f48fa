// SPDX-License-Identifier: EUPL-1.2
// API tokens: one's own, made with scopes and a last day and shown once, and those of others as an administrator sees and ends them.
import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { del, post } from '../base/api';
import { t } from '../base/i18n';
import { Age, CopyButton, Problem, Slow } from '../base/parts';
import { visibleLine } from '../base/visible';
import { act, Field, shownDay, Twice, useResource } from '../share/parts';
import { quarter } from '../state/ticks';
import { ActForm, passwordInput, useOpener } from './fields';
import type { ApiToken } from './types';

const DAY_MS = 86_400_000;
const MONTH_DAYS = 30; // offered as the last day
/** "2026-11-22", so many days from now, as the node counts days. */
const dayAhead = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);

function Once({ token, onDone }: { token: string; onDone: () => void }) {
  const head = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => head.current?.focus(), []);
  return (
    <div class="made">
      <h3 ref={head} tabIndex={-1}>
        {t('token.made')}
      </h3>
      <p class="secret">
        <code>{token}</code>
        <CopyButton text={token} label={t('token.copy')} />
      </p>
      <p>{t('token.once')}</p>
      <p class="acts">
        <button class="btn main-act" type="button" onClick={onDone}>
          {t('token.kept')}
        </button>
      </p>
    </div>
  );
}

function Make({ scopes, onMade, onCancel }: { scopes: string[]; onMade: (token: string) => void; onCancel: () => void }) {
  const chosen = useSignal<string[]>([]);
  const lastDay = useSignal(dayAhead(MONTH_DAYS));
  const none = useSignal(false);
  return (
    <ActForm id="apitoken" focus send={t('token.make')} onCancel={onCancel}
      inputs={[{ name: 'name', label: t('token.name'), hint: t('token.name_hint'), max: 80 }, passwordInput()]}
      ready={() => {
        none.value = chosen.value.length === 0;
        if (none.value) document.querySelector<HTMLElement>('#apitoken-scopes input')?.focus();
        return !none.value;
      }}
      onSend={async (v) => {
        const got = await post<{ token: string }>('/account/tokens', { ...v, scopes: chosen.value.join(' '), last_day: lastDay.value });
        onMade(got.token);
      }}>
      <Field id="apitoken-last_day" label={t('apitoken.last_day')} hint={t('apitoken.last_day_hint')}>
        <input id="apitoken-last_day" type="date" required min={dayAhead(0)} max={dayAhead(366)} value={lastDay.value}
          aria-describedby="apitoken-last_day-hint" onInput={(e) => (lastDay.value = e.currentTarget.value)} />
      </Field>
      <fieldset id="apitoken-scopes" class={none.value ? 'field wrong' : 'field'} aria-describedby={none.value ? 'apitoken-scopes-error' : undefined}>
        <legend>{t('apitoken.scopes')}</legend>
        {none.value && (
          <p class="error" id="apitoken-scopes-error" role="alert">
            {t('apitoken.no_scope')}
          </p>
        )}
        {scopes.map((s) => (
          <label key={s} class="check">
            <input type="checkbox" checked={chosen.value.includes(s)}
              onChange={(e) => (chosen.value = e.currentTarget.checked ? [...chosen.value, s] : chosen.value.filter((x) => x !== s))} />
            <code>{s}</code>
          </label>
        ))}
      </fieldset>
    </ActForm>
  );
}

const Standing = ({ k }: { k: ApiToken }) =>
  k.state === 'good' ? (
    <span class="chip is-ok">{t('apitoken.until', { day: shownDay(k.last_day) })}</span>
  ) : (
    <span class="chip is-off">{k.state === 'over' ? t('apitoken.over', { day: shownDay(k.last_day) }) : t('apitoken.ended')}</span>
  );

function Row({ k, path, again }: { k: ApiToken; path: string | null; again: () => void }) {
  const name = visibleLine(k.name);
  return (
    <li>
      <span class="head">
        <span>
          <bdi>{name}</bdi> <code>{k.begins}…</code> <Standing k={k} />
        </span>
        {path !== null && k.state === 'good' && (
          <span class="acts">
            <Twice label={t('token.revoke')} sure={t('token.revoke_sure')} of={name}
              onDo={() => void act(() => del(`${path}/${encodeURIComponent(k.id)}`), t('token.revoked', { name })).then(again)} />
          </span>
        )}
      </span>
      <span class="scopes">
        {k.scopes.map((s) => (
          <code key={s}>{s}</code>
        ))}
      </span>
      <span class="soft">
        {t('token.created')} <Age at={k.created} now={quarter} />, {k.last_used ? `${t('account.seen')} ${shownDay(k.last_used)}` : t('token.never')}
      </span>
    </li>
  );
}

interface Answer {
  items: ApiToken[];
  scopes?: string[];
}
/** Of whom: path of the tokens; own ones can be made, and `ends` says whether the reader may end these. */
export function Tokens({ path, own, ends }: { path: string; own: boolean; ends: boolean }) {
  const { data, wrong, again } = useResource<Answer>(path);
  const open = useSignal<string | null>(null);
  const made = useSignal<string | null>(null);
  const show = useOpener(open);
  const scopes = data.value?.scopes ?? [];
  return (
    <section class="panel" aria-labelledby="apitokens-h">
      <div class="head">
        <h2 id="apitokens-h">{t('apitoken.title')}</h2>
        {own && <span class="soft">{t('apitoken.lead')}</span>}
      </div>
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!data.value && !wrong.value && <Slow text={t('people.reading')} />}
      {made.value ? (
        <Once token={made.value} onDone={() => {
          made.value = null;
          show(null);
          again();
        }} />
      ) : open.value === 'apitoken' ? (
        <Make scopes={scopes} onCancel={() => show(null)} onMade={(token) => (made.value = token)} />
      ) : (
        own && scopes.length > 0 && (
          <p class="acts">
            <button id="open-apitoken" class="btn" type="button" onClick={() => show('apitoken')}>
              {t('apitoken.new')}
            </button>
          </p>
        )
      )}
      {data.value && data.value.items.length === 0 && !own && <p class="soft">{t('token.none')}</p>}
      {data.value && data.value.items.length > 0 && (
        <ul class="rows stack">
          {data.value.items.map((k) => (
            <Row key={k.id} k={k} path={ends ? path : null} again={again} />
          ))}
        </ul>
      )}
    </section>
  );
}
