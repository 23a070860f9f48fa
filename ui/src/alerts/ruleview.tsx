// SPDX-License-Identifier: EUPL-1.2
// The rule behind an alert: its author's words, and the file as written.
import { t } from '../base/i18n';
import { CopyButton } from '../base/parts';
import type { AlertDetail } from '../base/types';
import { visible, visibleLine, visibleProse } from '../base/visible';

/** Only web addresses become links: a rule file is text from outside. */
export function safeLink(url: string): string | null {
  try {
    const u = new URL(url);
    return u.protocol === 'https:' || u.protocol === 'http:' ? u.href : null;
  } catch {
    return null;
  }
}

export function RuleView({ rule: r }: { rule: AlertDetail['rule_detail'] }) {
  return (
    <>
      {r.description && <p class="rule-says">{visibleProse(r.description)}</p>}
      {r.falsepositives.length > 0 && (
        <dl class="kv">
          <dt>{t('rule.innocent')}</dt>
          <dd>{r.falsepositives.map(visibleLine).join('; ')}</dd>
        </dl>
      )}
      <details>
        <summary>{t('rule.written')}</summary>
        <div class="written">
          <dl class="kv">
            <dt>{t('rule.file')}</dt>
            <dd>
              <code>{visibleLine(r.file)}</code>
            </dd>
            <dt>{t('rule.id')}</dt>
            <dd>
              <code>{visibleLine(r.id)}</code>
            </dd>
            {r.author && (
              <>
                <dt>{t('rule.author')}</dt>
                <dd>{visibleLine(r.author)}</dd>
              </>
            )}
            {r.license && (
              <>
                <dt>{t('rule.license')}</dt>
                <dd>{visibleLine(r.license)}</dd>
              </>
            )}
            {r.tags.length > 0 && (
              <>
                <dt>{t('rule.tags')}</dt>
                <dd>{r.tags.map(visibleLine).join(', ')}</dd>
              </>
            )}
            {r.references.length > 0 && (
              <>
                <dt>{t('rule.references')}</dt>
                <dd>
                  <ul>
                    {r.references.map((ref) => {
                      const href = safeLink(ref);
                      return (
                        <li key={ref}>
                          {href ? (
                            <a href={href} target="_blank" rel="noopener noreferrer">
                              {visibleLine(ref)}
                            </a>
                          ) : (
                            visibleLine(ref)
                          )}
                        </li>
                      );
                    })}
                  </ul>
                </dd>
              </>
            )}
          </dl>
          <pre tabIndex={0} role="group" aria-label={t('rule.written')}>
            {visible(r.text)}
          </pre>
          <CopyButton text={r.text} label={t('rule.copy')} />
        </div>
      </details>
    </>
  );
}
