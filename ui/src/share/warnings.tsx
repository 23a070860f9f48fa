// SPDX-License-Identifier: EUPL-1.2
// Warnings of the community: what several cities saw, what it would have matched here, and taking it or not.
import { useSignal } from '@preact/signals';
import { useLocation } from 'preact-iso/router';
import { post } from '../base/api';
import { exact, parseTime } from '../base/format';
import { t, tn, tOr } from '../base/i18n';
import { Age, Empty, Problem, Severity, Slow } from '../base/parts';
import { fold } from '../base/search';
import { visible, visibleLine } from '../base/visible';
import { quarter } from '../state/ticks';
import { act, Field, History, State, useResource } from './parts';
import { Level } from './level';
import type { DryRun, Warning, WarningDetail } from './types';

const READ_EVERY_MS = 5_000;
const DRY_RUN_DAYS = 30;

export const shownWhen = (iso: string | null): string => {
  const ms = parseTime(iso);
  return ms === null ? t('not_known') : exact(ms);
};

/** A count only where the hub may show one. */
const seenWords = (count: number | null): string => (count === null ? t('warning.seen_other') : tn('warning.seen_count', count));

function Matched({ d }: { d: DryRun }) {
  if (d.state === 'none') return <span class="quiet">{t('dry.none')}</span>;
  if (d.state !== 'done') return <State group="dry" state={d.state} />;
  return d.hunt !== null && (d.matched ?? 0) > 0 ? (
    <a class="fig" href={`/warnings/${encodeURIComponent(d.hunt)}`}>
      {tn('dry.matched', d.matched ?? 0)}
    </a>
  ) : (
    <span>{tn('dry.matched', d.matched ?? 0)}</span>
  );
}

function Table({ items }: { items: Warning[] }) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('nav.warnings')}>
      <table class="plain rules">
        <caption class="hide">{t('nav.warnings')}</caption>
        <thead>
          <tr>
            <th scope="col">{t('col.severity')}</th>
            <th scope="col">{t('warning.what')}</th>
            <th scope="col">{t('warning.seen')}</th>
            <th scope="col">{t('warning.here')}</th>
            <th scope="col">{t('col.state')}</th>
            <th scope="col">{t('warning.received')}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((w) => (
            <tr key={w.id}>
              <td>
                <Severity level={w.level} />
              </td>
              <th scope="row">
                <a href={`/warnings/${encodeURIComponent(w.id)}`}>{visibleLine(w.title)}</a>
                <span class="sub">
                  {tOr(`why.${w.why.kind}`, w.why.kind)} <code>{visibleLine(w.why.value)}</code>
                </span>
              </th>
              <td>{seenWords(w.seen.count)}</td>
              <td>{w.dry_run.state === 'done' ? tn('dry.matched', w.dry_run.matched ?? 0) : <Matched d={w.dry_run} />}</td>
              <td>
                <State group="warning" state={w.state} />
              </td>
              <td>
                <Age at={w.received} now={quarter} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function WarningsPage() {
  const { query } = useLocation();
  const { data, wrong, again } = useResource<{ items: Warning[] }>('/warnings', READ_EVERY_MS);
  const words = fold(query.q ?? '');
  const isWaiting = (w: Warning): boolean => w.state === 'new' || w.state === 'checked';
  const items = data.value?.items.filter((w) => (query.show !== 'waiting' || isWaiting(w)) && (!words || fold(`${w.title} ${w.why.value} ${w.seen.text}`).includes(words)));
  const narrowed = words !== '' || query.show === 'waiting';
  const waiting = items?.filter(isWaiting).length ?? 0;
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{t('nav.warnings')}</h1>
        {items && <p class="soft">{tn('warning.waiting', waiting)}</p>}
      </div>
      <Level />
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!items && !wrong.value && <Slow text={t('share.reading')} />}
      {items && items.length === 0 && (
        <Empty title={narrowed ? t('warning.none_found') : t('warning.none')}>
          <p>{t('warning.none_text')}</p>
          <a class="btn" href={narrowed ? '/warnings' : '/federation'}>
            {narrowed ? t('warning.show_all') : t('nav.federation')}
          </a>
        </Empty>
      )}
      {items && items.length > 0 && <Table items={items} />}
      {items && items.length > 0 && narrowed && <a href="/warnings">{t('warning.show_all')}</a>}
    </div>
  );
}

