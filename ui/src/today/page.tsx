// SPDX-License-Identifier: EUPL-1.2
// Today, the first page: what waits, in figures that each open exactly what they counted.
import type { ComponentChildren } from 'preact';
import { demo, session } from '../base/api';
import { duration, parseTime } from '../base/format';
import { formatNumber, language, t, tn } from '../base/i18n';
import { Age, Problem, Severity, Slow } from '../base/parts';
import type { Kind } from '../registers/types';
import { DueList } from '../registers/due';
import { kindTitle, label, stateWord } from '../registers/kinds';
import { useResource } from '../share/parts';
import { alertsUrl } from '../state/place';
import { quarter } from '../state/ticks';
import type { AlertFigure, Count, DueFigure, Group, Today } from './types';
import '../css/today.css';

const READ_EVERY_MS = 60_000;

export const counted = (n: Count): string => (n.more ? `>${formatNumber(n.count)}` : formatNumber(n.count));

function Tile({ id, title, to, all, children }: { id: string; title: string; to?: string; all?: string; children: ComponentChildren }) {
  return (
    <section class="panel tile" aria-labelledby={`t-${id}`}>
      <div class="head">
        <h2 id={`t-${id}`}>{title}</h2>
        {to && (
          <a class="shut" href={to}>
            {all ?? t('today.all')}
          </a>
        )}
      </div>
      {children}
    </section>
  );
}

/** A fact that nothing waits, and the one next step. */
function Calm({ text, to, step }: { text: string; to: string; step: string }) {
  return (
    <p class="soft">
      {text} <a href={to}>{step}</a>
    </p>
  );
}

const alertsOf = (f: AlertFigure): string =>
  alertsUrl(null, ['status:open', f.level && `level:${f.level}`, f.until && `until:${f.until}`].filter(Boolean).join(' '));

