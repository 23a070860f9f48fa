// SPDX-License-Identifier: EUPL-1.2
// The bar on top: the palette, proof of life, the clock with its zone.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { sessionEnded } from '../base/api';
import { clock, duration, parseTime } from '../base/format';
import { t, tn } from '../base/i18n';
import { beats, closed, here, lostSince, pulse } from '../state/stream';
import { quarter, second } from '../state/ticks';

/** Without any source promising a rate, this long without an event counts as still. */
const STILL_MS = 10 * 60_000;

export const isMac = /Mac|iP(hone|ad)/.test(navigator.platform);

interface Life {
  still: boolean;
  main: string;
  more: string;
}

export function life(): Life {
  const p = pulse.value;
  const lost = lostSince.value;
  if (sessionEnded.value) return { still: true, main: t('watch.signed_out'), more: '' };
  if (lost !== null) {
    return {
      still: true,
      main: t('watch.lost'),
      more: t('watch.lost_since', { d: duration(Date.now() - lost) }),
    };
  }
  if (closed.value) return { still: false, main: t('watch.not_yours'), more: '' };
  if (!p) return here.value ? { still: false, main: t('watch.here'), more: '' } : { still: true, main: t('watch.starting'), more: '' };
  if (p.sources.total === 0) return { still: true, main: t('watch.no_source'), more: '' };
  const at = parseTime(p.last_event);
  const main = tn('watch.sources', p.sources.total, { live: p.sources.live });
  if (at === null) return { still: true, main, more: t('watch.no_event') };
  const age = second.value - at;
  return {
    still: p.sources.live === 0 || age > STILL_MS,
    main,
    more: t(age > STILL_MS ? 'watch.still' : 'watch.last', { d: duration(age) }),
  };
}

/** Says once, for screen readers, that the watch fell still or came back; the line itself stays quiet. */
function Announce({ still, text }: { still: boolean; text: string }) {
  const said = useSignal('');
  const was = useSignal<boolean | null>(null);
  useEffect(() => {
    // Before the first pulse there is nothing to fall still.
    if (!pulse.value) return;
    if (was.value !== null && was.value !== still) said.value = text;
    was.value = still;
  }, [still, pulse.value !== null]);
  return (
    <span class="hide" role="status">
      {said.value}
    </span>
  );
}

function Watch() {
  const l = life();
  const rate = pulse.value && !l.still ? pulse.value.rate : 0;
  return (
    <p class={l.still ? 'watch still' : 'watch'} data-live={beats.value > 0 ? '' : undefined}>
      {/* A new key restarts the animation: one beat for each pulse that really came. */}
      <i class="beat" key={beats.value} aria-hidden="true" />
      <span>
        {l.main}
        {l.more && <span class="long"> {l.more}</span>}
        {rate >= 0.05 && <span class="wide"> {t('watch.rate', { n: rate < 10 ? Math.round(rate * 10) / 10 : Math.round(rate) })}</span>}
      </span>
      <Announce still={l.still} text={`${l.main} ${l.more}`} />
    </p>
  );
}

function Clock() {
  const now = quarter.value;
  const c = clock(now);
  return (
    <p class="now">
      <span class="long">{c.date}, </span>
      <time dateTime={new Date(now).toISOString()}>{c.time}</time>
    </p>
  );
}

export function Bar({ onPalette }: { onPalette: () => void }) {
  return (
    <header class="bar">
      <button class="cmdk" type="button" aria-keyshortcuts="Control+K Meta+K" aria-haspopup="dialog" onClick={onPalette}>
        <span class="cmdk-text">{t('palette.open')}</span>
        <kbd>{isMac ? '⌘ K' : 'Ctrl K'}</kbd>
      </button>
      <Watch />
      <Clock />
    </header>
  );
}
