// SPDX-License-Identifier: EUPL-1.2
// One's own account: who one is here, password, second factor, where one is logged in.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { del, post, session } from '../base/api';
import { t, tOr } from '../base/i18n';
import { Age, Problem, Slow } from '../base/parts';
import { visibleLine } from '../base/visible';
import { Appointments } from '../me/parts';
import type { Me } from '../me/types';
import { kinds, readKinds } from '../registers/kinds';
import { act, Twice, useResource } from '../share/parts';
import { quarter } from '../state/ticks';
import { say } from '../state/toast';
import { ActForm, passwordInput, useOpener } from './fields';
import { Factor } from './factor';
import { Tokens } from './tokens';
import type { Account, OwnSession } from './types';

function Password({ onChanged }: { onChanged: () => void }) {
  const open = useSignal<string | null>(null);
  const show = useOpener(open);
  return (
    <section class="panel" aria-labelledby="password-h">
      <div class="head">
        <h2 id="password-h">{t('account.password')}</h2>
      </div>
      {open.value ? (
        <ActForm id="password" focus send={t('account.password_change')} onCancel={() => show(null)}
          inputs={[passwordInput(), { name: 'new', label: t('account.new'), hint: t('account.new_hint'), type: 'password', autocomplete: 'new-password', max: 256 }]}
          onSend={async (v) => {
            await post('/account/password', v);
            show(null);
            say(t('account.password_changed'));
            onChanged();
          }} />
      ) : (
        <p class="acts">
          <button id="open-password" class="btn" type="button" onClick={() => show('password')}>
            {t('account.password_change')}
          </button>
        </p>
      )}
    </section>
  );
}

function Sessions({ items, again }: { items: OwnSession[]; again: () => void }) {
  return (
    <section class="panel" aria-labelledby="sessions-h">
      <div class="head">
        <h2 id="sessions-h">{t('account.sessions')}</h2>
        <span class="soft">{t('account.sessions_lead')}</span>
      </div>
      <ul class="rows stack">
        {items.map((s) => (
          <li key={s.id}>
            <span class="head">
              <span>
                <bdi>{visibleLine(s.address)}</bdi> {s.this && <span class="chip is-ok">{t('account.this')}</span>}
              </span>
              {!s.this && (
                <span class="acts">
                  <Twice label={t('account.end')} sure={t('account.end_sure')} of={visibleLine(s.address)}
                    onDo={() => void act(() => del(`/account/sessions/${encodeURIComponent(s.id)}`), t('account.ended')).then(again)} />
                </span>
              )}
            </span>
            <span class="soft">
              {t('account.began')} <Age at={s.created} now={quarter} />, {t('account.seen')} <Age at={s.last_seen} now={quarter} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What one is appointed to; nothing where one is nobody, or the account alone says what one may. */
function Appointed() {
  const { data } = useResource<Me>('/me');
  const all = data.value?.appointments ?? [];
  const known = useSignal(kinds.value !== null);
  useEffect(() => {
    if (!known.value) void readKinds().catch(() => undefined).then(() => (known.value = true)); // words of functions
  }, []);
  if (all.length === 0 || !known.value) return null;
  return (
    <section class="panel" aria-labelledby="appointed-h">
      <div class="head">
        <h2 id="appointed-h">{t('me.own')}</h2>
      </div>
      <Appointments all={all} />
    </section>
  );
}

export function AccountPage() {
  const account = useResource<Account>('/account');
  const sessions = useResource<{ items: OwnSession[] }>('/account/sessions');
  const a = account.data.value;
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{t('nav.account')}</h1>
        {a && (
          <p class="soft">
            {t('account.who', { name: visibleLine(a.name), role: tOr(`people.is_${a.role}`, visibleLine(a.role_title)) })}
          </p>
        )}
      </div>
      {session.value?.user.second_factor === 'needed' && (
        <p class="lead" role="status">
          <span class="chip is-off">{t('factor.needed')}</span> {t('factor.needed_text')}
        </p>
      )}
      {account.wrong.value && <Problem text={account.wrong.value} onAgain={account.again} />}
      {!a && !account.wrong.value && <Slow text={t('account.reading')} />}
      {session.value?.user.second_factor !== 'needed' && <Appointed />}
      {a && <Factor account={a} again={() => (account.again(), sessions.again())} />}
      {a?.password && <Password onChanged={sessions.again} />}
      {a && <Tokens path="/account/tokens" own ends />}
      {sessions.wrong.value && <Problem text={sessions.wrong.value} onAgain={sessions.again} />}
      {sessions.data.value && <Sessions items={sessions.data.value.items} again={sessions.again} />}
    </div>
  );
}
