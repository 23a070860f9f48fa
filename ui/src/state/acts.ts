// SPDX-License-Identifier: EUPL-1.2
// Acknowledge, close, reopen. Each happens on the page at once and travels after; a refusal puts the
// alert back as the node has it and says why. Every act can be taken back for ten seconds.
import { signal } from '@preact/signals';
import { ApiError, post } from '../base/api';
import { t, tn } from '../base/i18n';
import { problem } from '../base/problem';
import type { Alert, Reason, Status } from '../base/types';
import { visibleLine } from '../base/visible';
import { bringBack, chosen, force, known, learn, settle, shift, soonCounts, target } from './queue';
import { say, sayWrong } from './toast';

export type Act = 'acknowledge' | 'close' | 'reopen';

/** The alerts whose closing is being written, or null. */
export const closing = signal<string[] | null>(null);

const AT_ONCE = 6; // requests in flight: the browser allows six per node over HTTP/1.1
const BECOMES: Record<Act, Status> = { acknowledge: 'acknowledged', close: 'closed', reopen: 'new' };

const may = (act: Act, a: Alert): boolean =>
  act === 'acknowledge' ? a.status === 'new' : act === 'close' ? a.status !== 'closed' : a.status !== 'new';

/** The alerts among `ids` that the act would change. */
export const eligible = (act: Act, ids: readonly string[]): Alert[] =>
  ids.map((id) => known.value.get(id)).filter((a): a is Alert => a !== undefined && may(act, a));

interface Body {
  reason?: Reason | string;
  note?: string;
}

interface Outcome {
  done: Alert[];
  refused: { before: Alert; err: unknown }[];
}

/** One request at a time for each alert: an undo must not overtake the act it takes back. */
const inFlight = new Map<string, Promise<unknown>>();

async function send(act: Act, id: string, body: Body): Promise<Alert> {
  await inFlight.get(id)?.catch(() => undefined);
  const sent = post<Alert>(`/alerts/${encodeURIComponent(id)}/${act}`, {
    revision: known.value.get(id)?.revision ?? 0,
    ...body,
  });
  inFlight.set(id, sent);
  try {
    const a = await sent;
    force([a]);
    return a;
  } finally {
    if (inFlight.get(id) === sent) inFlight.delete(id);
  }
}

async function sendAll(act: Act, before: readonly Alert[], body: Body): Promise<Outcome> {
  const out: Outcome = { done: [], refused: [] };
  const queue = [...before];
  const worker = async (): Promise<void> => {
    for (let a = queue.shift(); a; a = queue.shift()) {
      try {
        out.done.push(await send(act, a.id, body));
      } catch (err) {
        out.refused.push({ before: a, err });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, before.length) }, worker));
  return out;
}

function optimistic(act: Act, list: readonly Alert[], body: Body): void {
  const status = BECOMES[act];
  for (const a of list) shift(a.status, status);
  force(
    list.map((a) => ({
      ...a,
      status,
      close_reason: act === 'close' ? (body.reason ?? null) : null,
    })),
  );
}

/** Puts refused alerts back, with the node's own version where it sent one. */
function putBack(act: Act, refused: Outcome['refused']): void {
  for (const { before, err } of refused) {
    const now = err instanceof ApiError && err.alert ? err.alert : before;
    shift(BECOMES[act], now.status);
    force([now]);
  }
  bringBack(refused.map((r) => r.before.id));
}

function sayRefused(refused: Outcome['refused']): void {
  const first = refused[0];
  if (!first) return;
  const { err, before } = first;
  // 409 with "not_possible" says by itself what stands in the way.
  if (err instanceof ApiError && err.status === 409 && err.code !== 'not_possible') {
    const now = err.alert?.status ?? before.status;
    sayWrong(
      refused.length === 1
        ? t('act.conflict', { title: visibleLine(before.rule.title), status: t(`status.${now}`) })
        : tn('act.conflicts', refused.length),
    );
  } else {
    sayWrong(
      refused.length === 1
        ? t('act.refused', { title: visibleLine(before.rule.title), why: problem(err) })
        : tn('act.refused_many', refused.length, { why: problem(err) }),
    );
  }
}

function doneText(act: Act, n: number, body: Body): string {
  if (act === 'acknowledge') return tn('act.acknowledged', n);
  if (act === 'reopen') return tn('act.reopened', n);
  return tn(`act.closed_${body.reason ?? 'benign'}`, n);
}

/** Acts on `ids`; those it does not apply to are left alone. Resolves when the node has answered. */
export async function perform(act: Act, ids: readonly string[], body: Body = {}): Promise<void> {
  const before = eligible(act, ids);
  if (!before.length) {
    if (ids.length) say(t(`act.nothing_${act}`));
    return;
  }
  optimistic(act, before, body);
  chosen.value = new Set([...chosen.value].filter((id) => !ids.includes(id)));
  settle(before.map((a) => a.id));
  const sent = sendAll(act, before, body);
  say(doneText(act, before.length, body), () => void takeBack(act, before, sent));
  const { refused } = await sent;
  if (refused.length) {
    putBack(act, refused);
    sayRefused(refused);
  }
  soonCounts();
}

/** Undo: each alert goes back to the state it had, in the node's own history too. */
async function takeBack(act: Act, before: readonly Alert[], sent: Promise<Outcome>): Promise<void> {
  const { done } = await sent;
  const mine = before.filter((a) => done.some((d) => d.id === a.id));
  const wrong: Outcome['refused'] = [];
  for (const a of mine) {
    const now = known.value.get(a.id);
    if (now) shift(now.status, a.status);
    try {
      let back = act === 'reopen' ? (now as Alert) : await send('reopen', a.id, {});
      // Reopening gives the state before; where the node calls it new, say acknowledged again.
      if (a.status === 'acknowledged' && back.status === 'new') back = await send('acknowledge', a.id, {});
      if (a.status === 'closed') {
        back = await send('close', a.id, { reason: a.close_reason ?? 'benign', note: '' });
      }
      learn([back]);
    } catch (err) {
      if (now) shift(a.status, now.status);
      wrong.push({ before: a, err });
    }
  }
  bringBack(mine.map((a) => a.id));
  settle(mine.map((a) => a.id));
  if (wrong.length) sayRefused(wrong);
  else say(tn('act.undone', mine.length));
  soonCounts();
}

export function startClosing(ids: readonly string[] = target.value): void {
  const list = eligible('close', ids);
  if (list.length) closing.value = list.map((a) => a.id);
  else if (ids.length) say(t('act.nothing_close'));
}
