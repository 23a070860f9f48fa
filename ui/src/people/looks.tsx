// SPDX-License-Identifier: EUPL-1.2
// Who looked for a person, or had shown what records say of one: when, where, for what, why. For auditors and data protection; the rows
// are those of the audit trail.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, query, session } from '../base/api';
import { exact, parseTime } from '../base/format';
import { t, tOr } from '../base/i18n';
import { addKeys } from '../base/keys';
import { Empty, Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { go } from '../state/place';
import { ReadsSection } from './reads';
import { maySeeRetention, RetentionSection } from './retention';

export const mayLook = (): boolean => session.value?.user.rights?.includes('privacy.read') ?? false;
/** Of the page: who may not see who looked has what will go there. */
export const looksTitle = (): string => t(mayLook() ? 'looks.title' : 'retention.title');

interface Look {
  place: number;
  at: string;
  organisation: string;
  who: string;
  what: string;
  subject: string;
  why: string;
  detail: string;
}
interface Looks {
  items: Look[];
  next: string | null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const time = (iso: string): string => {
  const ms = parseTime(iso);
  return ms === null ? iso : exact(ms);
};
/** A record is told by its kind and the end of its id, a hunt as one, all else by its name. */
function whereOf(l: Look): string {
  const end = l.subject.slice(-6);
  if (l.what === 'persons.shown') return UUID.test(l.subject) ? `${l.detail.split(' ')[0] ?? ''}, ${end}` : l.subject;
  return UUID.test(l.subject) ? t('looks.hunt', { id: end }) : l.subject;
}

function LooksTable() {
  const items = useSignal<Look[] | null>(null);
  const next = useSignal<string | null>(null);
  const wrong = useSignal<string | null>(null);
  const read = async (more = false): Promise<void> => {
    try {
      let got: Looks | null = null;
      // A page of the trail may hold none of these rows and go on.
      do {
        got = await get<Looks>(`/privacy/searches${query({ cursor: got ? got.next : more ? next.value : null })}`);
      } while (got.items.length === 0 && got.next);
      items.value = more ? [...(items.value ?? []), ...got.items] : got.items;
      next.value = got.next;
      wrong.value = null;
    } catch (err) {
      wrong.value = problem(err);
    }
  };
  useEffect(() => void read(), []);
  return (
    <>
      {wrong.value && <Problem text={wrong.value} onAgain={() => void read()} />}
      {!items.value && !wrong.value && <Slow text={t('people.reading')} />}
      {items.value && items.value.length === 0 && <Empty title={t('looks.none')} />}
      {items.value && items.value.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t('looks.title')}>
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">{t('looks.at')}</th>
                <th scope="col">{t('looks.who')}</th>
                <th scope="col">{t('looks.what')}</th>
                <th scope="col">{t('reg.why')}</th>
              </tr>
            </thead>
            <tbody>
              {items.value.map((l) => (
                <tr key={l.place}>
                  <td>{time(l.at)}</td>
                  <th scope="row">
                    <bdi>{visibleLine(l.who)}</bdi>
                    {l.organisation !== '*' && <span class="sub">{visibleLine(l.organisation)}</span>}
                  </th>
                  <td>
                    {tOr(`looks.${l.what.replace('persons.', '')}`, visibleLine(l.what))}: {visibleLine(whereOf(l))}
                    {l.what === 'persons.searched' && <span class="sub mono">{visibleLine(l.detail)}</span>}
                  </td>
                  <td>{l.why === '' ? <span class="quiet">{t('looks.no_why')}</span> : visibleLine(l.why)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {next.value && (
        <p class="acts">
          <button class="btn" type="button" onClick={() => void read(true)}>
            {t('people.more')}
          </button>
        </p>
      )}
    </>
  );
}

export function LooksPage() {
  useEffect(() => addKeys({ back: () => go('/people') }), []);
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{looksTitle()}</h1>
        {mayLook() && <p class="soft">{t('looks.lead')}</p>}
      </div>
      {mayLook() && <LooksTable />}
      {mayLook() && <ReadsSection />}
      {maySeeRetention() && <RetentionSection />}
    </div>
  );
}
