// SPDX-License-Identifier: EUPL-1.2
// A record's chain on a page of its own: which services fail with it, a picture of what stands on it and on what it stands, and the
// same as lists, which keyboard and screen reader go through. What the reader may not see, the node leaves out.
import { useEffect } from 'preact/hooks';
import { formatNumber, t, tn } from '../base/i18n';
import { addKeys } from '../base/keys';
import { Problem, Slow } from '../base/parts';
import { visibleLine } from '../base/visible';
import { useResource } from '../share/parts';
import { go } from '../state/place';
import { useArrival } from './arrive';
import { kindOf, kindTitle, stateWord } from './kinds';
import { ChainLists, shownTitle } from './links';
import { recordPath } from './move';
import { BOX, drawn, short, wire, type Chain, type Picture } from './picture';
import type { Kind } from './types';

const kindName = (plural: string, name: string): string => {
  const k = kindOf(plural);
  return k ? kindTitle(k) : name;
};

function Drawing({ p, label }: { p: Picture; label: string }) {
  const edge = 2; // half a line, so that none is cut
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t('reg.picture')}>
      <svg class="chain-pic" role="img" aria-label={label} viewBox={`${-edge} ${-edge} ${p.width + 2 * edge} ${p.height + 2 * edge}`} width={p.width + 2 * edge} height={p.height + 2 * edge}>
        {p.wires.map((w) => (
          <path key={`${w.from.node.id} ${w.to.node.id}`} class="wire" d={wire(w.from, w.to)} />
        ))}
        {p.boxes.map((b) => {
          const k = kindOf(b.node.plural);
          return (
            <g key={b.node.id} class={b.column === 0 ? 'box here' : b.node.kind === 'service' ? 'box service' : 'box'} transform={`translate(${b.x} ${b.y})`}>
              <title>{visibleLine(shownTitle(b.node))}</title>
              <rect width={BOX.width} height={BOX.height} rx="6" />
              <text class="name" x="14" y="20">
                {short(visibleLine(shownTitle(b.node)))}
              </text>
              <text x="14" y="37">
                {short(`${kindName(b.node.plural, b.node.kind)}${k ? `, ${stateWord(k, b.node.state)}` : ''}`, 30)}
              </text>
            </g>
          );
        })}
      </svg>
    </div>
  );
}

export function ChainPage({ kind, id }: { kind: Kind; id: string }) {
  const base = `${recordPath(kind, id)}/chain`;
  const up = useResource<Chain>(base);
  const down = useResource<Chain>(`${base}?direction=down`);
  const [u, d] = [up.data.value, down.data.value];
  const title = u ? visibleLine(shownTitle(u.from)) : null;
  const wrong = up.wrong.value ?? down.wrong.value;
  useArrival(title, u !== null && d !== null);
  useEffect(() => addKeys({ back: () => go(recordPath(kind, id)) }), [id]);
  const services = u?.items.filter((i) => i.kind === 'service').length ?? 0;
  return (
    <div class="page reg">
      <div class="head">
        <a class="reg-up" href={recordPath(kind, id)}>
          {kindTitle(kind)}
        </a>
        <h1 tabIndex={-1}>{title === null ? t('reg.chain_title') : t('reg.chain_of', { title })}</h1>
      </div>
      {wrong && (
        <Problem text={wrong} onAgain={() => {
            up.again();
            down.again();
          }} />
      )}
      {!wrong && (!u || !d) && <Slow text={t('reg.reading')} />}
      {u && d && (
        <>
          <p class="lede" id="fails">
            {services > 0 ? (
              <a class="fig" href="#chain-up-h">
                {tn('reg.fails', services)}
              </a>
            ) : (
              t('reg.fails_none')
            )}
          </p>
          {u.items.length + d.items.length > 0 ? (
            <figure class="panel" aria-labelledby="pic-h">
              <h2 id="pic-h">{t('reg.picture')}</h2>
              <Drawn up={u} down={d} title={title ?? ''} />
            </figure>
          ) : (
            <section class="empty">
              <strong>{t('reg.alone')}</strong>
              <a class="btn" href={`${recordPath(kind, id)}/edit`}>
                {t('reg.edit')}
              </a>
            </section>
          )}
          <div class="chain-lists">
            <ChainLists chain={u} direction="up" />
            <ChainLists chain={d} direction="down" />
          </div>
        </>
      )}
    </div>
  );
}

export function Drawn({ up, down, title }: { up: Chain; down: Chain; title: string }) {
  const p = drawn(up, down);
  return (
    <>
      <Drawing p={p} label={t('reg.picture_label', { title, left: formatNumber(up.items.length), right: formatNumber(down.items.length) })} />
      <figcaption class="quiet">
        {t('reg.picture_how')}
        {p.left > 0 && ` ${tn('reg.picture_left', p.left)}`}
      </figcaption>
    </>
  );
}
