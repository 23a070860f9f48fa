// SPDX-License-Identifier: EUPL-1.2
// The second copy of the archive: where, how far, and when it fails what is to be done.
import { useSignal, useSignalEffect } from '@preact/signals';
import { ApiError, get } from '../base/api';
import { bytes } from '../base/format';
import { t, tn } from '../base/i18n';
import { Age, Problem } from '../base/parts';
import { problem } from '../base/problem';
import type { SecondCopy } from '../base/types';
import { visibleLine } from '../base/visible';
import { beats } from '../state/stream';
import { second } from '../state/ticks';

const CHIPS = { fine: 'is-ok', late: 'is-wait', fails: 'is-off', no_key: 'is-off', none: 'is-wait' } as const;

/** What sereno.yml may say; words in it are not translated. */
const LINES = `copy: {folder: /mnt/safe/sereno}
copy: {url: 'sftp://user@host/folder', host_key: SHA256:…, key_file: copy.key}
copy: {url: 's3://bucket', endpoint: …, key_file: copy.key}`;

function None() {
  return (
    <>
      <p>{t('copy.none_text')}</p>
      <p class="soft">{t('copy.none_how')}</p>
      <div class="curl">
        <pre tabIndex={0} role="group" aria-label={t('copy.lines')}>
          {LINES}
        </pre>
      </div>
    </>
  );
}

/** What somebody can do now; nothing when all is well. */
function Advice({ c }: { c: SecondCopy }) {
  const key = c.state === 'no_key' ? 'copy.do_key' : c.state === 'late' ? 'copy.do_late' : c.state !== 'fails' ? null : c.kind === 'folder' ? 'copy.do_folder' : 'copy.do_server';
  return key ? (
    <>
      <dt>{t('copy.todo')}</dt>
      <dd>{t(key)}</dd>
    </>
  ) : null;
}

function Facts({ c }: { c: SecondCopy }) {
  return (
    <dl class="kv">
      <dt>{t('copy.place')}</dt>
      <dd>
        <code>{visibleLine(c.place ?? '')}</code>
      </dd>
      <dt>{t('copy.newest')}</dt>
      <dd>
        {c.newest_day ?? <span class="quiet">{t('copy.no_day')}</span>}
        {c.at && (
          <>
            {', '}
            <Age at={c.at} now={second} />
          </>
        )}
      </dd>
      <dt>{t('copy.there')}</dt>
      <dd>
        {tn('copy.days', c.days)}, {bytes(c.bytes)}
      </dd>
      <dt>{t('copy.waiting')}</dt>
      <dd>
        {c.oldest_waiting && c.waiting > 0 ? (
          <>
            {tn('copy.days', c.waiting)}, {t('copy.oldest', { day: c.oldest_waiting })}
          </>
        ) : (
          t('copy.nothing')
        )}
      </dd>
      {c.state === 'fails' && (
        <>
          <dt>{t('copy.failing')}</dt>
          <dd>
            <Age at={c.failed_at} now={second} plain />: <bdi lang="en">{visibleLine(c.why ?? '')}</bdi>
          </dd>
        </>
      )}
      <Advice c={c} />
    </dl>
  );
}

export function CopyPanel() {
  const copy = useSignal<SecondCopy | null>(null);
  const wrong = useSignal<string | null>(null);
  const hidden = useSignal(false);
  const read = (): void => {
    get<SecondCopy>('/copy').then(
      (c) => {
        copy.value = c;
        wrong.value = null;
      },
      (err: unknown) => {
        // Who sees one organisation of many is not told of the node's own affairs.
        if (err instanceof ApiError && err.status === 403) hidden.value = true;
        else wrong.value = problem(err);
      },
    );
  };
  useSignalEffect(() => {
    void beats.value;
    if (!document.hidden && !hidden.peek()) read();
  });
  const c = copy.value;
  if (hidden.value || (!c && !wrong.value)) return null;
  return (
    <section class="panel" aria-labelledby="copy-h">
      <div class="head">
        <h2 id="copy-h">{t('copy.title')}</h2>
        {c && <span class={`chip ${CHIPS[c.state]}`}>{t(`copy.state_${c.state}`)}</span>}
      </div>
      {wrong.value && <Problem text={wrong.value} onAgain={read} />}
      {c && (c.state === 'none' ? <None /> : <Facts c={c} />)}
    </section>
  );
}
