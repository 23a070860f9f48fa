// SPDX-License-Identifier: EUPL-1.2
// The live connection: server-sent events from /stream. The browser reconnects by itself and sends
// Last-Event-ID; where it gives up (an error status), we try again with growing pauses, and say
// `onGap` so that the list is read afresh.
import { signal } from '@preact/signals';
import { ApiError, get, session, sessionEnded } from '../base/api';
import type { Alert, NodeStatus, Pulse, Session } from '../base/types';

export const pulse = signal<Pulse | null>(null);
/** Counts pulses, so that the heartbeat beats once for each and stands still when none comes. */
export const beats = signal(0);
/** Since when there is no connection, or null while there is one. */
export const lostSince = signal<number | null>(null);
/** There is a connection, and how the node as a whole is is not the reader's to know: it only says that it is there. */
export const here = signal(false);
/** Nothing of the watch is open to the account now, so nothing is asked for; an appointment may begin at any minute. */
export const closed = signal(false);
const mayWatch = (): boolean => session.value?.user.rights?.includes('watch') ?? true;

/** Who one is now: rights follow appointments. */
async function look(): Promise<void> {
  const s = await get<Session>('/session');
  if (s.user.rights?.join() !== session.value?.user.rights?.join()) session.value = s;
}

interface Handlers {
  onAlert: (a: Alert) => void;
  onChange: (a: Alert) => void;
  onGap: () => void;
}

/** A gap shorter than this is a reconnection in good order: the node ends each stream now and then. */
const GRACE_MS = 5000;
/** No word for this long means that the connection is dead, whatever TCP thinks: pulses come each 5 s. */
const SILENCE_MS = 20_000;
/** How often who hears nothing asks whether he may by now, as open streams of those who are appointed begin anew. */
const LOOK_MS = 60_000;
const RETRY_MS = [1000, 2000, 5000, 10_000, 30_000];

function parse<T>(e: MessageEvent): T | null {
  try {
    return JSON.parse(String(e.data)) as T;
  } catch {
    return null;
  }
}

/** Fills the watch line before the first pulse, where the numbers of the node are the reader's to know: else they are null. */
async function firstPulse(): Promise<void> {
  const s = await get<NodeStatus>('/status');
  if (typeof s.sources.total !== 'number') return;
  pulse.value ??= { last_event: s.last_event, sources: s.sources, rate: 0, open: -1 };
}

export function startStream(h: Handlers): () => void {
  let es: EventSource | null = null;
  let tries = 0;
  let gap = false;
  let retry = 0;
  let silence = 0;
  let stopped = false;

  let grace = 0;
  const lost = (): void => {
    if (lostSince.value !== null || grace) return;
    const since = Date.now();
    grace = window.setTimeout(() => {
      lostSince.value = since;
    }, GRACE_MS);
  };
  const alive = (): void => {
    clearTimeout(grace);
    grace = 0;
    lostSince.value = null;
    tries = 0;
    clearTimeout(silence);
    silence = window.setTimeout(() => {
      lost();
      reopen();
    }, SILENCE_MS);
  };
  const reopen = (): void => {
    es?.close();
    es = null;
    gap = true;
    clearTimeout(silence);
    clearTimeout(retry);
    if (stopped) return;
    const wait = RETRY_MS[Math.min(tries, RETRY_MS.length - 1)] as number;
    tries += 1;
    retry = window.setTimeout(open, wait);
  };
  const wait = (): void => {
    closed.value = true;
    clearTimeout(retry);
    retry = window.setTimeout(() => {
      look().then(open, (err: unknown) => {
        if (err instanceof ApiError && err.status === 401) return;
        lost();
        reopen();
      });
    }, LOOK_MS);
  };
  const open = (): void => {
    if (sessionEnded.value || stopped) return;
    if (!mayWatch()) {
      clearTimeout(grace);
      grace = 0;
      lostSince.value = null;
      here.value = false;
      wait();
      return;
    }
    closed.value = false;
    es = new EventSource('/api/v1/stream');
    es.onopen = () => {
      alive();
      if (gap) h.onGap();
      gap = false;
    };
    es.onerror = () => {
      lost();
      // Last-Event-ID brings back what the node still has; reading the list covers what it has not.
      gap = true;
      if (es?.readyState !== EventSource.CLOSED) return;
      // EventSource does not say which status it met: a 401 shows here.
      look().then(reopen, (err: unknown) => {
        if (!(err instanceof ApiError && err.status === 401)) reopen();
      });
    };
    es.addEventListener('alert', (e) => {
      alive();
      const a = parse<Alert>(e);
      if (a) h.onAlert(a);
    });
    es.addEventListener('change', (e) => {
      alive();
      const a = parse<Alert>(e);
      if (a) h.onChange(a);
    });
    es.addEventListener('here', () => {
      alive();
      here.value = true;
    });
    es.addEventListener('pulse', (e) => {
      alive();
      const p = parse<Pulse>(e);
      if (!p) return;
      pulse.value = p;
      beats.value += 1;
    });
  };

  if (mayWatch()) firstPulse().catch(() => undefined);
  open();
  return () => {
    stopped = true;
    clearTimeout(retry);
    clearTimeout(silence);
    clearTimeout(grace);
    lostSince.value = null;
    closed.value = false;
    here.value = false;
    es?.close();
  };
}
