// SPDX-License-Identifier: EUPL-1.2
// What a reader may choose, and the way out.
import { session, signOut } from '../base/api';
import { isReviewed, language, LANGUAGES, t, tOr } from '../base/i18n';
import { lang, singleKeys, utc } from '../base/prefs';
import { Dialog } from './dialog';
import { DensitySelect, ThemeSelect } from './nav';

export function Settings({ onClose, onKeys }: { onClose: () => void; onKeys: () => void }) {
  const s = session.value;
  return (
    <Dialog label={t('settings.title')} class="settings" onClose={onClose}>
      <div class="head">
        <h2>{t('settings.title')}</h2>
        <button class="btn shut" type="button" onClick={onClose}>
          {t('over.close')} <kbd>Esc</kbd>
        </button>
      </div>
      <nav class="only-small" aria-label={t('settings.pages')}>
        <ul class="rows">
          {['me', 'sources', 'rules', 'registers', 'stories', 'federation', ...(s?.user.rights?.includes('people.read') ? ['people', 'doctor'] : [])].map((p) => (
            <li key={p}>
              <a href={`/${p}`} onClick={onClose}>
                {t(`nav.${p}`)}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="form">
        <div class="field">
          <label for="set-theme">{t('settings.theme')}</label>
          <ThemeSelect id="set-theme" />
        </div>
        <div class="field">
          <label for="set-density">{t('settings.density')}</label>
          <DensitySelect id="set-density" />
        </div>
        <div class="field">
          <label for="set-lang">{t('settings.language')}</label>
          <select id="set-lang" value={language.value} onChange={(e) => (lang.value = e.currentTarget.value)}>
            {LANGUAGES.map((l) => (
              <option key={l.code} value={l.code} lang={l.code}>
                {l.reviewed ? l.name : t('settings.machine_of', { name: l.name })}
              </option>
            ))}
          </select>
          {!isReviewed() && <span class="hint">{t('settings.machine')}</span>}
        </div>
        <label class="check">
          <input type="checkbox" checked={utc.value} onChange={(e) => (utc.value = e.currentTarget.checked)} />
          <span>{t('settings.utc')}</span>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={singleKeys.value}
            onChange={(e) => (singleKeys.value = e.currentTarget.checked)}
          />
          <span>{t('keys.single')}</span>
        </label>
      </div>
      <div class="settings-foot">
        <p class="soft">
          {t('settings.signed_in', { name: s?.user.name ?? '', role: tOr(`role.${s?.user.role}`, s?.user.role ?? '') })}
          <br />
          <span class="quiet">Sereno {s?.node.version}</span>
        </p>
        <span class="acts">
          <a class="btn" href="/account" onClick={onClose}>
            {t('nav.account')}
          </a>
          <button class="btn" type="button" onClick={onKeys}>
            {t('keys.title')} <kbd>?</kbd>
          </button>
          <button class="btn" type="button" onClick={() => void signOut()}>
            {t('settings.sign_out')}
          </button>
        </span>
      </div>
    </Dialog>
  );
}
