// SPDX-License-Identifier: EUPL-1.2
// How far the community is on its guard, and why: on the board and above the warnings.
import { t, tn } from '../base/i18n';
import { Age } from '../base/parts';
import { visibleLine } from '../base/visible';
import { quarter } from '../state/ticks';
import { State, useResource } from './parts';
import type { CommunityLevel } from './types';

const READ_EVERY_MS = 10_000;

export function Level() {
  const { data } = useResource<CommunityLevel>('/federation/level', READ_EVERY_MS);
  const l = data.value;
  if (!l) return null;
  return (
    <section class="panel" aria-labelledby="level-h">
      <div class="head">
        <h2 id="level-h">{t('level_c.title')}</h2>
        <State group="level_c" state={l.level} />
        {l.since && (
          <span class="soft">
            {t('share.since')} <Age at={l.since} now={quarter} />
          </span>
        )}
      </div>
      {l.reasons.length === 0 ? (
        <p class="soft">{t('level_c.no_reason')}</p>
      ) : (
        <ul class="rows">
          {l.reasons.map((r) => (
            <li key={r.text}>
              <span>{visibleLine(r.text)}</span>
              {r.count !== null && (
                <a class="fig" href={`/warnings?q=${encodeURIComponent(r.text)}`}>
                  {tn('share.cities', r.count)}
                </a>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
