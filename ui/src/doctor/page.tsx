// SPDX-License-Identifier: EUPL-1.2
// The doctor: what `sereno doctor` says of node and machine, what is wrong first, each with what to do; how old it is, and a look anew.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { api, ApiError, get } from '../base/api';
import { t, tOr } from '../base/i18n';
import { Age, Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { visible } from '../base/visible';
import { second } from '../state/ticks';

interface Line {
  check: string;
  state: 'ok' | 'warn' | 'bad';
  says: string;
  advice: string;
}
interface Doctor {
  at: string | null;
  looking: boolean;
  why: string | null;
  report: { state: Line['state']; at: string; running: boolean; lines: Line[] } | null;
}

const POLL_MS = 700;
const LOOK = { ok: 'chip is-ok', warn: 'chip is-wait', bad: 'chip is-off' } as const;
const ORDER = { bad: 0, warn: 1, ok: 2 } as const;

function Lines({ lines }: { lines: readonly Line[] }) {
  const sorted = [...lines].sort((a, b) => ORDER[a.state] - ORDER[b.state]);
  return (
    <ul class="rows stack">
      {sorted.map((l, i) => (
        <li key={`${l.check} ${i}`}>
          <span>
            <strong>{tOr(`doctor.check_${l.check}`, l.check)}</strong> <span class={LOOK[l.state]}>{t(`doctor.${l.state}`)}</span>
          </span>
          <span lang="en">{visible(l.says)}</span>
          {l.advice && (
            <span lang="en">
              <span class="quiet" aria-hidden="true">
                →{' '}
              </span>
              {visible(l.advice)}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

export default function DoctorPage() {
  const d = useSignal<Doctor | null>(null);
  const wrong = useSignal<string | null>(null);
  const closed = useSignal(false);
  const gone = useSignal(false);
  const failed = (err: unknown): void => {
    if (err instanceof ApiError && err.status === 403) closed.value = true;
    else wrong.value = problem(err);
  };
  const take = (now: Doctor): void => {
    if (gone.value) return;
    d.value = now;
    wrong.value = null;
    if (now.looking) window.setTimeout(() => void get<Doctor>('/doctor').then(take, failed), POLL_MS);
  };
  const look = (): void => void api<Doctor>('POST', '/doctor').then(take, failed);
  useEffect(() => {
    get<Doctor>('/doctor').then((now) => (now.report || now.looking ? take(now) : look()), failed);
    return () => {
      gone.value = true;
    };
  }, []);
  const r = d.value?.report;
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{t('nav.doctor')}</h1>
        {!closed.value && (
          <button class="btn main-act tools" type="button" aria-disabled={d.value?.looking ?? true} onClick={() => !d.value?.looking && look()}>
            {t('doctor.again')}
          </button>
        )}
        <p class="lead">{t('doctor.lead')}</p>
      </div>
      {closed.value && <p class="soft">{t('doctor.closed')}</p>}
      {wrong.value && <Problem text={wrong.value} onAgain={look} />}
      {!closed.value && !r && !wrong.value && !d.value?.why && <Slow text={t('doctor.looking')} />}
      {d.value?.why && !d.value.looking && (
        <p class="problem" role="alert">
          {t('doctor.failed')} <span lang="en">{visible(d.value.why)}</span>
        </p>
      )}
      {r && (
        <section class="panel" aria-labelledby="doctor-h">
          <h2 id="doctor-h">
            {t(`doctor.all_${r.state}`)} <span class={LOOK[r.state]}>{t(`doctor.${r.state}`)}</span>
          </h2>
          <p class="soft" role="status">
            {d.value?.looking ? t('doctor.looking') : t('doctor.seen')} {!d.value?.looking && <Age at={r.at} now={second} />}
          </p>
          <Lines lines={r.lines} />
          <p class="quiet">{t('doctor.same')}</p>
        </section>
      )}
    </div>
  );
}
