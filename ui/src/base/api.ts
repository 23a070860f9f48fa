// SPDX-License-Identifier: EUPL-1.2
// The one place that talks to /api/v1. Adds the CSRF header, turns every failure into an ApiError
// with a sentence a person can act on, notices the end of a session, and learns the node's clock.
import { signal } from '@preact/signals';
import { language } from './i18n';
import type { Alert, Session } from './types';

/** One thing that a register cannot take: where it stands in what was sent, why, and a sentence. */
export interface Fault {
  where: string;
  reason: string;
  limit: string;
  message: string;
}

export class ApiError extends Error {
  constructor(
    /** HTTP status, 0 when the node could not be reached at all. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly where: string | null = null,
    /** On 409 the alert as it now is, when the node sent it. */
    readonly alert: Alert | null = null,
    /** On 422 of a register: what cannot be taken, by field. */
    readonly faults: readonly Fault[] = [],
  ) {
    super(message);
  }
}

export const session = signal<Session | null>(null);
/** True once the node has said 401 although we had a session. What was typed stays on the page. */
export const sessionEnded = signal(false);

/** True while the node says that the invented city is on it. */
export const demo = signal(false);

let skewMs = 0;
/** Now, by the node's clock: a workstation that is five minutes off would tell wrong ages. */
export const nodeNow = (): number => Date.now() + skewMs;

function learn(res: Response): void {
  demo.value = res.headers.has('x-sereno-demo');
  const date = res.headers.get('date');
  const at = date ? Date.parse(date) : NaN;
  if (!Number.isFinite(at)) return;
  // The header has whole seconds and the answer took time: small differences mean nothing.
  const skew = at + 500 - Date.now();
  skewMs = Math.abs(skew) > 3000 ? skew : 0;
}

interface ErrorBody {
  error?: { code?: string; message?: string; where?: string | null; fields?: Fault[] };
  alert?: Alert;
  id?: string;
  revision?: number;
}

function toError(status: number, body: ErrorBody | null): ApiError {
  const e = body?.error;
  const alert = body?.alert ?? (body && 'revision' in body ? (body as unknown as Alert) : null);
  return new ApiError(status, e?.code ?? `http_${status}`, e?.message ?? '', e?.where ?? null, alert, e?.fields ?? []);
}

export async function api<T>(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  signal_?: AbortSignal,
  /** Of a register's record: the version that was read, so that nobody's change is lost. */
  version?: number,
): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json', 'Accept-Language': language.value };
  if (version !== undefined) headers['If-Match'] = `"${version}"`;
  if (method !== 'GET' && session.value) headers['X-Sereno-CSRF'] = session.value.csrf;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let res: Response;
  try {
    res = await fetch(`/api/v1${path}`, {
      method,
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal_,
    });
  } catch (err) {
    if (err instanceof DOMException && err.name === 'AbortError') throw err;
    throw new ApiError(0, 'unreachable', '');
  }
  learn(res);
  const text = await res.text();
  let parsed: unknown = null;
  if (text) {
    try {
      parsed = JSON.parse(text);
    } catch {
      if (res.ok) throw new ApiError(res.status, 'not_json', '');
    }
  }
  if (res.status === 401 && session.value) sessionEnded.value = true;
  if (!res.ok) throw toError(res.status, parsed as ErrorBody | null);
  return parsed as T;
}

export const get = <T>(path: string, abort?: AbortSignal): Promise<T> =>
  api<T>('GET', path, undefined, abort);
export const post = <T>(path: string, body: unknown, version?: number): Promise<T> => api<T>('POST', path, body, undefined, version);
export const put = <T>(path: string, body: unknown, version: number): Promise<T> => api<T>('PUT', path, body, undefined, version);
export const del = <T>(path: string): Promise<T> => api<T>('DELETE', path);

/** Sends a file as it is; 422 is an answer too where it says what of the file cannot be taken. */
export async function upload<T>(path: string, file: Blob, type: string): Promise<T> {
  let res: Response;
  try {
    res = await fetch(`/api/v1${path}`, {
      method: 'POST',
      headers: { Accept: 'application/json', 'Accept-Language': language.value, 'Content-Type': type, 'X-Sereno-CSRF': session.value?.csrf ?? '' },
      credentials: 'same-origin',
      cache: 'no-store',
      body: file,
    });
  } catch {
    throw new ApiError(0, 'unreachable', '');
  }
  learn(res);
  const parsed: unknown = await res.json().catch(() => null);
  if (res.status === 401 && session.value) sessionEnded.value = true;
  if (!res.ok && !(res.status === 422 && parsed !== null && typeof parsed === 'object' && 'faults' in parsed)) throw toError(res.status, parsed as ErrorBody | null);
  return parsed as T;
}

/** A part of a table, and where the next one begins. */
export async function download(path: string): Promise<{ body: Blob; next: string | null }> {
  let res: Response;
  try {
    res = await fetch(`/api/v1${path}`, { headers: { 'Accept-Language': language.value }, credentials: 'same-origin', cache: 'no-store' });
  } catch {
    throw new ApiError(0, 'unreachable', '');
  }
  learn(res);
  if (res.status === 401 && session.value) sessionEnded.value = true;
  if (!res.ok) throw toError(res.status, (await res.json().catch(() => null)) as ErrorBody | null);
  return { body: await res.blob(), next: res.headers.get('x-sereno-next') };
}

/** Builds ?a=b from what is set. */
export function query(params: Record<string, string | number | null | undefined>): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) {
    if (v !== null && v !== undefined && v !== '') q.set(k, String(v));
  }
  const s = q.toString();
  return s ? `?${s}` : '';
}

export function toLogin(): void {
  const here = location.pathname + location.search;
  location.assign(`/login${here === '/' ? '' : `?next=${encodeURIComponent(here)}`}`);
}

export async function signOut(): Promise<void> {
  await fetch('/logout', {
    method: 'POST',
    // As a form: the same route serves the pages without script.
    body: new URLSearchParams({ csrf: session.value?.csrf ?? '' }),
    credentials: 'same-origin',
    redirect: 'manual',
  }).catch(() => undefined);
  location.assign('/login');
}
