// SPDX-License-Identifier: EUPL-1.2
// What the page of a department and its report are made of: figures, what is asked, services with what they stand on, appointments, gaps.
import { exact, parseTime } from '../base/format';
import { formatNumber, t } from '../base/i18n';
import { visibleLine } from '../base/visible';
import { DueChip } from '../registers/due';
import { choice, kindOf, kindTitle, label, stateWord } from '../registers/kinds';
import { titleOf } from '../registers/list';
import type { Kind, RecordRow } from '../registers/types';
import { StateChip } from '../registers/value';
import { alertsUrl } from '../state/place';
import { foldAlike } from './fold';
import { partUrl } from './read';
import type { Appointment, Department, HostAlerts, Part, Task } from './types';

const counted = (n: { count: number; more: boolean }): string => (n.more ? `>${formatNumber(n.count)}` : formatNumber(n.count));
const at = (iso: string): string => {
  const ms = parseTime(iso);
  return ms === null ? visibleLine(iso) : exact(ms);
};
export const placeName = (organisation: string): string => (organisation === '*' ? t('people.whole_node') : visibleLine(organisation));

/** A line for each kind: how many records in each state, and how many whose day is past. */
export function Figures({ d }: { d: Department }) {
  const kinds = [...new Set(d.parts.map((p) => p.kind))];
  return (
    <ul class="rows figures">
      {kinds.map((k) => {
        const here = d.parts.filter((p) => p.kind === k && p.count > 0);
        const past = d.past.filter((p) => p.kind === k && p.count > 0);
        return (
          <li key={k.name}>
            <span>{kindTitle(k)}</span>
            <span class="figs">
              {here.length === 0 && <span class="quiet">{t('me.none')}</span>}
              {here.map((p) => (
                <Figure key={p.state} d={d} p={p} word={stateWord(k, p.state)} />
              ))}
              {past.map((p) => (
                <Figure key="past" d={d} p={p} word={t('me.past')} />
              ))}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function Figure({ d, p, word }: { d: Department; p: Part; word: string }) {
  return (
    <a class="fig" href={partUrl(d, p)}>
      <span class="hide">{kindTitle(p.kind)}: </span>
      {counted(p)} <span class="word">{word}</span>
    </a>
  );
}

function OneTask({ task }: { task: Task }) {
  const kind = task.row ? kindOf(task.row.plural) : undefined;
  return (
    <li>
      <a href={task.to}>{task.text}</a>
      {kind && task.row && <DueChip kind={kind} due={task.row.due} />}
    </li>
  );
}

/** fold: only the first of many that ask the same, the rest when they are opened; never on paper. */
export function Tasks({ tasks, fold }: { tasks: readonly Task[]; fold?: boolean }) {
  const runs = fold ? foldAlike(tasks) : [{ shown: tasks, rest: [] }];
  return (
    <ol class="rows me-tasks">
      {runs.flatMap(({ shown, rest }) => [
        ...shown.map((k) => <OneTask key={k.key} task={k} />),
        rest[0] && (
          <li key={`rest ${rest[0].key}`} class="me-rest">
            <details>
              <summary>{t('reg.in_more', { n: rest.length })}</summary>
              <ol class="rows me-tasks">
                {rest.map((k) => (
                  <OneTask key={k.key} task={k} />
                ))}
              </ol>
            </details>
          </li>
        ),
      ])}
    </ol>
  );
}

function HostFigure({ host, n }: { host: string; n: HostAlerts }) {
  return n.count === 0 && !n.more ? (
    <span class="quiet">{t('me.no_alerts')}</span>
  ) : (
    <a class="fig" href={alertsUrl(null, `status:open host:${/[\s"]/.test(host) ? JSON.stringify(host) : host}`)}>
      {counted(n)} <span class="word">{t('me.open_alerts')}</span>
    </a>
  );
}

/** Open alerts of a system; nothing where nobody can tell. */
function SystemAlerts({ d, r }: { d: Department; r: RecordRow }) {
  const host = r.fields.address;
  const n = typeof host === 'string' ? d.alerts?.get(host) : undefined;
  return n && typeof host === 'string' ? <HostFigure host={host} n={n} /> : <span class="quiet">{t(host === undefined ? 'me.no_address' : 'me.not_asked')}</span>;
}

const systemsOf = (d: Department): RecordRow[] => d.parts.filter((p) => p.kind.name === 'system').flatMap((p) => p.rows);

/** The systems on which a service stands, as far as they are of this department; those with open alerts first. */
function StandsOn({ d, r, kind }: { d: Department; r: RecordRow; kind: Kind }) {
  const named = Array.isArray(r.fields.systems) ? (r.fields.systems as string[]) : [];
  const known = systemsOf(d).filter((x) => named.includes(x.id));
  const elsewhere = named.length - known.length;
  if (named.length === 0) return <span class="quiet">{t('me.stands_on_none')}</span>;
  return (
    <ul class="me-systems">
      {known.map((x) => (
        <li key={x.id}>
          <a href={`/registers/${kind.plural}/${x.id}`}>{titleOf(kind, x)}</a> {d.alerts && <SystemAlerts d={d} r={x} />}
        </li>
      ))}
      {elsewhere > 0 && <li class="quiet">{t('me.elsewhere', { n: elsewhere })}</li>}
    </ul>
  );
}

export function Services({ d, most, id }: { d: Department; most: number; id: string }) {
  const parts = d.parts.filter((p) => p.kind.name === 'service');
  const kind = parts[0]?.kind;
  const systems = kindOf('systems');
  if (!kind) return null;
  const all = parts.flatMap((p) => p.rows);
  const rest = parts.reduce((n, p) => n + p.count, 0) - Math.min(most, all.length);
  if (all.length === 0) return <p class="soft">{t('me.no_services')}</p>;
  return (
    <>
      <div class="scroll" tabIndex={0} role="group" aria-labelledby={id}>
        <table class="plain reg-rows">
          <thead>
            <tr>
              <th scope="col">{label(kind, 'name')}</th>
              <th scope="col">{t('reg.state')}</th>
              <th scope="col">{t('reg.due')}</th>
              {systems && <th scope="col">{kindTitle(systems)}</th>}
            </tr>
          </thead>
          <tbody>
            {all.slice(0, most).map((r) => (
              <tr key={r.id}>
                <th scope="row">
                  <a href={`/registers/${kind.plural}/${r.id}`}>{titleOf(kind, r)}</a>
                </th>
                <td>
                  <StateChip kind={kind} state={r.state} />
                </td>
                <td>{r.due ? <DueChip kind={kind} due={r.due} /> : <span class="quiet">{t('me.no_day')}</span>}</td>
                {systems && (
                  <td>
                    <StandsOn d={d} r={r} kind={systems} />
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rest > 0 && <p class="quiet">{t('me.rest', { n: rest })}</p>}
    </>
  );
}

/** Systems of the department that have open alerts. */
export function Alerted({ d }: { d: Department }) {
  const kind = kindOf('systems');
  if (!kind) return null;
  if (d.alerts === null) return <p class="soft">{t('me.no_watch')}</p>;
  const with_ = systemsOf(d).filter((r) => {
    const n = typeof r.fields.address === 'string' ? d.alerts?.get(r.fields.address) : undefined;
    return n !== undefined && n.count > 0;
  });
  if (d.alerts.size === 0) return <p class="soft">{t('me.no_addresses')}</p>;
  if (with_.length === 0) return <p class="soft">{t('me.calm', { n: d.alerts.size })}</p>;
  return (
    <ul class="rows figures">
      {with_.map((r) => (
        <li key={r.id}>
          <a href={`/registers/${kind.plural}/${r.id}`}>{titleOf(kind, r)}</a>
          <span class="figs">
            <SystemAlerts d={d} r={r} />
          </span>
        </li>
      ))}
    </ul>
  );
}

export function Appointments({ all }: { all: readonly Appointment[] }) {
  const kind = kindOf('appointments');
  const word = (f: string): string => (kind ? choice(kind, 'function', f) : f);
  const called = (a: Appointment): string => (a.role ? `${word(a.function)}: ${visibleLine(a.role)}` : word(a.function));
  if (all.length === 0) return <p class="soft">{t('me.no_appointment')}</p>;
  return (
    <ul class="rows stack">
      {all.map((a) => (
        <li key={`${a.id} ${a.as_deputy}`}>
          <strong>
            {a.readable ? <a href={`/registers/appointments/${a.id}`}>{called(a)}</a> : called(a)}
          </strong>
          <span>
            {a.unit ? visibleLine(a.unit) : placeName(a.organisation)}
            {a.act && <span class="quiet"> · {t('me.act', { act: visibleLine(a.act) })}</span>}
          </span>
          <span>{a.ends ? t('me.from_to', { from: at(a.begins), to: at(a.ends) }) : t('me.from', { from: at(a.begins) })}</span>
          <span class="soft">
            {a.as_deputy ? t(a.acts ? 'me.stands_in_now' : 'me.stands_in', { name: visibleLine(a.person) }) : a.deputy ? t('me.deputy', { name: visibleLine(a.deputy) }) : t('me.no_deputy')}
            {!a.as_deputy && !a.holds ? ` · ${t('me.later')}` : ''}
          </span>
          {a.rights.length > 0 && <span class="soft">{t('me.gives', { what: a.rights.map((r) => t(`me.gives_${r.replace('.', '_')}`)).join(', ') })}</span>}
        </li>
      ))}
    </ul>
  );
}

export function GapList({ d }: { d: Department }) {
  const kind = kindOf('appointments');
  if (!d.gaps || !kind) return null;
  if (d.gaps.length === 0) return <p class="soft">{t('gaps.none')}</p>;
  return (
    <ul class="rows stack">
      {d.gaps.slice(0, 12).map((g) => (
        <li key={`${g.organisation} ${g.unit} ${g.function} ${g.from}`}>
          <a href={`/registers/appointments/gaps#gaps-${g.from === d.gapsFrom ? 'now' : 'later'}`}>
            {choice(kind, 'function', g.function)}, {g.unit ? visibleLine(g.title) : placeName(g.organisation)}
          </a>
          <span class="soft">{g.from === d.gapsFrom ? t('gaps.is_now') : t('me.from', { from: at(g.from) })}</span>
        </li>
      ))}
    </ul>
  );
}
