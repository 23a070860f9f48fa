// SPDX-License-Identifier: EUPL-1.2
// Ctrl-K: pages, acts, open alerts, rules. Accents are ignored, each result says its kind in words,
// acts show their key. A combobox with a listbox, so that a screen reader follows the choice.
import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { get, query, session, signOut } from '../base/api';
import { t } from '../base/i18n';
import { density, theme } from '../base/prefs';
import { fold } from '../base/search';
import type { RulePage } from '../base/types';
import { visibleLine } from '../base/visible';
import { perform, startClosing } from '../state/acts';
import { shownKinds } from '../state/kinds';
import { closeDrawer, go, openDrawer, alertsUrl } from '../state/place';
import { drawerId, expanded, rows, showWaiting, target, waiting } from '../state/queue';
import { Dialog } from './dialog';
import type { Over } from './frame';

interface Entry {
  id: string;
  kind: string;
  text: string;
  more?: string;
  key?: string;
  run: () => void;
}

/** Results of a kind beyond this are not shown: typing one more letter is faster than reading on. */
const MAX_OF_A_KIND = 8;

const onAlerts = (): boolean => location.pathname.startsWith('/alerts');

function fixed(onOver: (o: Over) => void): Entry[] {
  const page = t('palette.page');
  const act = t('palette.act');
  const out: Entry[] = [
    { id: 'p-today', kind: page, text: t('nav.today'), key: 'g t', run: () => go('/') },
    { id: 'p-me', kind: page, text: t('nav.me'), key: 'g d', run: () => go('/me') },
    { id: 'p-alerts', kind: page, text: t('nav.alerts'), key: 'g a', run: () => go('/alerts') },
    { id: 'p-sources', kind: page, text: t('nav.sources'), key: 'g s', run: () => go('/sources') },
    { id: 'p-rules', kind: page, text: t('nav.rules'), key: 'g r', run: () => go('/rules') },
    { id: 'p-registers', kind: page, text: t('nav.registers'), key: 'g e', run: () => go('/registers') },
    ...shownKinds.value.map((k) => ({ id: `p-k-${k.plural}`, kind: page, text: k.title, more: t('nav.registers'), run: () => go(`/registers/${k.plural}`) })),
    { id: 'p-warnings', kind: page, text: t('nav.warnings'), key: 'g w', run: () => go('/warnings') },
    { id: 'p-stories', kind: page, text: t('nav.stories'), key: 'g o', run: () => go('/stories') },
    { id: 'p-federation', kind: page, text: t('nav.federation'), key: 'g f', run: () => go('/federation') },
    { id: 'p-account', kind: page, text: t('nav.account'), key: 'g m', run: () => go('/account') },
    ...(session.value?.user.rights?.includes('people.read') ? [{ id: 'p-people', kind: page, text: t('nav.people'), key: 'g p', run: () => go('/people') }] : []),
    ...(session.value?.user.rights?.includes('watch') ? [{ id: 'p-doctor', kind: page, text: t('nav.doctor'), run: () => go('/doctor') }] : []),
    { id: 'p-sharing', kind: page, text: t('share.sharing'), run: () => go('/federation/sharing') },
    { id: 'p-compose', kind: act, text: t('story.new'), run: () => go('/stories/new') },
    { id: 'p-closed', kind: page, text: t('palette.closed'), run: () => go(alertsUrl(null, 'status:closed')) },
    { id: 'p-critical', kind: page, text: t('palette.critical'), run: () => go(alertsUrl(null, 'status:open level:critical')) },
  ];
  const here = onAlerts() ? target.value : [];
  if (here.length) {
    out.unshift(
      { id: 'a-ack', kind: act, text: t('act.acknowledge'), key: 'a', run: () => void perform('acknowledge', here) },
      { id: 'a-close', kind: act, text: t('act.close'), key: 'f', run: () => startClosing(here) },
      { id: 'a-reopen', kind: act, text: t('act.reopen'), key: 'r', run: () => void perform('reopen', here) },
    );
  }
  if (onAlerts() && waiting.value.size) {
    out.unshift({ id: 'a-fresh', kind: act, text: t('key.fresh'), key: 'n', run: () => showWaiting() });
  }
  if (onAlerts() && drawerId.value) {
    out.push({ id: 'a-back', kind: act, text: t('palette.shut'), key: 'Esc', run: closeDrawer });
  }
  out.push(
    { id: 'a-token', kind: act, text: t('palette.token'), run: () => go('/sources?new=token') },
    { id: 'a-keys', kind: act, text: t('key.help'), key: '?', run: () => onOver('keys') },
    { id: 'a-settings', kind: act, text: t('palette.settings'), run: () => onOver('settings') },
    { id: 'a-day', kind: act, text: t('palette.light'), run: () => (theme.value = 'light') },
    { id: 'a-night', kind: act, text: t('palette.dark'), run: () => (theme.value = 'dark') },
    { id: 'a-system', kind: act, text: t('palette.system'), run: () => (theme.value = '') },
    { id: 'a-compact', kind: act, text: t('palette.compact'), run: () => (density.value = 'compact') },
    { id: 'a-roomy', kind: act, text: t('palette.roomy'), run: () => (density.value = 'roomy') },
    { id: 'a-out', kind: act, text: t('settings.sign_out'), run: () => void signOut() },
  );
  return out;
}

