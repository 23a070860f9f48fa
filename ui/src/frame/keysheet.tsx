// SPDX-License-Identifier: EUPL-1.2
// The sheet behind `?`: every key in words, and the switch that turns single letters off.
import { t } from '../base/i18n';
import { KEYS, type KeyDef } from '../base/keys';
import { singleKeys } from '../base/prefs';
import { isMac } from './bar';
import { Dialog } from './dialog';

const GROUPS: readonly KeyDef['group'][] = ['move', 'act', 'register', 'page', 'everywhere'];

export function KeySheet({ onClose }: { onClose: () => void }) {
  const all: KeyDef[] = Object.values(KEYS);
  return (
    <Dialog label={t('keys.title')} class="sheet-keys" onClose={onClose}>
      <div class="head">
        <h2>{t('keys.title')}</h2>
        <button class="btn shut" type="button" onClick={onClose}>
          {t('over.close')} <kbd>Esc</kbd>
        </button>
      </div>
      <div class="keys">
        {GROUPS.map((g) => (
          <section key={g} aria-labelledby={`keys-${g}`}>
            <h3 id={`keys-${g}`}>{t(`keys.${g}`)}</h3>
            <dl>
              {all
                .filter((k) => k.group === g)
                .map((k) => (
                  <div key={k.text}>
                    <dt>
                      {k.print.map((p) => (
                        <kbd key={p}>{p === 'Ctrl' && isMac ? '⌘' : p}</kbd>
                      ))}
                    </dt>
                    <dd>{t(k.text)}</dd>
                  </div>
                ))}
            </dl>
          </section>
        ))}
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={singleKeys.value}
          onChange={(e) => (singleKeys.value = e.currentTarget.checked)}
        />
        <span>{t('keys.single')}</span>
      </label>
      <p class="hint">{t('keys.hint')}</p>
    </Dialog>
  );
}
