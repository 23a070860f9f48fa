// SPDX-License-Identifier: EUPL-1.2
// What a list of the personnel office does to records of people: which fields, what of somebody else's stays, and what a leaver held.
import { useEffect } from 'preact/hooks';
import { t } from '../base/i18n';
import { visibleLine } from '../base/visible';
import { choice, kinds, label, readKinds } from '../registers/kinds';
import type { Kind } from '../registers/types';
import type { PersonChange } from './types';

const KINDS = { people: 'person', appointments: 'appointment' } as const;
/** Its words are looked up by its name; the file is not needed where the reader has not got it. */
const kindOf = (plural: keyof typeof KINDS): Kind =>
  kinds.value?.items.find((k) => k.plural === plural) ?? ({ name: KINDS[plural], plural, schema: { properties: {} } } as unknown as Kind);
const names = (fields: readonly string[]): string => fields.map((f) => label(kindOf('people'), f)).join(', ');
const worded = (v: unknown): string => visibleLine(typeof v === 'string' ? v : JSON.stringify(v));

function Held({ held }: { held: PersonChange['appointments'] }) {
  return (
    <ul>
      {held.map((h) => (
        <li key={h.id}>
          {choice(kindOf('appointments'), 'function', h.function)}, {visibleLine(h.unit || h.organisation)}:{' '}
          {h.deputy ? t('staff.stands_in', { who: visibleLine(h.deputy) }) : t('staff.nobody_stands_in')}
        </li>
      ))}
    </ul>
  );
}

export function People({ changes }: { changes: PersonChange[] }) {
  useEffect(() => void readKinds().catch(() => undefined), []);
  return (
    <div class="scroll" role="region" tabIndex={0} aria-label={t('staff.people')}>
      <table class="plain">
        <caption>{t('staff.people')}</caption>
        <thead>
          <tr>
            <th scope="col" class="num">{t('reg.in_row')}</th>
            <th scope="col">{t('people.name')}</th>
            <th scope="col">{t('reg.in_what')}</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((c) => (
            <tr key={`${c.row} ${c.id}`}>
              <td class="num">{c.row}</td>
              <th scope="row">
                <bdi>{visibleLine(c.title)}</bdi>
              </th>
              <td>
                {t(`staff.person_${c.what}`)}
                {c.fields.map((f) => (
                  <span key={f.field} class="sub">
                    {label(kindOf('people'), f.field)}: {f.before !== null && `${worded(f.before)} → `}
                    {worded(f.after)}
                  </span>
                ))}
                {c.kept.length > 0 && <span class="sub">{t('staff.kept', { fields: names(c.kept) })}</span>}
                {c.appointments.length > 0 && <Held held={c.appointments} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
