// SPDX-License-Identifier: EUPL-1.2
// The members around their hub, as a picture beside the list that says the same in words. Shape and line tell the health;
// nobody's place on the ring means anything but the order of the list.
import { t } from '../base/i18n';
import { visibleLine } from '../base/visible';
import type { BoardMember } from './types';

const W = 960;
const H = 420;
/** Beyond this the ring is a smear; the list has them all. */
const MOST = 60;
const NAMES_UP_TO = 24;

const HEALTH = ['fine', 'late', 'silent', 'never', 'suspended', 'removed'] as const;
const healthOf = (m: BoardMember): string => (m.state === 'active' ? m.health : m.state);

function Mark({ x, y, health }: { x: number; y: number; health: string }) {
  if (health === 'fine') return <circle class="m-fine" cx={x} cy={y} r="6" />;
  if (health === 'late') return <circle class="m-late" cx={x} cy={y} r="6" />;
  if (health === 'silent') return <rect class="m-silent" x={x - 6} y={y - 6} width="12" height="12" transform={`rotate(45 ${x} ${y})`} />;
  return <circle class="m-never" cx={x} cy={y} r="6" />;
}

export function MemberMap({ name, members }: { name: string; members: BoardMember[] }) {
  const one = [...new Map(members.map((m) => [m.node, m])).values()];
  const shown = one.slice(0, MOST);
  const count = (h: string): number => one.filter((m) => healthOf(m) === h).length;
  const words = HEALTH.filter((h) => count(h) > 0)
    .map((h) => `${t(`health.${h}`)} ${count(h)}`)
    .join(', ');
  return (
    <figure class="panel map" aria-labelledby="map-h">
      <h2 id="map-h">{t('map.title')}</h2>
      <div class="scroll" tabIndex={0} role="group" aria-label={t('map.title')}>
        <svg class="chart wide" viewBox={`0 0 ${W} ${H}`} role="img" aria-label={t('map.label', { name: visibleLine(name), words })}>
          {shown.map((m, i) => {
            const a = (i / shown.length) * 2 * Math.PI - Math.PI / 2;
            const x = W / 2 + Math.cos(a) * 300;
            const y = H / 2 + Math.sin(a) * 165;
            const right = Math.cos(a) > -0.01;
            return (
              <g key={m.node}>
                <line class={`l-${healthOf(m)}`} x1={W / 2} y1={H / 2} x2={x} y2={y} />
                <Mark x={x} y={y} health={healthOf(m)} />
                {shown.length <= NAMES_UP_TO && (
                  <text x={x + (right ? 12 : -12)} y={y + 4} text-anchor={right ? 'start' : 'end'}>
                    {visibleLine(m.organisation).slice(0, 24)}
                  </text>
                )}
              </g>
            );
          })}
          <circle class="m-hub" cx={W / 2} cy={H / 2} r="11" />
          <text class="hub-name" x={W / 2} y={H / 2 + 30} text-anchor="middle">
            {visibleLine(name).slice(0, 40)}
          </text>
        </svg>
      </div>
      <figcaption class="soft">
        {t('map.caption', { words })} {one.length > MOST && t('map.more', { n: MOST, all: one.length })}
      </figcaption>
    </figure>
  );
}