function Coverage({ d }: { d: DryRun }) {
  return (
    <dl class="kv">
      <dt>{t('dry.window')}</dt>
      <dd>
        {shownWhen(d.from)} {t('dry.to')} {shownWhen(d.to)}
      </dd>
      <dt>{t('dry.read')}</dt>
      <dd>{tn('alerts.events', d.events ?? 0)}</dd>
      <dt>{t('dry.found')}</dt>
      <dd>
        <strong>{tn('dry.matched', d.matched ?? 0)}</strong>
      </dd>
      {(d.not_covered ?? 0) > 0 && (
        <>
          <dt>{t('dry.cannot')}</dt>
          <dd>{tn('dry.not_covered', d.not_covered ?? 0)}</dd>
        </>
      )}
    </dl>
  );
}

function Dry({ w, again }: { w: WarningDetail; again: () => void }) {
  const d = w.dry_run;
  const busy = d.state === 'waiting' || d.state === 'running';
  return (
    <section class="panel" aria-labelledby="dry-h">
      <div class="head">
        <h2 id="dry-h">{t('dry.title')}</h2>
        {d.state !== 'none' && <State group="dry" state={d.state} />}
        {!busy && w.state !== 'withdrawn' && (
          <button class="btn tools" type="button"
            onClick={() => void act(() => post(`/warnings/${encodeURIComponent(w.id)}/dry-run`, { days: DRY_RUN_DAYS }), t('dry.started')).then(again)}>
            {t(d.state === 'none' ? 'dry.run' : 'dry.run_again', { n: DRY_RUN_DAYS })}
          </button>
        )}
      </div>
      <p class="soft">{t('dry.lead')}</p>
      {busy && (
        <p role="status">
          <progress max="1" value={d.progress || undefined} aria-label={t('dry.title')} /> {t(d.state === 'waiting' ? 'dry.waiting' : 'dry.running')}
        </p>
      )}
      {d.state === 'done' && <Coverage d={d} />}
    </section>
  );
}

function Decide({ w, again }: { w: WarningDetail; again: () => void }) {
  const reason = useSignal('');
  const wrong = useSignal(false);
  if (w.state === 'withdrawn') return <p class="soft">{t('warning.withdrawn_text')}</p>;
  const send = (what: 'take' | 'dismiss'): void => {
    if (!reason.value.trim()) {
      wrong.value = true;
      document.getElementById('decide-why')?.focus();
      return;
    }
    void act(
      () => post(`/warnings/${encodeURIComponent(w.id)}/${what}`, { reason: reason.value.trim() }),
      t(what === 'take' ? 'warning.was_taken' : 'warning.was_dismissed'),
    ).then((ok) => {
      if (ok) reason.value = '';
      again();
    });
  };
  return (
    <section class="panel" aria-labelledby="decide-h">
      <h2 id="decide-h">{t('warning.decide')}</h2>
      <p class="soft">{t('warning.decide_lead')}</p>
      <Field id="decide-why" label={t('warning.reason')} wrong={wrong.value ? t('warning.reason_missing') : null}>
        <textarea id="decide-why" rows={2} maxLength={1000} value={reason.value} aria-invalid={wrong.value || undefined}
          aria-describedby={wrong.value ? 'decide-why-error' : undefined}
          onInput={(e) => {
            reason.value = e.currentTarget.value;
            wrong.value = false;
          }} />
      </Field>
      <div class="acts">
        {w.state !== 'taken' && (
          <button class="btn main-act" type="button" onClick={() => send('take')}>
            {t('warning.take')}
          </button>
        )}
        <button class="btn" type="button" onClick={() => send('dismiss')}>
          {t(w.state === 'taken' ? 'warning.give_back' : 'warning.dismiss')}
        </button>
      </div>
    </section>
  );
}

