// SPDX-License-Identifier: EUPL-1.2
// Nothing to show: says which nothing it is, proves that the watch lives, and names one next step.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get } from '../base/api';
import { t, tn } from '../base/i18n';
import { Empty } from '../base/parts';
import type { NodeStatus } from '../base/types';
import { life } from '../frame/bar';
import { setFilter } from '../state/place';
import { counts, filterText } from '../state/queue';
import { pulse } from '../state/stream';
import { CurlLine } from '../sources/curl';
import { DEFAULT_FILTER } from './filter';

export function EmptyQueue() {
  const status = useSignal<NodeStatus | null>(null);
  useEffect(() => {
    get<NodeStatus>('/status').then(
      (s) => (status.value = s),
      () => undefined,
    );
  }, []);
  const s = status.value;
  const l = life();
  const proof = `${l.main} ${l.more}`.trim();
  const nothingYet = s !== null && s.events === 0 && pulse.value?.last_event == null;
  if (nothingYet) {
    return (
      <Empty title={t('empty.first')}>
        <p>{t('empty.first_text', { rules: s.rules.loaded })}</p>
        <CurlLine token={null} />
        <p>
          <a class="btn main-act" href="/sources?new=token">
            {t('empty.make_token')}
          </a>
        </p>
      </Empty>
    );
  }
  if (filterText.value !== DEFAULT_FILTER) {
    return (
      <Empty title={t('empty.filter')}>
        <p>{tn('empty.filter_open', counts.value?.open ?? 0)}</p>
        <button class="btn" type="button" onClick={() => setFilter('')}>
          {t('empty.show_open')}
        </button>
      </Empty>
    );
  }
  return (
    <Empty title={t('empty.clear')}>
      <p>{proof}</p>
      {s && <p>{tn('empty.rules', s.rules.loaded)}</p>}
      <button class="btn" type="button" onClick={() => setFilter('status:closed')}>
        {t('empty.look_closed')}
      </button>
    </Empty>
  );
}
