// SPDX-License-Identifier: EUPL-1.2
// Tokens: each sender has its own. A new one is shown once, with the line that uses it.
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { ApiError, del, get, post } from '../base/api';
import { drawn } from '../base/drawn';
import { t } from '../base/i18n';
import { Age, CopyButton, Problem } from '../base/parts';
import { problem } from '../base/problem';
import type { Token } from '../base/types';
import { visibleLine } from '../base/visible';
import { second } from '../state/ticks';
import { say, sayWrong } from '../state/toast';
import { CurlLine } from './curl';

const MAX_NAME_CHARS = 100;

interface Made {
  id: string;
  token: string;
}

function MadeOnce({ made, onDone }: { made: Made; onDone: () => void }) {
  const head = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => head.current?.focus(), []);
  return (
    <div class="made">
      <h3 ref={head} tabIndex={-1}>
        {t('token.made')}
      </h3>
      <p>{t('token.once')}</p>
      <p class="secret">
        <code>{made.token}</code>
        <CopyButton text={made.token} label={t('token.copy')} />
      </p>
      <p class="soft">{t('token.try')}</p>
      <CurlLine token={made.token} />
      <p class="acts">
        <button class="btn main-act" type="button" onClick={onDone}>
          {t('token.kept')}
        </button>
      </p>
    </div>
  );
}

interface FormProps {
  names: string[];
  onMade: (m: Made) => void;
  onCancel: () => void;
}

function MakeForm({ names, onMade, onCancel }: FormProps) {
  const name = useSignal('');
  const source = useSignal('');
  const wrong = useSignal<{ field: string; text: string } | null>(null);
  const busy = useSignal(false);
  const first = useRef<HTMLInputElement>(null);
  const second_ = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => first.current?.focus(), []);

  const fail = (field: string, text: string): void => {
    wrong.value = { field, text };
    (field === 'source' ? second_ : first).current?.focus();
  };
  const submit = async (): Promise<void> => {
    if (!name.value.trim()) return fail('name', t('token.name_missing'));
    if (!source.value.trim()) return fail('source', t('token.source_missing'));
    busy.value = true;
    try {
      onMade(await post<Made>('/tokens', { name: name.value.trim(), source: source.value.trim() }));
    } catch (err) {
      fail(err instanceof ApiError && err.where === 'source' ? 'source' : 'name', problem(err));
    } finally {
      busy.value = false;
    }
    return undefined;
  };
  const field = (id: 'name' | 'source', value: typeof name, ref: typeof first) => {
    const bad = wrong.value?.field === id;
    return (
      <div class={bad ? 'field wrong' : 'field'}>
        <label for={`token-${id}`}>{t(`token.${id}`)}</label>
        <span class="hint" id={`token-${id}-hint`}>
          {t(`token.${id}_hint`)}
        </span>
        {bad && (
          <p class="error" id={`token-${id}-error`} role="alert">
            {wrong.value?.text}
          </p>
        )}
        <input
          id={`token-${id}`}
          ref={ref}
          type="text"
          list={id === 'source' ? 'token-sources' : undefined}
          maxLength={MAX_NAME_CHARS}
          autocomplete="off"
          required
          aria-invalid={bad || undefined}
          aria-describedby={`token-${id}-hint${bad ? ` token-${id}-error` : ''}`}
          value={value.value}
          onInput={(e) => {
            value.value = e.currentTarget.value;
            if (bad) wrong.value = null;
          }}
        />
      </div>
    );
  };
  return (
    <form
      class="form token-form"
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        void submit();
      }}
      onKeyDown={(e) => {
        if (e.key === 'Escape') {
          e.preventDefault();
          onCancel();
        }
      }}
    >
      {field('name', name, first)}
      {field('source', source, second_)}
      <datalist id="token-sources">
        {names.map((n) => (
          <option key={n} value={n} />
        ))}
      </datalist>
      <div class="acts">
        <button class="btn main-act" type="submit" disabled={busy.value}>
          {t('token.make')}
        </button>
        <button class="btn" type="button" onClick={onCancel}>
          {t('token.cancel')} <kbd>Esc</kbd>
        </button>
      </div>
    </form>
  );
}

export function Tokens({ names }: { names: string[] }) {
  const { query, route } = useLocation();
  const list = useSignal<Token[] | null>(null);
  const wrong = useSignal<string | null>(null);
  const making = useSignal(query.new === 'token');
  const made = useSignal<Made | null>(null);
  const asked = useSignal<string | null>(null);
  const opener = useRef<HTMLButtonElement>(null);

  const read = (): void => {
    get<{ items: Token[] }>('/tokens').then(
      (a) => {
        list.value = a.items;
        wrong.value = null;
      },
      (err: unknown) => (wrong.value = problem(err)),
    );
  };
  useEffect(read, []);
  useEffect(() => {
    if (query.new === 'token') making.value = true;
  }, [query.new]);

  const shut = (): void => {
    making.value = false;
    made.value = null;
    if (query.new) route('/sources', true);
    drawn(() => opener.current?.focus());
  };
  // A token that is gone cannot come back, so this one act is asked twice, in place.
  const revoke = async (k: Token): Promise<void> => {
    if (asked.value !== k.id) {
      asked.value = k.id;
      return;
    }
    asked.value = null;
    try {
      await del(`/tokens/${encodeURIComponent(k.id)}`);
      say(t('token.revoked', { name: visibleLine(k.name) }));
      read();
    } catch (err) {
      sayWrong(problem(err));
    }
  };
  return (
    <section class="panel" aria-labelledby="tokens-h">
      <div class="head">
        <h2 id="tokens-h">{t('token.title')}</h2>
        <span class="soft">{t('token.lead')}</span>
        {!making.value && !made.value && (
          <button class="btn tools" type="button" ref={opener} onClick={() => (making.value = true)}>
            {t('token.new')}
          </button>
        )}
      </div>
      {made.value ? (
        <MadeOnce made={made.value} onDone={shut} />
      ) : (
        making.value && (
          <MakeForm
            names={names}
            onMade={(m) => {
              made.value = m;
              read();
            }}
            onCancel={shut}
          />
        )
      )}
      {wrong.value && <Problem text={wrong.value} onAgain={read} />}
      {list.value && list.value.length === 0 && !making.value && <p class="quiet">{t('token.none')}</p>}
      {list.value && list.value.length > 0 && (
        <div class="scroll" tabIndex={0} role="group" aria-label={t('token.title')}>
          <table class="plain">
            <caption class="hide">{t('token.title')}</caption>
            <thead>
              <tr>
                <th scope="col">{t('token.name')}</th>
                <th scope="col">{t('col.source')}</th>
                <th scope="col">{t('token.created')}</th>
                <th scope="col">{t('token.used')}</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {list.value.map((k) => (
                <tr key={k.id}>
                  <th scope="row">{visibleLine(k.name)}</th>
                  <td>{visibleLine(k.source)}</td>
                  <td>
                    <Age at={k.created} now={second} />
                  </td>
                  <td>
                    <Age at={k.last_used} now={second} none={t('token.never')} />
                  </td>
                  <td class="num">
                    <button
                      class={asked.value === k.id ? 'btn small grave' : 'btn small'}
                      type="button"
                      aria-label={t(asked.value === k.id ? 'token.revoke_sure_of' : 'token.revoke_of', { name: visibleLine(k.name) })}
                      onClick={() => void revoke(k)}
                      onBlur={() => (asked.value = asked.value === k.id ? null : asked.value)}
                    >
                      {t(asked.value === k.id ? 'token.revoke_sure' : 'token.revoke')}
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
