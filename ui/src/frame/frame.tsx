// SPDX-License-Identifier: EUPL-1.2
// The frame around every page: skip link, navigation, bar, the page itself, and what may lie over it.
import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { AlertsPage } from '../alerts/page';
import { DEFAULT_FILTER } from '../alerts/filter';
import { ApiError, demo, get, session, sessionEnded, toLogin } from '../base/api';
import { t, tn } from '../base/i18n';
import { addKeys } from '../base/keys';
import { part } from '../base/part';
import type { Session } from '../base/types';
import { arrive, catchUp, change, drawerId, filterText, waiting } from '../state/queue';
import { drawerGone, laterOf, pageTitle, placeOf, setRoute, type Later as LaterName, type Place } from '../state/place';
import { startStream } from '../state/stream';
import { undoLast } from '../state/toast';
import { Bar } from './bar';
import { KeySheet } from './keysheet';
import { Nav } from './nav';
import { Palette } from './palette';
import { Settings } from './settings';
import { ToastView } from './toast';

export type Over = 'palette' | 'keys' | 'settings' | null;

function SessionBanner() {
  const wrong = useSignal<string | null>(null);
  if (!sessionEnded.value) return null;
  const goOn = async (): Promise<void> => {
    try {
      session.value = await get<Session>('/session');
      sessionEnded.value = false;
      wrong.value = null;
      void catchUp();
    } catch (err) {
      wrong.value = t(err instanceof ApiError && err.status === 0 ? 'error.unreachable' : 'session.still');
    }
  };
  return (
    <div class="banner" role="alert">
      <p>
        <strong>{t('session.ended')}</strong> {wrong.value ?? t('session.kept')}
      </p>
      <span class="acts">
        <button class="btn main-act" type="button" onClick={toLogin}>
          {t('session.sign_in')}
        </button>
        <a class="btn" href="/login" target="_blank" rel="noopener">
          {t('session.other_tab')}
        </a>
        <button class="btn" type="button" onClick={() => void goOn()}>
          {t('session.go_on')}
        </button>
      </span>
    </div>
  );
}

/** First of all that is read: what is shown here is invented. */
function DemoBand() {
  if (!demo.value) return null;
  return (
    <section class="banner demo-band" aria-label="DEMO">
      <p>
        <strong>DEMO</strong> {t('demo.band')}
      </p>
    </section>
  );
}

function Nowhere() {
  return (
    <div class="page">
      <section class="empty">
        <h1>{t('none.title')}</h1>
        <p>{t('none.text')}</p>
        <a class="btn" href="/alerts">
          {t('none.back')}
        </a>
      </section>
    </div>
  );
}

/** Every page but the queue comes as a file of its own, once one of it is opened. */
const LATER: Record<LaterName, ComponentType<{ place: Place }>> = {
  today: part(() => import('../today/page'), 'share.reading'),
  sources: part(() => import('../sources/page'), 'share.reading'),
  rules: part(() => import('../rules/page'), 'share.reading'),
  share: part(() => import('../share/pages'), 'share.reading'),
  registers: part(() => import('../registers/pages'), 'share.reading'),
  people: part(() => import('../people/pages'), 'share.reading'),
  me: part(() => import('../me/page'), 'share.reading'),
  doctor: part(() => import('../doctor/page'), 'share.reading'),
};
function Later({ place, which }: { place: Place; which: LaterName }) {
  const Pages = LATER[which];
  return <Pages place={place} />;
}

export function Frame() {
  const { path, query, route } = useLocation();
  const over = useSignal<Over>(null);
  // A role that demands a second factor lets nobody do anything before it is there.
  const needed = session.value?.user.second_factor === 'needed';
  const place: Place = needed ? { page: 'account', id: null } : placeOf(path);
  const lastPage = useRef(place.page);
  const now = useSignal(place.page);
  setRoute(route);

  // The URL rules: what it says is what is shown. Before paint, so that no frame shows the old page.
  useLayoutEffect(() => {
    if (place.page !== 'alerts') return;
    drawerId.value = place.id;
    if (place.id === null) drawerGone();
    filterText.value = query.q?.slice(0, 1000) || DEFAULT_FILTER;
  }, [path, query.q]);

  const ended = useComputed(() => sessionEnded.value);
  const stop = useRef<(() => void) | null>(null);
  useSignalEffect(() => {
    // The stream ends with the session and comes back with it.
    if (ended.value || session.value?.user.second_factor === 'needed') {
      stop.current?.();
      stop.current = null;
    } else {
      stop.current ??= startStream({ onAlert: arrive, onChange: change, onGap: () => void catchUp() });
    }
  });

  useEffect(
    () =>
      addKeys({
        palette: () => {
          over.value = over.value === 'palette' ? null : 'palette';
        },
        help: () => {
          over.value = 'keys';
        },
        undo: () => undoLast(),
        today: () => route('/'),
        alerts: () => route('/alerts'),
        sources: () => route('/sources'),
        rules: () => route('/rules'),
        warnings: () => route('/warnings'),
        stories: () => route('/stories'),
        registers: () => route('/registers'),
        federation: () => route('/federation'),
        account: () => route('/account'),
        people: () => route('/people'),
        me: () => route('/me'),
        filter: () => {
          const box = document.querySelector<HTMLInputElement>('#main input[type=search]');
          if (!box) return false;
          box.focus();
          box.select();
          return true;
        },
      }),
    [],
  );

  // A new page begins at its top, and a screen reader hears its name.
  useSignalEffect(() => {
    const page = now.value;
    const n = waiting.value.size;
    const title = page === 'none' ? t('none.title') : (pageTitle.value ?? t(`nav.${page}`));
    document.title = n ? `${tn('alerts.fresh', n)} · ${title} · Sereno` : `${title} · Sereno`;
  });
  useLayoutEffect(() => {
    now.value = place.page;
    if (lastPage.current === place.page) return;
    lastPage.current = place.page;
    scrollTo(0, 0);
    document.querySelector<HTMLElement>('#main h1')?.focus({ preventScroll: true });
  }, [place.page]);

  const which = laterOf(place.page);
  const close = (): void => {
    over.value = null;
  };
  return (
    <>
      <a class="skip" href="#main">
        {t('frame.skip')}
      </a>
      <div class="app">
        <Nav place={place} onSettings={() => (over.value = 'settings')} />
        <Bar onPalette={() => (over.value = 'palette')} />
        <main id="main" class={place.page === 'alerts' ? 'main split' : 'main'} tabIndex={-1}
          data-drawer={place.page === 'alerts' ? (place.id === null ? 'closed' : 'open') : undefined}>
          <DemoBand />
          <SessionBanner />
          {place.page === 'alerts' && <AlertsPage onKeys={() => (over.value = 'keys')} />}
          {which && <Later key={which} place={place} which={which} />}
          {place.page === 'none' && <Nowhere />}
        </main>
      </div>
      <ToastView />
      {over.value === 'palette' && <Palette onClose={close} onOver={(o) => (over.value = o)} />}
      {over.value === 'keys' && <KeySheet onClose={close} />}
      {over.value === 'settings' && <Settings onClose={close} onKeys={() => (over.value = 'keys')} />}
    </>
  );
}