function Alerts({ figures, now }: { figures: AlertFigure[]; now: number }) {
  const levels = figures.filter((f) => f.level).reverse();
  const ages = figures.filter((f) => f.until && f.count > 0);
  const all: Count = { count: levels.reduce((n, f) => n + f.count, 0), more: levels.some((f) => f.more) };
  return (
    <Tile id="alerts" title={t('today.alerts')} to="/alerts" all={t('today.queue')}>
      {all.count === 0 ? (
        <Calm text={t('today.none_open')} to={alertsUrl(null, 'status:closed')} step={t('palette.closed')} />
      ) : (
        <>
          <p>
            <a class="fig big" href="/alerts">
              {counted(all)}
              <span class="hide"> {t('today.alerts')}</span>
            </a>
          </p>
          <ul class="rows figures">
            {levels
              .filter((f) => f.count > 0)
              .map((f) => (
                <li key={f.level}>
                  {f.level && <Severity level={f.level} />}
                  <a class="fig" href={alertsOf(f)}>
                    {counted(f)}
                    <span class="hide"> {t(`level.${f.level}`)}</span>
                  </a>
                </li>
              ))}
            {ages.map((f) => (
              <li key={f.until}>
                <span>{t('today.waits', { d: duration(now - (parseTime(f.until) ?? now)) })}</span>
                <a class="fig" href={alertsOf(f)}>
                  {counted(f)}
                  <span class="hide"> {t('today.alerts')}</span>
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
    </Tile>
  );
}

function Sources({ s }: { s: NonNullable<Today['sources']> }) {
  const wrong = (['silent', 'behind', 'held'] as const).filter((k) => s[k] > 0);
  return (
    <Tile id="sources" title={t('nav.sources')} to={s.all > 0 ? '/sources' : undefined} all={tn('today.sources_all', s.all)}>
      {s.all === 0 && <Calm text={t('source.none')} to="/sources?new=token" step={t('palette.token')} />}
      {s.all > 0 && wrong.length === 0 && <p class="soft">{t('today.sources_fine')}</p>}
      {wrong.length > 0 && (
        <ul class="rows figures">
          {wrong.map((k) => (
            <li key={k}>
              <span>{t(`today.${k}`)}</span>
              <a class="fig" href={`/sources?show=${k}`}>
                {formatNumber(s[k])}
                <span class="hide"> {t(`today.${k}`)}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
    </Tile>
  );
}

/** What the words of a kind are looked up by; the kind's own file is not needed for them. */
const worded = (f: DueFigure): Kind => ({ name: f.kind, title: f.title, schema: { properties: {} } }) as unknown as Kind;
const dueUrl = (f: DueFigure): string =>
  `/registers/${f.plural}?${new URLSearchParams({ state: f.state, ...(f.from ? { [`${f.field}.from`]: f.from } : {}), [`${f.field}.to`]: f.to })}`;

function Figures({ figures }: { figures: DueFigure[] }) {
  const lines = new Map<string, DueFigure[]>();
  for (const f of figures) lines.set(`${f.kind}.${f.field}`, [...(lines.get(`${f.kind}.${f.field}`) ?? []), f]);
  return (
    <ul class="rows figures">
      {[...lines].map(([key, of]) => {
        const first = of[0] as DueFigure;
        return (
          <li key={key}>
            <span>
              {kindTitle(worded(first))} <span class="quiet">{label(worded(first), first.field)}</span>
            </span>
            <span class="figs">
              {of.map((f) => (
                <a key={f.state} class="fig" href={dueUrl(f)}>
                  {counted(f)} <span class="word">{stateWord(worded(f), f.state)}</span>
                </a>
              ))}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function Due({ group, figures }: { group: Group; figures: DueFigure[] }) {
  const mine = figures.filter((f) => f.group === group);
  const past = mine.filter((f) => f.past);
  const soon = mine.filter((f) => !f.past);
  return (
    <Tile id={group} title={t(`today.${group}`)}>
      {mine.length === 0 && <Calm text={t('today.nothing_due')} to="/registers" step={t('reg.to_all')} />}
      {past.length > 0 && (
        <>
          <h3>{t('today.past')}</h3>
          <Figures figures={past} />
        </>
      )}
      {soon.length > 0 && (
        <>
          <h3>{t('today.soon')}</h3>
          <Figures figures={soon} />
        </>
      )}
    </Tile>
  );
}

function Safe({ d }: { d: Today }) {
  return (
    <Tile id="safe" title={t('today.safe')} to="/sources" all={t('node.title')}>
      <dl class="kv">
        {d.copy && (
          <>
            <dt>{t('copy.title')}</dt>
            <dd>
              <span class={`chip ${d.copy.state === 'fine' ? 'is-ok' : 'is-off'}`}>{t(`copy.state_${d.copy.state}`)}</span>
            </dd>
          </>
        )}
        {d.backup && (
          <>
            <dt>{t('today.backup')}</dt>
            <dd>
              <Age at={d.backup.at} now={quarter} none={t('today.no_backup')} />
            </dd>
          </>
        )}
        {d.verified && (
          <>
            <dt>{t('today.verified')}</dt>
            <dd>
              <Age at={d.verified.at} now={quarter} none={t('today.not_verified')} />
              {d.verified.faults > 0 && <span class="chip is-off">{tn('today.faults', d.verified.faults)}</span>}
            </dd>
          </>
        )}
        {d.retention && (
          <>
            <dt>{t('doctor.check_retention')}</dt>
            <dd>
              {d.retention.clock !== 'fits' ? (
                <a class="chip is-off" href="/people/looks">
                  {t('today.retention_waits')}
                </a>
              ) : d.retention.passed_by > 0 ? (
                <a class="chip is-off" href="/people/looks">
                  {tn('today.retention_passed', d.retention.passed_by)}
                </a>
              ) : (
                <span class="chip is-ok">{t('copy.state_fine')}</span>
              )}
            </dd>
          </>
        )}
      </dl>
    </Tile>
  );
}

function Warnings({ w }: { w: NonNullable<Today['warnings']> }) {
  return (
    <Tile id="warnings" title={t('today.community')} to="/warnings" all={t('nav.warnings')}>
      {w.waiting === 0 ? (
        <Calm text={t('today.no_warning')} to="/federation" step={t('nav.federation')} />
      ) : (
        <p>
          <a class="fig" href="/warnings?show=waiting">
            {tn('warning.waiting', w.waiting)}
          </a>
        </p>
      )}
    </Tile>
  );
}

interface Gaps {
  from: string;
  items: { from: string }[];
  more: boolean;
}

/** Functions that nobody holds: the figures count the rows of the page that they open. */
function Held({ d }: { d: Gaps }) {
  const now = d.items.filter((g) => g.from === d.from).length;
  const parts = [
    ['now', { count: now, more: d.more }],
    ['later', { count: d.items.length - now, more: d.more }],
  ] as const;
  const to = '/registers/appointments/gaps';
  return (
    <Tile id="held" title={t('gaps.title')} to={d.items.length ? to : undefined}>
      {d.items.length === 0 && <Calm text={t('gaps.none')} to="/registers/appointments" step={t('gaps.appointments')} />}
      {d.items.length > 0 && (
        <ul class="rows figures">
          {parts
            .filter(([, n]) => n.count > 0)
            .map(([k, n]) => (
              <li key={k}>
                <span>{t(`gaps.${k}`)}</span>
                <a class="fig" href={`${to}#gaps-${k}`}>
                  {counted(n)}
                  <span class="hide"> {t(`gaps.${k}`)}</span>
                </a>
              </li>
            ))}
        </ul>
      )}
    </Tile>
  );
}

/** On a node on which there is nothing yet: how to see one at work. */
function TryIt() {
  return (
    <Tile id="demo" title={t('demo.try')}>
      <p class="soft">{t('demo.try_text', { load: 'sereno demo load', purge: 'sereno demo purge' })}</p>
    </Tile>
  );
}

const isEmpty = (d: Today): boolean => d.due.length === 0 && (d.alerts ?? []).every((f) => f.count === 0);

/** "Friday 27 November 2026" */
const dayName = (ms: number): string =>
  new Intl.DateTimeFormat(language.value === 'en' ? 'en-GB' : language.value, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }).format(ms);

export default function TodayPage() {
  const rights = session.value?.user.rights;
  const watches = rights?.includes('watch') ?? true;
  const { data, wrong, again } = useResource<Today>(watches ? '/today' : null, READ_EVERY_MS);
  const d = data.value;
  const reads = rights?.includes('registers.read') ?? false;
  const gaps = useResource<Gaps>(reads ? '/appointments/gaps?days=90' : null, READ_EVERY_MS).data.value;
  const at = parseTime(d?.at ?? null) ?? quarter.value;
  return (
    <div class="page today">
      <div class="head">
        <h1 tabIndex={-1}>{t('nav.today')}</h1>
        <p class="soft">{dayName(at)}</p>
      </div>
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!watches && <Calm text={t('today.by_appointment')} to="/me" step={t('nav.me')} />}
      {watches && !d && !wrong.value && <Slow text={t('today.reading')} />}
      {d && (
        <div class="tiles">
          {d.alerts && <Alerts figures={d.alerts} now={at} />}
          {d.sources && <Sources s={d.sources} />}
          {d.looked_for > 0 && (['work', 'ends', 'look'] as const).map((g) => <Due key={g} group={g} figures={d.due} />)}
          {d.looked_for > 0 && (
            <Tile id="due" title={t('reg.due_next')} to="/registers" all={t('nav.registers')}>
              <DueList few={5} />
            </Tile>
          )}
          {gaps && d.looked_for > 0 && <Held d={gaps} />}
          {d.warnings && <Warnings w={d.warnings} />}
          {(d.copy || d.backup) && <Safe d={d} />}
          {!demo.value && isEmpty(d) && (rights?.includes('registers.manage') ?? false) && <TryIt />}
        </div>
      )}
      {d && !reads && <p class="quiet">{t('today.part')}</p>}
    </div>
  );
}
