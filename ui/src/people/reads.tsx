// SPDX-License-Identifier: EUPL-1.2
// Who read what of sensitive records: when, which, on which way, why. Below the looks at persons, for the same readers. No sums: what somebody reads
// is no figure of his work.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, query } from '../base/api';
import { exact, parseTime } from '../base/format';
import { t, tOr } from '../base/i18n';
import { Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';

interface Read {
  number: number;
  at: string;
  organisation: string;
  who: string;
  kind: string;
  plural: string;
  way: string;
  why: string;
  records: string[];
  count: number;
  persons: boolean;
  red: boolean;
}
interface Reads {
  items: Read[];
  next: string | null;
  kept_days: number;
}

const SHOWN = 5; // ids of one row; the record's page says more than any of them
const time = (iso: string): string => {
  const ms = parseTime(iso);
  return ms === null ? iso : exact(ms);
};

function Row({ r }: { r: Read }) {
  return (
    <tr>
      <td>{time(r.at)}</td>
      <th scope="row">
        <bdi>{visibleLine(r.who)}</bdi>
      </th>
      <td>
        {visibleLine(r.plural)}{' '}
        {r.records.slice(0, SHOWN).map((id) => (
          <span key={id}>
            <a class="mono" href={`/registers/${encodeURIComponent(r.plural)}/${encodeURIComponent(id)}`}>
              {visibleLine(id.slice(-6))}
            </a>{' '}
          </span>
        ))}
        {r.count > SHOWN && <span class="quiet">+{r.count - SHOWN}</span>}
        {r.organisation !== '*' && <span class="sub">{visibleLine(r.organisation)}</span>}
      </td>
      <td>
        {tOr(`looks.way_${r.way}`, visibleLine(r.way))} {r.red && <span class="chip">TLP:RED</span>}
      </td>
      <td>{visibleLine(r.why)}</td>
    </tr>
  );
}

export function ReadsSection() {
  const items = useSignal<Read[] | null>(null);
  const next = useSignal<string | null>(null);
  const days = useSignal(0);
  const wrong = useSignal<string | null>(null);
  const read = async (more = false): Promise<void> => {
    try {
      let got: Reads | null = null;
      // A page may hold no row of the reader's organisations and go on.
      do {
        got = await get<Reads>(`/privacy/reads${query({ cursor: got ? got.next : more ? next.value : null })}`);
      } while (got.items.length === 0 && got.next);
      items.value = more ? [...(items.value ?? []), ...got.items] : got.items;
      next.value = got.next;
      days.value = got.kept_days;
      wrong.value = null;
    } catch (err) {
      wrong.value = problem(err);
    }
  };
  useEffect(() => void read(), []);
  return (
    <section class="panel" aria-labelledby="reads-h">
      <h2 id="reads-h">{t('looks.reads')}</h2>
      {wrong.value && <Problem text={wrong.value} onAgain={() => void read()} />}
      {!items.value && !wrong.value && <Slow text={t('people.reading')} />}
      {items.value && <p class="soft">{t('looks.reads_lead', { days: days.value })}</p>}
      {items.value && items.value.length === 0 && <p>{t('looks.reads_none')}</p>}
      {items.value && items.value.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t('looks.records')}>
          <table class="plain" id="reads">
            <thead>
              <tr>
                {['looks.at', 'looks.who', 'looks.records', 'looks.way', 'reg.why'].map((word) => (
                  <th scope="col" key={word}>
                    {t(word)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {items.value.map((r) => (
                <Row key={r.number} r={r} />
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
    </section>
  );
}
