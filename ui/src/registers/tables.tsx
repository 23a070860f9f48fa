// SPDX-License-Identifier: EUPL-1.2
// Records of a kind as a table: taken out whole, and brought in after a look at what would change. Nothing is stored before
// somebody has seen that, and what was stored can be taken back here.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ApiError, download, get, post, query as ask, upload } from '../base/api';
import { drawn } from '../base/drawn';
import { t, tn } from '../base/i18n';
import { Age, Problem } from '../base/parts';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { quarter } from '../state/ticks';
import { useArrival } from './arrive';
import { kindTitle, label, may } from './kinds';
import { MaskBar } from './masked';
import { KindHead } from './list';
import { Why } from './move';
import type { Import, ImportReport, Kind } from './types';

const JSON_ENDS = /\.(json|jsonl|ndjson)$/i;
const SHOWN = 20;

/** Name of a column as the pages say it; of what every record has, too. */
const columnWord = (k: Kind, column: string): string => {
  if (column === '') return '';
  if (k.schema.properties?.[column]) return label(k, column, k.schema.properties[column]);
  return column === 'state' || column === 'tlp' || column === 'organisation' || column === 'id' || column === 'why'
    ? t(`reg.${column === 'tlp' ? 'label' : column}`)
    : visibleLine(column);
};

function Out({ kind }: { kind: Kind }) {
  const busy = useSignal(false);
  const wrong = useSignal<string | null>(null);
  const take = async (format: 'csv' | 'json', separator: 'comma' | 'semicolon'): Promise<void> => {
    if (busy.value) return;
    busy.value = true;
    wrong.value = null;
    try {
      const parts: Blob[] = [];
      let cursor: string | null = null;
      do {
        const part: { body: Blob; next: string | null } = await download(`/registers/${kind.plural}/export${ask({ format, separator, cursor })}`);
        parts.push(part.body);
        cursor = part.next;
      } while (cursor !== null);
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob(parts));
      link.download = `${kind.plural}.${format === 'csv' ? 'csv' : 'jsonl'}`;
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (err) {
      wrong.value = problem(err);
    }
    busy.value = false;
  };
  return (
    <section class="panel" aria-labelledby="out-h">
      <h2 id="out-h">{t('reg.out')}</h2>
      <p>{t('reg.out_lead')}</p>
      {wrong.value && <Problem text={wrong.value} />}
      <div class="acts">
        <button class="btn" type="button" aria-disabled={busy.value} onClick={() => void take('csv', 'comma')}>
          {t('reg.out_csv')}
        </button>
        <button class="btn" type="button" aria-disabled={busy.value} onClick={() => void take('csv', 'semicolon')}>
          {t('reg.out_semicolon')}
        </button>
        <button class="btn" type="button" aria-disabled={busy.value} onClick={() => void take('json', 'comma')}>
          {t('reg.out_json')}
        </button>
      </div>
    </section>
  );
}

const cell = (v: unknown): string => visibleLine(v === null || v === undefined ? t('reg.empty') : typeof v === 'string' ? v : JSON.stringify(v)).slice(0, 200);

