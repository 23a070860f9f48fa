// SPDX-License-Identifier: EUPL-1.2
// Kinds that are off, each with a sentence and a button; and those that are on, to switch one off. For who may switch them.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { api, get } from '../base/api';
import { t } from '../base/i18n';
import { Problem } from '../base/parts';
import { problem } from '../base/problem';
import { say, sayWrong } from '../state/toast';
import { readKinds, told } from './kinds';
import type { KindRow } from './types';

interface RowProps {
  kind: KindRow;
  all: KindRow[];
  busy: boolean;
  onSwitch: (kind: KindRow) => void;
}
function KindItem({ kind, all, busy, onSwitch }: RowProps) {
  const { title, about } = told(kind);
  const names = (list: string[]): string => list.map((n) => all.find((k) => k.name === n)).map((k) => (k ? told(k).title : '')).filter(Boolean).join(', ');
  const held = kind.on && kind.needed_by.length > 0;
  return (
    <li>
      <div>
        <h3>{title}</h3>
        {about && <p class="soft">{about}</p>}
        {!kind.on && kind.needs.length > 0 && <p class="soft">{t('reg.with_it', { kinds: names(kind.needs) })}</p>}
        {held && <p class="soft">{t('reg.held_by', { kinds: names(kind.needed_by) })}</p>}
      </div>
      {!held && (
        <button class="btn" type="button" aria-label={`${t(kind.on ? 'reg.switch_off' : 'reg.switch_on')}: ${title}`} aria-disabled={busy} onClick={() => onSwitch(kind)}>
          {t(kind.on ? 'reg.switch_off' : 'reg.switch_on')}
        </button>
      )}
    </li>
  );
}

export function MoreKinds() {
  const all = useSignal<KindRow[] | null>(null);
  const wrong = useSignal<string | null>(null);
  const busy = useSignal(false);
  const read = (): Promise<void> =>
    get<{ items: KindRow[] }>('/register-kinds').then(
      (a) => {
        all.value = a.items;
        wrong.value = null;
      },
      (err: unknown) => {
        wrong.value = problem(err);
      },
    );
  useEffect(() => void read(), []);
  const turn = async (kind: KindRow): Promise<void> => {
    if (busy.value) return;
    busy.value = true;
    try {
      await api('PUT', `/register-kinds/${kind.name}`, { to: kind.on ? 'off' : 'on' });
      await Promise.all([read(), readKinds()]);
      say(t(kind.on ? 'reg.now_off' : 'reg.now_on', { kind: told(kind).title }));
      // The button is gone to the other list: the focus stays with those that are left.
      document.getElementById(kind.on ? 'on-h' : 'more-h')?.focus({ preventScroll: true });
    } catch (err) {
      sayWrong(problem(err));
    }
    busy.value = false;
  };
  if (wrong.value) return <Problem text={wrong.value} onAgain={() => void read()} />;
  if (!all.value) return null;
  const rows = all.value;
  const off = rows.filter((k) => !k.on);
  const list = (some: KindRow[]) => (
    <ul class="rows reg-more">
      {some.map((k) => (
        <KindItem key={k.name} kind={k} all={rows} busy={busy.value} onSwitch={(x) => void turn(x)} />
      ))}
    </ul>
  );
  return (
    <>
      <section class="panel" aria-labelledby="more-h">
        <h2 id="more-h" tabIndex={-1}>
          {t('reg.more_kinds')}
        </h2>
        <p class="soft">{t(off.length ? 'reg.more_lead' : 'reg.more_none')}</p>
        {list(off)}
      </section>
      <details class="panel reg-on">
        <summary>
          <span id="on-h" tabIndex={-1}>
            {t('reg.kinds_on')}
          </span>
        </summary>
        <p class="soft">{t('reg.off_lead')}</p>
        {list(rows.filter((k) => k.on))}
      </details>
    </>
  );
}