function alertEntries(): Entry[] {
  void expanded.value;
  return rows.value
    .filter((r) => r.kind !== 'kid')
    .map((r) => ({
      id: `r-${r.lead.id}`,
      kind: t('palette.alert'),
      text: visibleLine(r.lead.rule.title),
      more: [r.lead.host, t(`level.${r.lead.rule.level}`)].filter(Boolean).join(' · '),
      run: () => (onAlerts() ? openDrawer(r.lead.id) : go(alertsUrl(r.lead.id))),
    }));
}

export function Palette({ onClose, onOver }: { onClose: () => void; onOver: (o: Over) => void }) {
  const text = useSignal('');
  const at = useSignal(0);
  const rules = useSignal<Entry[]>([]);
  const list = useRef<HTMLUListElement>(null);

  useSignalEffect(() => {
    const q = text.value.trim();
    if (q.length < 2) {
      rules.value = [];
      return undefined;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      get<RulePage>(`/rules${query({ q, limit: MAX_OF_A_KIND })}`, abort.signal).then(
        (p) => {
          rules.value = p.items.slice(0, MAX_OF_A_KIND).map((r) => ({
            id: `u-${r.id}`,
            kind: t('palette.rule'),
            text: visibleLine(r.title),
            more: t(`level.${r.level}`),
            run: () => go(`/rules?q=${encodeURIComponent(r.title)}`),
          }));
        },
        () => undefined,
      );
    }, 150);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  });

  const found = useComputed<Entry[]>(() => {
    const words = fold(text.value).split(/\s+/).filter(Boolean);
    const fits = (e: Entry): boolean => {
      const hay = fold(`${e.text} ${e.more ?? ''} ${e.kind}`);
      return words.every((w) => hay.includes(w));
    };
    const base = fixed(onOver).filter(fits);
    const alerts = words.length ? alertEntries().filter(fits).slice(0, MAX_OF_A_KIND) : [];
    return [...base, ...alerts, ...rules.value];
  });
  const active = Math.min(at.value, Math.max(0, found.value.length - 1));

  const run = (e: Entry | undefined): void => {
    if (!e) return;
    onClose();
    // After the dialog has handed focus back, so that what the act focuses keeps it.
    setTimeout(e.run);
  };
  const move = (to: number): void => {
    const n = found.value.length;
    if (!n) return;
    at.value = (to + n) % n;
    list.current?.children[at.value]?.scrollIntoView({ block: 'nearest' });
  };
  const onKeyDown = (e: KeyboardEvent): void => {
    if (e.key === 'ArrowDown' || (e.ctrlKey && e.key === 'n')) move(active + 1);
    else if (e.key === 'ArrowUp' || (e.ctrlKey && e.key === 'p')) move(active - 1);
    else if (e.key === 'Enter') run(found.value[active]);
    else return;
    e.preventDefault();
  };

  return (
    <Dialog label={t('palette.title')} class="palette" onClose={onClose}>
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found.value[active] ? `palette-${active}` : undefined}
        aria-label={t('palette.title')}
        placeholder={t('palette.hint')}
        autocomplete="off"
        spellcheck={false}
        value={text.value}
        onInput={(e) => {
          text.value = e.currentTarget.value;
          at.value = 0;
        }}
        onKeyDown={onKeyDown}
        autofocus
      />
      <ul id="palette-list" role="listbox" aria-label={t('palette.results')} ref={list}>
        {found.value.map((e, i) => (
          <li
            key={e.id}
            id={`palette-${i}`}
            role="option"
            aria-selected={i === active}
            onClick={() => run(e)}
            onMouseMove={() => (at.value = i)}
          >
            <span class="pal-text">
              {e.text}
              {e.more && <span class="pal-more">{e.more}</span>}
            </span>
            <span class="pal-kind">{e.kind}</span>
            {e.key && <kbd>{e.key}</kbd>}
          </li>
        ))}
      </ul>
      {!found.value.length && <p class="pal-none">{t('palette.none')}</p>}
    </Dialog>
  );
}
