// SPDX-License-Identifier: EUPL-1.2
// The line that sends a first event: ready to paste, with the token when we have just been given it.
import { session } from '../base/api';
import { t } from '../base/i18n';
import { CopyButton } from '../base/parts';

/** Single quotes for sh: a quote inside ends, escapes and begins again. */
export const shellQuote = (s: string): string => `'${s.replace(/'/g, `'\\''`)}'`;

/** Shaped as journald writes JSON, so that any Linux source knows it, and what it says is worth an alert. */
export const FIRST_EVENT =
  '{"_HOSTNAME":"first-light","PRIORITY":"1","SYSLOG_IDENTIFIER":"sudo","MESSAGE":"guest : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh"}';

export function curlLine(token: string | null, ingest: string): string {
  const auth = token ? shellQuote(`Authorization: Bearer ${token}`) : '"Authorization: Bearer $TOKEN"';
  return `curl -sS -H ${auth} \\\n  --data-binary ${shellQuote(FIRST_EVENT)} \\\n  ${ingest}`;
}

export function ingestUrl(): string {
  return session.value?.node.ingest ?? `${location.origin}/ingest`;
}

export function CurlLine({ token }: { token: string | null }) {
  const line = curlLine(token, ingestUrl());
  return (
    <div class="curl">
      <pre tabIndex={0} role="group" aria-label={t('curl.title')}>
        {line}
      </pre>
      <CopyButton text={line} label={t('curl.copy')} />
    </div>
  );
}
