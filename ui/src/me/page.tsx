// SPDX-License-Identifier: EUPL-1.2
// My department: what is asked of the reader, the services and registers that he keeps, his appointments; and the same as a report on one sheet.
// With several departments one is chosen, and stands in the address.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import type { ComponentChildren } from 'preact';
import { query as ask, session } from '../base/api';
import { exact } from '../base/format';
import { t } from '../base/i18n';
import { addKeys } from '../base/keys';
import { Empty, Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { useArrival } from '../registers/arrive';
import { kinds, readKinds } from '../registers/kinds';
import { Tlp, useResource } from '../share/parts';
import { go, type Place } from '../state/place';
import { tasksOf } from './ask';
import { Alerted, Appointments, Figures, GapList, placeName, Services, Tasks } from './parts';
import { readDepartment } from './read';
import type { Department, Me } from './types';
import '../css/registers.css';
import '../css/today.css';
import '../css/me.css';

const READ_EVERY_MS = 60_000;
const ON_PAPER = { tasks: 10, services: 10 };

function Panel({ id, title, wide, children }: { id: string; title: string; wide?: boolean; children: ComponentChildren }) {
  return (
    <section class={wide ? 'panel me-wide' : 'panel'} aria-labelledby={`me-${id}`}>
      <h2 id={`me-${id}`}>{title}</h2>
      {children}
    </section>
  );
}

const meUrl = (organisation: string, report: boolean, first: string): string => `/me${report ? '/report' : ''}${ask({ of: organisation === first ? '' : organisation })}`;

/** One of several departments. */
function Choose({ me, now, report }: { me: Me; now: string; report: boolean }) {
  const first = me.organisations[0]?.organisation ?? '';
  if (me.organisations.length < 2) return null;
  return (
    <nav class="tabs" aria-label={t('me.which')}>
      {me.organisations.map((o) => (
        <a key={o.organisation} href={meUrl(o.organisation, report, first)} aria-current={o.organisation === now ? 'page' : undefined}>
          {placeName(o.organisation)}
        </a>
      ))}
    </nav>
  );
}

function Body({ d, me }: { d: Department; me: Me }) {
  const tasks = tasksOf(d);
  return (
    <div class="me-grid reg">
      <Panel id="asked" title={t('me.asked')} wide>
        {tasks.length === 0 ? (
          <Empty title={t('me.nothing')}>
            <p>{t('me.nothing_text', { at: exact(d.at) })}</p>
          </Empty>
        ) : (
          <>
            <p class="soft">{t('me.asked_n', { n: tasks.length })}</p>
            <Tasks tasks={tasks} fold />
          </>
        )}
        {d.dueMore && <p class="quiet">{t('me.due_more')}</p>}
      </Panel>
      <Panel id="services" title={t('me.services')} wide>
        <Services d={d} most={50} id="me-services" />
      </Panel>
      <Panel id="figures" title={t('me.figures')}>
        <Figures d={d} />
      </Panel>
      <Panel id="alerts" title={t('me.alerts')}>
        <Alerted d={d} />
      </Panel>
      <Panel id="own" title={t('me.own')}>
        <Appointments all={me.appointments} />
      </Panel>
      {d.gaps && (
        <Panel id="gaps" title={t('gaps.title')}>
          <GapList d={d} />
        </Panel>
      )}
    </div>
  );
}

/** One sheet: the same figures, what is asked first, and what there is no room for as a number. */
function Sheet({ d, me }: { d: Department; me: Me }) {
  const tasks = tasksOf(d);
  const rest = tasks.length - ON_PAPER.tasks;
  return (
    <article class="panel me-sheet reg" aria-labelledby="me-sheet">
      <header class="reg-head">
        <h2 id="me-sheet">{placeName(d.organisation)}</h2>
        <Tlp label="AMBER+STRICT" />
      </header>
      <p class="quiet">{t('me.sheet_lead', { at: exact(d.at), node: session.value?.node.name ?? '', name: session.value?.user.name ?? '' })}</p>
      <h3>{t('me.figures')}</h3>
      <Figures d={d} />
      <h3>{t('me.asked')}</h3>
      {tasks.length === 0 ? <p>{t('me.nothing')}</p> : <Tasks tasks={tasks.slice(0, ON_PAPER.tasks)} />}
      {rest > 0 && <p class="quiet">{t('me.rest', { n: rest })}</p>}
      <h3 id="me-sheet-s">{t('me.services')}</h3>
      <Services d={d} most={ON_PAPER.services} id="me-sheet-s" />
      <h3>{t('me.alerts')}</h3>
      <Alerted d={d} />
      <h3>{t('me.own')}</h3>
      <Appointments all={me.appointments.slice(0, 3)} />
      <footer class="paper-foot">
        <span class="quiet">{t('me.sheet_foot')}</span>
        <Tlp label="AMBER+STRICT" />
      </footer>
    </article>
  );
}

function Shown({ me, organisation, report }: { me: Me; organisation: string; report: boolean }) {
  const d = useSignal<Department | null>(null);
  const wrong = useSignal<string | null>(null);
  const watches = session.value?.user.rights?.includes('watch') ?? false;
  const read = (): void => {
    (kinds.value ? Promise.resolve() : readKinds())
      .then(() => readDepartment(organisation, watches))
      .then(
        (found) => {
          d.value = found;
          wrong.value = null;
        },
        (err: unknown) => (wrong.value = problem(err)),
      );
  };
  useEffect(() => {
    read();
    const timer = window.setInterval(() => !document.hidden && read(), READ_EVERY_MS);
    return () => clearInterval(timer);
  }, [organisation]);
  useArrival(report ? t('me.report') : null, d.value !== null);
  if (!d.value) return wrong.value ? <Problem text={wrong.value} onAgain={read} /> : <Slow text={t('reg.reading')} />;
  return (
    <>
      {wrong.value && <Problem text={wrong.value} onAgain={read} />}
      {report ? <Sheet d={d.value} me={me} /> : <Body d={d.value} me={me} />}
    </>
  );
}

export default function MePage({ place }: { place: Place }) {
  const { query } = useLocation();
  const { data, wrong, again } = useResource<Me>('/me', READ_EVERY_MS);
  const me = data.value;
  const report = place.id === 'report';
  const first = me?.organisations[0]?.organisation ?? '';
  const now = me?.organisations.find((o) => o.organisation === query.of)?.organisation ?? first;
  useEffect(() => addKeys({ back: () => (report ? go(meUrl(now, false, first)) : false) }), [report, now, first]);
  return (
    <div class="page me">
      <div class="head">
        {report && (
          <a class="reg-up" href={meUrl(now, false, first)}>
            {t('nav.me')}
          </a>
        )}
        <h1 tabIndex={-1}>{t(report ? 'me.report' : 'nav.me')}</h1>
        {now && !report && (
          <a class="btn tools" href={meUrl(now, true, first)}>
            {t('me.report')}
          </a>
        )}
        {now && report && (
          <button class="btn main-act tools" type="button" onClick={() => window.print()}>
            {t('reg.p_print')}
          </button>
        )}
        {now && !report && <p class="lead">{placeName(now)}</p>}
      </div>
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!me && !wrong.value && <Slow text={t('reg.reading')} />}
      {me && <Choose me={me} now={now} report={report} />}
      {me && now && <Shown key={now} me={me} organisation={now} report={report} />}
      {me && !now && (
        <>
          <Empty title={t('me.nothing')}>
            <p>{t('me.nowhere')}</p>
          </Empty>
          {me.appointments.length > 0 && (
            <Panel id="own" title={t('me.own')}>
              <Appointments all={me.appointments} />
            </Panel>
          )}
        </>
      )}
    </div>
  );
}
