// SPDX-License-Identifier: EUPL-1.2
// An extract of minutes as one reads it, on screen and on paper: who heard what, what was decided, which documents were shown, and what
// was put right later. It is an extract and says so; where the official record is kept stands in it.
import { query as ask } from '../base/api';
import { t } from '../base/i18n';
import { visible, visibleLine } from '../base/visible';
import { Tlp, useResource } from '../share/parts';
import type { Tlp as Label } from '../share/types';
import { choice, label, rightOn, stateWord } from './kinds';
import { shownTitle } from './links';
import { titleOf } from './list';
import { Masked } from './masked';
import type { Kind, RecordPage, RecordRow, Value } from './types';
import { day } from './value';

interface Props {
  kind: Kind;
  record: RecordRow;
}
const text = (r: RecordRow, n: string): string => (typeof r.fields[n] === 'string' ? (r.fields[n] as string) : '');

function Part({ kind, name, record, children }: Props & { name: string; children?: preact.ComponentChildren }) {
  const masked = record.masked.includes(name);
  if ((record.fields[name] === undefined && !masked) || rightOn(kind, name) === 'hidden') return null;
  return (
    <section class="paper-part">
      <h3>{label(kind, name, kind.schema.properties?.[name])}</h3>
      {masked ? <Masked /> : children ?? <p class="reg-text">{visible(String(record.fields[name]))}</p>}
    </section>
  );
}

function Documents({ kind, record }: Props) {
  const rows = (Array.isArray(record.fields.documents) ? record.fields.documents : []) as Record<string, Value>[];
  return (
    <Part kind={kind} name="documents" record={record}>
      <ul class="paper-docs">
        {rows.map((d, i) => (
          <li key={i}>
            {visibleLine(String(d.name))} <span class="quiet">SHA-256</span> <code>{visibleLine(String(d.sha256))}</code>
          </li>
        ))}
      </ul>
    </Part>
  );
}

/** The other extracts: those that correct this one, and the one that it corrects. */
function Corrections({ kind, record }: Props) {
  const later = useResource<RecordPage>(`/registers/${kind.plural}${ask({ corrects: record.id, sort: 'held', limit: 50 })}`).data.value?.items ?? [];
  const earlier = (record.links ?? []).filter((l) => l.field === 'corrects');
  if (later.length + earlier.length === 0) return null;
  return (
    <section class="paper-part" id="corrections">
      <h3>{t('reg.p_corrections')}</h3>
      <ul class="reg-links">
        {earlier.map((l) => (
          <li key={l.id}>
            <span>{t('reg.p_corrects')}</span> <a href={`/registers/${kind.plural}/${l.id}`}>{visibleLine(shownTitle(l))}</a>
          </li>
        ))}
        {later.map((r) => (
          <li key={r.id}>
            <span>{t('reg.p_corrected_by')}</span> <a href={`/registers/${kind.plural}/${r.id}`}>{titleOf(kind, r)}</a> <span class="quiet">{day(text(r, 'held'))}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Paper({ kind, record }: Props) {
  const mark = <Tlp label={record.tlp as Label} />;
  return (
    <article class="panel paper-minute" aria-labelledby="paper-h">
      <header class="reg-head">
        <div>
          <strong>{visibleLine(text(record, 'body'))}</strong>
          <p class="soft">{t('reg.p_sitting', { day: day(text(record, 'held')), item: visibleLine(text(record, 'item')) })}</p>
        </div>
        {mark}
      </header>
      <h2 id="paper-h">{titleOf(kind, record)}</h2>
      <p class="quiet">{t('reg.p_extract', { state: stateWord(kind, record.state) })}</p>
      <Part kind={kind} name="heard" record={record} />
      <Part kind={kind} name="decision" record={record}>
        <p>
          <strong>{choice(kind, 'decision', text(record, 'decision'))}</strong>
        </p>
      </Part>
      <Part kind={kind} name="reason" record={record} />
      <Part kind={kind} name="votes" record={record} />
      <Part kind={kind} name="owner" record={record} />
      <Part kind={kind} name="due" record={record}>
        <p>{day(text(record, 'due'))}</p>
      </Part>
      <Documents kind={kind} record={record} />
      <Part kind={kind} name="annex_sha256" record={record}>
        <p>
          <code>{visibleLine(text(record, 'annex_sha256'))}</code>
        </p>
      </Part>
      <Part kind={kind} name="record_kept" record={record} />
      <Corrections kind={kind} record={record} />
      <footer class="paper-foot">
        <span class="quiet">
          <code>{record.id}</code>, {t('reg.version')} {record.version}
        </span>
        {mark}
      </footer>
      <div class="acts">
        <button class="btn" type="button" onClick={() => window.print()}>
          {t('reg.p_print')}
        </button>
      </div>
    </article>
  );
}