/** What the file would do, row by row. */
function Report({ kind, report }: { kind: Kind; report: ImportReport }) {
  return (
    <>
      {report.reading?.profile && <p>{t('reg.in_read', { profile: visibleLine(report.reading.title ?? ''), n: report.reading.passed_over ?? 0 })}</p>}
      <ul class="reg-counts">
        <li>{tn('reg.in_new', report.new)}</li>
        <li>{tn('reg.in_changed', report.changed)}</li>
        <li>{tn('reg.in_same', report.same)}</li>
        <li>{tn('reg.in_faulty', report.faulty)}</li>
      </ul>
      {report.faults.length > 0 && (
        <div class="reg-list" role="region" tabIndex={0} aria-label={t('reg.in_faults')}>
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
              {report.faults.slice(0, 100).map((f, i) => (
                <tr key={i}>
                  <td class="num">{f.row}</td>
                  <td>{columnWord(kind, f.column)}</td>
                  <td>{visibleLine(f.message)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {report.count > 100 && <p class="soft">{t('reg.in_more', { n: report.count - 100 })}</p>}
      {report.changes.length > 0 && (
        <div class="reg-list" role="region" tabIndex={0} aria-label={t('reg.in_changes')}>
          <table class="plain">
            <caption>{t('reg.in_changes')}</caption>
            <thead>
              <tr>
                <th scope="col" class="num">{t('reg.in_row')}</th>
                <th scope="col">{label(kind, kind.schema['x-table'].title, kind.schema.properties?.[kind.schema['x-table'].title])}</th>
                <th scope="col">{t('reg.in_would')}</th>
              </tr>
            </thead>
            <tbody>
              {report.changes.slice(0, SHOWN).map((c) => (
                <tr key={c.row}>
                  <td class="num">{c.row}</td>
                  <td>{visibleLine(c.title)}</td>
                  <td>
                    {c.what === 'new'
                      ? t('reg.in_is_new')
                      : c.fields.map((f) => (
                          <div key={f.field}>
                            {columnWord(kind, f.field)}: <del>{cell(f.before)}</del> <ins>{cell(f.after)}</ins>
                          </div>
                        ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {report.new + report.changed > SHOWN && <p class="soft">{t('reg.in_more', { n: report.new + report.changed - SHOWN })}</p>}
    </>
  );
}

function In({ kind, onStored }: { kind: Kind; onStored: () => void }) {
  const file = useSignal<File | null>(null);
  const report = useSignal<ImportReport | null>(null);
  const stored = useSignal<ImportReport | null>(null);
  const wrong = useSignal<string | null>(null);
  const busy = useSignal(false);
  const why = useSignal('');
  const profile = useSignal('');
  const old = useSignal(false);
  const result = useRef<HTMLHeadingElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const send = async (apply: boolean): Promise<void> => {
    const f = file.value;
    if (busy.value) return;
    if (!f) {
      wrong.value = t('reg.in_choose');
      input.current?.focus();
      return;
    }
    busy.value = true;
    wrong.value = null;
    const skip = apply && (report.value?.faulty ?? 0) > 0;
    try {
      const got = await upload<ImportReport>(`/registers/${kind.plural}/import${ask({ apply: apply ? 'true' : null, skip: skip ? 'true' : null, why: why.value.trim(), profile: profile.value || null, encoding: old.value ? 'windows-1252' : null })}`, f, JSON_ENDS.test(f.name) ? 'application/x-ndjson' : 'text/csv');
      if (apply) {
        stored.value = got;
        report.value = null;
        file.value = null;
        if (input.current) input.current.value = '';
        onStored();
      } else report.value = got;
      drawn(() => result.current?.focus());
    } catch (err) {
      report.value = null;
      wrong.value =
        err instanceof ApiError && err.code === 'bad_file'
          ? `${err.where ? `${t('reg.in_row')} ${err.where}: ` : ''}${visibleLine(err.message)}`
          : err instanceof ApiError && err.status === 409
            ? visibleLine(err.message)
            : problem(err);
    }
    busy.value = false;
  };
  const r = report.value;
  const good = r ? r.new + r.changed : 0;
  return (
    <section class="panel" aria-labelledby="in-h">
      <h2 id="in-h">{t('reg.in')}</h2>
      <p>{t('reg.in_lead')}</p>
      <div class={wrong.value ? 'field wrong' : 'field'}>
        <label for="in-file">{t('reg.in_file')}</label>
        <span class="hint" id="in-file-hint">
          {t('reg.in_hint')}
        </span>
        {wrong.value && (
          <p class="error" id="in-file-error" role="alert">
            {wrong.value}
          </p>
        )}
        <input id="in-file" ref={input} type="file" accept=".csv,.json,.jsonl,.ndjson,text/csv,application/json" aria-invalid={wrong.value ? true : undefined}
          aria-describedby={wrong.value ? 'in-file-error in-file-hint' : 'in-file-hint'}
          onChange={(e) => {
            file.value = e.currentTarget.files?.[0] ?? null;
            report.value = null;
            stored.value = null;
            wrong.value = null;
          }} />
      </div>
      {kind.profiles.length > 0 && (
        <div class="field">
          <label for="in-profile">{t('reg.in_profile')}</label>
          <span class="hint" id="in-profile-hint">
            {t('reg.in_profile_hint')}
          </span>
          <select id="in-profile" aria-describedby="in-profile-hint" value={profile.value}
            onChange={(e) => {
              profile.value = e.currentTarget.value;
              report.value = null;
            }}>
            <option value="">{t('reg.in_profile_find')}</option>
            <option value="none">{t('reg.in_profile_none')}</option>
            {kind.profiles.map((p) => (
              <option key={p.name} value={p.name}>
                {visibleLine(p.title)}
              </option>
            ))}
          </select>
        </div>
      )}
      <div class="field">
        <label class="check">
          <input type="checkbox" checked={old.value}
            onChange={(e) => {
              old.value = e.currentTarget.checked;
              report.value = null;
            }} />{' '}
          {t('reg.in_old')}
        </label>
      </div>
      <Why id="in-why" value={why} needed={false} wrong={null} />
      <div class="acts">
        <button class={r ? 'btn' : 'btn main-act'} type="button" aria-disabled={busy.value} onClick={() => void send(false)}>
          {t('reg.in_look')}
        </button>
      </div>
      {r && (
        <>
          <h3 tabIndex={-1} ref={result}>
            {t('reg.in_would_head', { file: visibleLine(file.value?.name ?? '') })}
          </h3>
          <Report kind={kind} report={r} />
          {good > 0 ? (
            <div class="acts">
              <button class="btn main-act" type="button" aria-disabled={busy.value} onClick={() => void send(true)}>
                {r.faulty > 0 ? tn('reg.in_store_good', good) : tn('reg.in_store', good)}
              </button>
            </div>
          ) : (
            <p>{t('reg.in_nothing')}</p>
          )}
        </>
      )}
      {stored.value && (
        <h3 tabIndex={-1} ref={result}>
          {t('reg.in_stored', { made: stored.value.new, changed: stored.value.changed })}
        </h3>
      )}
    </section>
  );
}

function Past({ kind, again, onUndone }: { kind: Kind; again: number; onUndone: () => void }) {
  const list = useSignal<Import[] | null>(null);
  const wrong = useSignal<string | null>(null);
  const busy = useSignal(false);
  const said = useSignal('');
  useEffect(() => {
    get<{ items: Import[] }>(`/registers/${kind.plural}/imports`).then(
      (got) => (list.value = got.items),
      (err: unknown) => (wrong.value = problem(err)),
    );
  }, [kind.plural, again]);
  const undo = async (i: Import): Promise<void> => {
    if (busy.value) return;
    busy.value = true;
    wrong.value = null;
    try {
      await post(`/registers/${kind.plural}/imports/${i.id}/undo`, {});
      said.value = t('reg.undone');
      onUndone();
    } catch (err) {
      wrong.value = err instanceof ApiError && err.status === 409 ? visibleLine(err.message) : problem(err);
    }
    busy.value = false;
  };
  if (!list.value?.length && !wrong.value) return null;
  return (
    <section class="panel" aria-labelledby="past-h">
      <h2 id="past-h">{t('reg.past')}</h2>
      <p class="soft" role="status">
        {said.value}
      </p>
      {wrong.value && <Problem text={wrong.value} />}
      <ul class="reg-past">
        {(list.value ?? []).map((i) => (
          <li key={i.id}>
            <Age at={i.at} now={quarter} /> · {t('reg.past_what', { made: i.new, changed: i.changed })}
            {i.why && ` · ${visibleLine(i.why)}`}{' '}
            {i.undone ? (
              <span class="chip">{t('reg.undone')}</span>
            ) : (
              i.can_undo && (
                <button class="btn small" type="button" aria-disabled={busy.value} onClick={() => void undo(i)}>
                  {t('reg.undo')}
                </button>
              )
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

export function TablesPage({ kind }: { kind: Kind }) {
  const again = useSignal(0);
  const bump = (): void => {
    again.value += 1;
  };
  useArrival(`${t('reg.view_tables')} · ${kindTitle(kind)}`, true, kind.plural);
  return (
    <div class="page reg">
      <KindHead kind={kind} view="tables" />
      <MaskBar kind={kind} masked={kind.masked.length > 0} onChange={bump} />
      {kind.masked.length > 0 && <p class="soft">{t('reg.masked_tables')}</p>}
      <div class="reg-tables">
        <Out kind={kind} />
        {kind.masked.length === 0 && (may(kind, 'create') || may(kind, 'change')) && <In kind={kind} onStored={bump} />}
        {(may(kind, 'create') || may(kind, 'change')) && <Past kind={kind} again={again.value} onUndone={bump} />}
      </div>
    </div>
  );
}

