// SPDX-License-Identifier: EUPL-1.2
// Says what went wrong and what to do next, in the reader's language; the node's own sentence wins.
import { ApiError } from './api';
import { t } from './i18n';

export function problem(err: unknown): string {
  if (!(err instanceof ApiError)) return t('error.unknown');
  if (err.status === 0) return t('error.unreachable');
  if (err.status === 401) return t('error.session');
  if (err.code === 'no_password') return t('error.no_password');
  if (err.message) return err.message;
  if (err.status === 403) return t('error.forbidden');
  if (err.status === 404) return t('error.not_found');
  if (err.status === 409) return t('error.conflict');
  if (err.status === 429) return t('error.too_many');
  return t('error.node', { status: err.status });
}
