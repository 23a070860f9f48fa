// SPDX-License-Identifier: EUPL-1.2
// A list of the personnel office: looked at first, then done all or nothing, with the links of those who join shown once; and taken back.
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { ApiError, post, query, upload } from '../base/api';
import { drawn } from '../base/drawn';
import { t, tn } from '../base/i18n';
import { Age, CopyButton, Problem } from '../base/parts';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { act, Twice, useResource } from '../share/parts';
import { quarter } from '../state/ticks';
import { roleTitle } from './list';
import { People } from './staffpersons';
import type { Role, StaffChange, StaffImport, StaffReport } from './types';

const WHAT: Record<StaffChange['what'], string> = { joins: 'staff.joins', role: 'staff.role', leaves: 'staff.leaves' };

function Faults({ report }: { report: StaffReport }) {
  return (
    <div class="scroll" role="region" tabIndex={0} aria-label={t('reg.in_faults')}>
      <table class="plain">
        <caption>{t('reg.in_faults')}</caption>
        <thead>
          <tr>
            <th scope="col" class="num">{t('reg.in_row')}</th>
            <th scope="col">{t('reg.in_column')}</th>
            <th scope="col">{t('reg.in_what')}</th>
          </tr>
        </thead>
        <tbody>
          {report.faults.map((f) => (
            <tr key={`${f.row} ${f.column}`}>
              <td class="num">{f.row}</td>
              <td>
                <code>{f.column}</code>
              </td>
              <td>{visibleLine(f.message)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Changes({ report, roles }: { report: StaffReport; roles: Role[] }) {
  return (
    <div class="scroll" role="region" tabIndex={0} aria-label={t('staff.changes')}>
      <table class="plain">
        <caption>{t('staff.changes')}</caption>
        <thead>
          <tr>
            <th scope="col" class="num">{t('reg.in_row')}</th>
            <th scope="col">{t('people.name')}</th>
            <th scope="col">{t('reg.in_what')}</th>
          </tr>
        </thead>
        <tbody>
          {report.changes.map((c) => (
            <tr key={c.row}>
              <td class="num">{c.row}</td>
              <th scope="row">
                <bdi>{visibleLine(c.name)}</bdi>
              </th>
              <td>
                {t(WHAT[c.what])}
                {c.role && `: ${roleTitle(roles, c.role)}`}
                {c.link && (
                  <span class="secret">
                    <code>{location.origin + c.link}</code>
                    <CopyButton text={location.origin + c.link} label={t('links.copy')} />
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Past({ items, again }: { items: StaffImport[]; again: () => void }) {
  return (
    <>
      <h3>{t('staff.past')}</h3>
      <ul class="rows stack">
        {items.map((i) => (
          <li key={i.id}>
            <span class="head">
              <span>
                <Age at={i.at} now={quarter} /> <bdi>{visibleLine(i.who)}</bdi>
                {i.why && ` · ${visibleLine(i.why)}`}
              </span>
              {i.undone ? (
                <span class="chip">{t('reg.undone')}</span>
              ) : (
                <span class="acts">
                  <Twice label={t('reg.undo')} sure={t('staff.undo_sure')} of={visibleLine(i.why || i.who)}
                    onDo={() => void act(() => post(`/staff-imports/${encodeURIComponent(i.id)}/undo`, undefined), t('reg.undone')).then(again)} />
                </span>
              )}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

export function Staff({ roles, onDone }: { roles: Role[]; onDone: () => void }) {
  const past = useResource<{ items: StaffImport[] }>('/staff-imports');
  const file = useSignal<File | null>(null);
  const report = useSignal<StaffReport | null>(null);
  const wrong = useSignal<string | null>(null);
  const busy = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  const head = useRef<HTMLHeadingElement>(null);
  const again = (): void => {
    past.again();
    onDone();
  };
  const send = async (apply: boolean): Promise<void> => {
    if (busy.value) return;
    if (!file.value) {
      wrong.value = t('reg.in_choose');
      input.current?.focus();
      return;
    }
    busy.value = true;
    wrong.value = null;
    try {
      report.value = await upload<StaffReport>(`/staff-imports${query({ apply: apply ? 'true' : null, why: apply ? file.value.name : null })}`, file.value, 'text/csv');
      drawn(() => head.current?.focus());
      if (report.value.import) again();
    } catch (err) {
      report.value = null;
      wrong.value = err instanceof ApiError && err.message ? visibleLine(err.message) : problem(err);
    }
    busy.value = false;
  };
  const r = report.value;
  const any = r !== null && r.changes.length + r.person_changes.length > 0;
  return (
    <section class="panel" aria-labelledby="staff-h">
      <h2 id="staff-h">{t('staff.title')}</h2>
      <p>{t('staff.lead')}</p>
      <div class={wrong.value ? 'field wrong' : 'field'}>
        <label for="staff-file">{t('reg.in_file')}</label>
        <span class="hint" id="staff-file-hint">
          {t('staff.hint')}
        </span>
        {wrong.value && (
          <p class="error" id="staff-file-error" role="alert">
            {wrong.value}
          </p>
        )}
        <input id="staff-file" ref={input} type="file" accept=".csv,text/csv" aria-invalid={wrong.value ? true : undefined}
          aria-describedby={wrong.value ? 'staff-file-error staff-file-hint' : 'staff-file-hint'}
          onChange={(e) => {
            file.value = e.currentTarget.files?.[0] ?? null;
            report.value = null;
            wrong.value = null;
          }} />
      </div>
      <p class="acts">
        <button id="staff-look" class={r ? 'btn' : 'btn main-act'} type="button" aria-disabled={busy.value} onClick={() => void send(false)}>
          {t('reg.in_look')}
        </button>
      </p>
      {r && (
        <>
          <h3 tabIndex={-1} ref={head}>
            {r.import ? t('staff.done') : t('reg.in_would_head', { file: visibleLine(file.value?.name ?? '') })}
          </h3>
          <p>
            {tn('reg.in_same', r.same)}, {tn('reg.in_faulty', r.faulty)}
          </p>
          {r.faults.length > 0 && <Faults report={r} />}
          {r.changes.length > 0 && <Changes report={r} roles={roles} />}
          {r.person_changes.length > 0 && <People changes={r.person_changes} />}
          {!r.import && r.faulty > 0 && <p>{t('staff.faulty')}</p>}
          {!r.import && r.faulty === 0 && !any && <p>{t('reg.in_nothing')}</p>}
          {!r.import && r.faulty === 0 && any && (
            <p class="acts">
              <button id="staff-do" class="btn main-act" type="button" aria-disabled={busy.value} onClick={() => void send(true)}>
                {t('staff.do')}
              </button>
            </p>
          )}
        </>
      )}
      {past.wrong.value && <Problem text={past.wrong.value} onAgain={past.again} />}
      {past.data.value && past.data.value.items.length > 0 && <Past items={past.data.value.items} again={again} />}
    </section>
  );
}