function Content({ w }: { w: WarningDetail }) {
  return (
    <section class="panel" aria-labelledby="content-h">
      <h2 id="content-h">{t('warning.content')}</h2>
      {w.rules.map((r) => (
        <details key={r.hash}>
          <summary>
            {visibleLine(r.title)} {r.check.ok === false && <span class="lost">{t('warning.rule_refused')}</span>}
          </summary>
          {r.check.reason && <p class="error">{visibleLine(r.check.reason)}</p>}
          <pre class="yaml" tabIndex={0}>{visible(r.yaml)}</pre>
        </details>
      ))}
      {w.indicators.length > 0 && (
        <div class="scroll" tabIndex={0} role="group" aria-label={t('warning.indicators')}>
          <table class="plain">
            <caption class="hide">{t('warning.indicators')}</caption>
            <thead>
              <tr>
                <th scope="col">{t('warning.indicator')}</th>
                <th scope="col">{t('warning.type')}</th>
                <th scope="col">{t('warning.until')}</th>
              </tr>
            </thead>
            <tbody>
              {w.indicators.map((i) => (
                <tr key={i.type + i.value}>
                  <th scope="row">
                    <code>{visibleLine(i.value)}</code>
                  </th>
                  <td>{tOr(`ioc.${i.type}`, i.type)}</td>
                  <td>{i.valid_until ? shownWhen(i.valid_until) : t('warning.no_end')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

/** A hub told of what a hub above it warned of. */
function Derived({ w }: { w: WarningDetail }) {
  return (
    <section class="panel" aria-labelledby="derived-h">
      <h2 id="derived-h">{t('warning.derived')}</h2>
      <p class="soft">{t('warning.derived_lead', { circle: visibleLine(w.circle_name) })}</p>
      <ol class="rows stack">
        {w.derived.map((d) => (
          <li key={d.circle + d.warning}>
            <span>
              {t('warning.derived_circle')} <code>{visibleLine(d.circle)}</code>
            </span>
            <span class="sub">
              {t('warning.derived_warning', { n: d.version })} <code>{visibleLine(d.warning)}</code>
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

export function WarningPage({ id }: { id: string }) {
  const { data, wrong, again } = useResource<WarningDetail>(`/warnings/${encodeURIComponent(id)}`, READ_EVERY_MS);
  const w = data.value;
  return (
    <div class="page">
      <p>
        <a href="/warnings">{t('warning.all')}</a>
      </p>
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!w && !wrong.value && <Slow text={t('share.reading')} />}
      {w && (
        <>
          <div class="head">
            <h1 tabIndex={-1}>{visibleLine(w.title)}</h1>
            <Severity level={w.level} />
            <State group="warning" state={w.state} />
            {w.automatic && <span class="chip">{t('warning.automatic')}</span>}
          </div>
          <section class="panel" aria-labelledby="seen-h">
            <h2 id="seen-h">{t('warning.why')}</h2>
            <dl class="kv">
              <dt>{tOr(`why.${w.why.kind}`, w.why.kind)}</dt>
              <dd>
                <code>{visibleLine(w.why.value)}</code>
              </dd>
              <dt>{t('warning.seen')}</dt>
              <dd>{seenWords(w.seen.count)}</dd>
              <dt>{t('warning.first')}</dt>
              <dd>{shownWhen(w.first)}</dd>
              <dt>{t('warning.last')}</dt>
              <dd>{shownWhen(w.last)}</dd>
              <dt>{t('circle.name')}</dt>
              <dd>{visibleLine(w.circle_name)}</dd>
            </dl>
            <p class="hint">{t('warning.machine')}</p>
          </section>
          {w.derived.length > 0 && <Derived w={w} />}
          <Dry w={w} again={again} />
          <Decide w={w} again={again} />
          <Content w={w} />
          <History group="warning" steps={w.history} />
        </>
      )}
    </div>
  );
}
