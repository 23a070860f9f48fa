// SPDX-License-Identifier: EUPL-1.2
// Likelihood and impact as they are and as they will be: a picture of five by five, and the same in words.
import { t } from '../base/i18n';
import { label, rightOn } from './kinds';
import type { Kind, RecordRow } from './types';

const CELL = 40;
const LEFT = 28;
type Point = readonly [number, number] | null;

function pointOf(kind: Kind, record: RecordRow, names: readonly [string, string]): Point {
  const [x, y] = names.map((n) => (rightOn(kind, n) === 'hidden' ? undefined : record.fields[n]));
  return typeof x === 'number' && typeof y === 'number' ? [x, y] : null;
}
const at = ([x, y]: readonly [number, number]) => ({ cx: LEFT + (x - 0.5) * CELL, cy: (5.5 - y) * CELL });

export function Scale({ kind, record, now, then }: { kind: Kind; record: RecordRow; now: readonly [string, string]; then: readonly [string, string] }) {
  const [a, b] = [pointOf(kind, record, now), pointOf(kind, record, then)];
  const [x, y] = now.map((n) => label(kind, n, kind.schema.properties?.[n]));
  const said = (p: Point): string => (p ? t('reg.p_point', { x: x ?? '', n: p[0], y: y ?? '', m: p[1] }) : t('reg.empty'));
  if (!a) return null;
  const same = b && a[0] === b[0] && a[1] === b[1];
  return (
    <figure class="panel reg-scale" aria-labelledby="p-scale">
      <h2 id="p-scale">{t('reg.p_scale')}</h2>
      <div class="reg-scale-two">
        <svg role="img" aria-label={t('reg.p_scale_label', { now: said(a), then: said(b) })} viewBox={`0 0 ${LEFT + 5 * CELL + 2} ${5 * CELL + 24}`} width={LEFT + 5 * CELL + 2} height={5 * CELL + 24}>
          {[0, 1, 2, 3, 4, 5].map((i) => (
            <path key={i} class="grid" d={`M${LEFT} ${i * CELL + 0.5}H${LEFT + 5 * CELL}M${LEFT + i * CELL + 0.5} 0V${5 * CELL}`} />
          ))}
          {[1, 2, 3, 4, 5].map((i) => (
            <g key={i}>
              <text x={LEFT + (i - 0.5) * CELL} y={5 * CELL + 17} text-anchor="middle">
                {i}
              </text>
              <text x={LEFT - 10} y={(5.5 - i) * CELL + 4} text-anchor="middle">
                {i}
              </text>
            </g>
          ))}
          {b && !same && <path class="way" d={`M${at(a).cx} ${at(a).cy}L${at(b).cx} ${at(b).cy}`} />}
          <circle class="now" r="9" {...at(a)} />
          {b && <circle class="then" r="5" {...at(b)} />}
        </svg>
        <dl class="reg-days">
          <div>
            <dt>
              <span class="reg-ring" aria-hidden="true" /> {t('reg.p_now')}
            </dt>
            <dd>{said(a)}</dd>
          </div>
          <div>
            <dt>
              <span class="reg-disc" aria-hidden="true" /> {t('reg.p_then')}
            </dt>
            <dd>{said(b)}</dd>
          </div>
        </dl>
      </div>
      <figcaption class="quiet">{t('reg.p_axes', { x: x ?? '', y: y ?? '' })}</figcaption>
    </figure>
  );
}
