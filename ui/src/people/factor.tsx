// SPDX-License-Identifier: EUPL-1.2
// One's own second factor: enrolled with a QR code or its key as text, recovery codes shown once, given up where the role allows.
import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { get, post, session } from '../base/api';
import { t, tn } from '../base/i18n';
import { CopyButton } from '../base/parts';
import type { Session } from '../base/types';
import { shownDay } from '../share/parts';
import { say } from '../state/toast';
import { ActForm, codeInput, passwordInput, useOpener } from './fields';
import { Qr } from './qr';
import type { Account } from './types';

/** "JBSW Y3DP …": four letters at a time are easier to type. */
export const inFours = (key: string): string => key.replace(/(.{4})(?=.)/g, '$1 ');

function Codes({ codes, onDone }: { codes: string[]; onDone: () => void }) {
  const head = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => head.current?.focus(), []);
  return (
    <div class="made">
      <h3 ref={head} tabIndex={-1}>
        {t('factor.codes_made')}
      </h3>
      <p>{t('factor.codes_once')}</p>
      <ul class="codes">
        {codes.map((c) => (
          <li key={c}>
            <code>{c}</code>
          </li>
        ))}
      </ul>
      <p class="acts">
        <CopyButton text={`${codes.join('\n')}\n`} label={t('factor.codes_copy')} />
        <button class="btn main-act" type="button" onClick={onDone}>
          {t('factor.codes_kept')}
        </button>
      </p>
    </div>
  );
}

interface Begun {
  secret: string;
  uri: string;
}
function Enrol({ onMade, onCancel }: { onMade: (codes: string[]) => void; onCancel: () => void }) {
  const begun = useSignal<Begun | null>(null);
  if (!begun.value) {
    return (
      <ActForm id="enrol" focus inputs={[passwordInput()]} send={t('factor.begin')} onCancel={onCancel}
        onSend={async (v) => {
          begun.value = await post<Begun>('/account/second-factor', v);
        }} />
    );
  }
  const { secret, uri } = begun.value;
  return (
    <div class="enrol">
      <ol class="steps">
        <li>
          <p>{t('factor.scan')}</p>
          <Qr text={uri} label={t('factor.qr')} />
          <p class="soft">{t('factor.by_hand')}</p>
          <p class="secret">
            <code>{inFours(secret)}</code>
            <CopyButton text={secret} label={t('factor.copy_key')} />
          </p>
        </li>
        <li>
          <p>{t('factor.first')}</p>
          <ActForm id="confirm" focus inputs={[codeInput(t('factor.six'))]} send={t('factor.confirm')} onCancel={onCancel}
            onSend={async (v) => onMade((await post<{ recovery_codes: string[] }>('/account/second-factor/confirm', v)).recovery_codes)} />
        </li>
      </ol>
    </div>
  );
}

/** What the factor guards; the session knows it too, since without it a role may let one do nothing else. */
async function renewSession(): Promise<void> {
  session.value = await get<Session>('/session');
}

export function Factor({ account, again }: { account: Account; again: () => void }) {
  const open = useSignal<string | null>(null);
  const codes = useSignal<string[] | null>(null);
  const show = useOpener(open);
  const f = account.second_factor;
  const done = (): void => {
    codes.value = null;
    show(null);
    again();
    void renewSession();
  };
  const kept = (made: string[]): void => {
    open.value = null;
    codes.value = made;
  };
  const opener = (name: string, text: string, main = false) => (
    <button id={`open-${name}`} class={main ? 'btn main-act' : 'btn'} type="button" onClick={() => show(name)}>
      {text}
    </button>
  );
  return (
    <section class="panel" aria-labelledby="factor-h">
      <div class="head">
        <h2 id="factor-h">{t('factor.title')}</h2>
        <span class={f.on ? 'chip is-ok' : f.required ? 'chip is-off' : 'chip is-wait'}>{t(f.on ? 'factor.on' : f.required ? 'factor.needed' : 'factor.off')}</span>
      </div>
      {codes.value ? (
        <Codes codes={codes.value} onDone={done} />
      ) : open.value === 'enrol' ? (
        <Enrol onMade={kept} onCancel={() => show(null)} />
      ) : open.value === 'anew' ? (
        <ActForm id="anew" focus inputs={[passwordInput(), codeInput(t('factor.either'))]} send={t('factor.codes_new')} onCancel={() => show(null)}
          onSend={async (v) => kept((await post<{ recovery_codes: string[] }>('/account/recovery-codes', v)).recovery_codes)} />
      ) : open.value === 'drop' ? (
        <ActForm id="drop" focus inputs={[passwordInput(), codeInput(t('factor.either'))]} send={t('factor.drop')} onCancel={() => show(null)}
          onSend={async (v) => {
            await post('/account/second-factor/remove', v);
            say(t('factor.dropped'));
            done();
          }} />
      ) : f.on ? (
        <>
          <p>
            {t('factor.since', { day: shownDay(f.since) })} {tn('factor.left', f.recovery_codes)}
          </p>
          <p class="acts">
            {opener('anew', t('factor.codes_new'))}
            {!f.required && opener('drop', t('factor.drop'))}
          </p>
        </>
      ) : (
        <>
          <p>{t('factor.lead')}</p>
          <p class="acts">{opener('enrol', t('factor.set_up'), true)}</p>
        </>
      )}
    </section>
  );
}
