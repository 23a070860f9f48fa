// SPDX-License-Identifier: EUPL-1.2
// Navigation: only pages that exist, in words, a count only where work waits. On small screens it is
// the bar at the foot of the page.
import { session } from '../base/api';
import { formatNumber, t } from '../base/i18n';
import { density, theme, type Density, type Theme } from '../base/prefs';
import { counts } from '../state/queue';
import { pulse } from '../state/stream';
import { shownKinds } from '../state/kinds';
import type { PageName, Place } from '../state/place';
import { Lantern } from './lantern';

export function ThemeSelect({ id }: { id: string }) {
  return (
    <select id={id} value={theme.value} onChange={(e) => (theme.value = e.currentTarget.value as Theme)}>
      <option value="">{t('theme.system')}</option>
      <option value="light">{t('theme.light')}</option>
      <option value="dark">{t('theme.dark')}</option>
      <option value="contrast">{t('theme.contrast')}</option>
    </select>
  );
}

export function DensitySelect({ id }: { id: string }) {
  return (
    <select id={id} value={density.value} onChange={(e) => (density.value = e.currentTarget.value as Density)}>
      <option value="compact">{t('density.compact')}</option>
      <option value="">{t('density.default')}</option>
      <option value="roomy">{t('density.roomy')}</option>
    </select>
  );
}

type NavPage = Exclude<PageName, 'none'>;
function Item({ page, now, count, large }: { page: NavPage; now: PageName; count?: number; large?: boolean }) {
  return (
    <li class={large ? 'large' : undefined}>
      <a href={page === 'today' ? '/' : `/${page}`} aria-current={page === now ? 'page' : undefined}>
        {t(`nav.${page}`)}
        {count !== undefined && count > 0 && <span class="n">{formatNumber(count)}</span>}
      </a>
    </li>
  );
}

/** The registers, and once one is open each of them. */
function Registers({ place }: { place: Place }) {
  const open = place.page === 'registers';
  const kind = open ? place.id?.split('/')[0] : undefined;
  return (
    <ul aria-label={t('nav.know')}>
      <li class="large">
        <a href="/registers" aria-current={open && kind === undefined ? 'page' : undefined}>
          {t('nav.registers')}
        </a>
        {open && shownKinds.value.length > 0 && (
          <ul class="kinds">
            {shownKinds.value.map((k) => (
              <li key={k.plural}>
                <a href={`/registers/${k.plural}`} aria-current={k.plural === kind ? 'page' : undefined}>
                  {k.title}
                </a>
              </li>
            ))}
          </ul>
        )}
      </li>
    </ul>
  );
}

export function Nav({ place, onSettings }: { place: Place; onSettings: () => void }) {
  const page = place.page;
  const open = counts.value?.open ?? (pulse.value && pulse.value.open >= 0 ? pulse.value.open : undefined);
  return (
    <nav class="nav" aria-label={t('nav.main')}>
      <a class="brand" href="/">
        <Lantern />
        <span>
          Sereno<span class="node">{session.value?.node.name}</span>
        </span>
      </a>
      <ul aria-label={t('nav.watch')}>
        <Item page="today" now={page} />
        <Item page="alerts" now={page} count={open} />
        <Item page="me" now={page} large />
      </ul>
      <ul aria-label={t('nav.protect')}>
        <Item page="sources" now={page} large />
        <Item page="rules" now={page} large />
      </ul>
      <Registers place={place} />
      <ul aria-label={t('nav.share')}>
        <Item page="warnings" now={page} />
        <Item page="stories" now={page} large />
        <Item page="federation" now={page} large />
      </ul>
      {session.value?.user.rights?.includes('people.read') && (
        <ul aria-label={t('nav.manage')}>
          <Item page="people" now={page} large />
          <Item page="doctor" now={page} large />
        </ul>
      )}
      <div class="foot">
        <label for="theme">{t('settings.theme')}</label>
        <ThemeSelect id="theme" />
        <label for="density">{t('settings.density')}</label>
        <DensitySelect id="density" />
      </div>
      <button class="more" type="button" onClick={onSettings}>
        <span class="who">{session.value?.user.name}</span>
        <span>{t('settings.title')}</span>
      </button>
    </nav>
  );
}
