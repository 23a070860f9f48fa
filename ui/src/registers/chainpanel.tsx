// SPDX-License-Identifier: EUPL-1.2
// A chain on the page of a record: the number of services that may fail with it, the picture, and the same as lists.
import { t, tn } from '../base/i18n';
import { Drawn } from './chain';
import { chainPath, ChainLists, shownTitle } from './links';
import type { Chain } from './picture';
import type { Kind } from './types';
import { visibleLine } from '../base/visible';

export function ChainPanel({ kind, id, up, down }: { kind: Kind; id: string; up: Chain; down: Chain }) {
  const services = up.items.filter((i) => i.kind === 'service').length;
  if (up.items.length + down.items.length === 0) {
    return (
      <section class="empty">
        <strong>{t('reg.alone')}</strong>
        <a class="btn" href={`/registers/${kind.plural}/${id}/edit`}>
          {t('reg.edit')}
        </a>
      </section>
    );
  }
  return (
    <figure class="panel" aria-labelledby="pic-h">
      <div class="reg-head">
        <h2 id="pic-h">{t('reg.p_chain')}</h2>
        <a href={chainPath(kind.plural, id)}>{t('reg.to_chain')}</a>
      </div>
      <p>
        {services > 0 ? (
          <a class="fig" href="#chain-up-h">
            {tn('reg.fails', services)}
          </a>
        ) : (
          t('reg.fails_none')
        )}
      </p>
      <Drawn up={up} down={down} title={visibleLine(shownTitle(up.from))} />
      <div class="chain-lists">
        <ChainLists chain={up} direction="up" />
        <ChainLists chain={down} direction="down" />
      </div>
    </figure>
  );
}
