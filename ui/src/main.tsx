// SPDX-License-Identifier: EUPL-1.2
// Starts the desk: choices first (so that night stays night), then language, session, page.
import { effect } from '@preact/signals';
import { render } from 'preact';
import { LocationProvider } from 'preact-iso/router';
import { ApiError, get, session, toLogin } from './base/api';
import { chooseLanguage, loadLanguage, t } from './base/i18n';
import { startKeys } from './base/keys';
import { lang, startPrefs } from './base/prefs';
import { problem } from './base/problem';
import type { Session } from './base/types';
import { Frame } from './frame/frame';
import { startTicks } from './state/ticks';
import './css/tokens.css';
import './css/base.css';
import './css/frame.css';
import './css/queue.css';
import './css/drawer.css';
import './css/forms.css';
import './css/small.css';
import './css/print.css';

startPrefs();
const root = document.getElementById('app') as HTMLElement;

function Failure({ text }: { text: string }) {
  return (
    <main class="alone">
      <h1>{t('start.failed')}</h1>
      <p>{text}</p>
      <button class="btn main-act" type="button" onClick={() => location.reload()}>
        {t('start.again')}
      </button>
    </main>
  );
}

async function start(): Promise<void> {
  const first = loadLanguage(chooseLanguage(lang.value, navigator.languages));
  try {
    session.value = await get<Session>('/session');
  } catch (err) {
    if (err instanceof ApiError && err.status === 401) {
      toLogin();
      return;
    }
    await first;
    render(<Failure text={problem(err)} />, root);
    return;
  }
  await first;
  effect(() => void loadLanguage(chooseLanguage(lang.value, navigator.languages)));
  startTicks();
  startKeys();
  render(
    <LocationProvider scope={/^\/($|\?|alerts|sources|rules|registers|federation|warnings|stories|account|people|me|doctor)/}>
      <Frame />
    </LocationProvider>,
    root,
  );
}

void start();
