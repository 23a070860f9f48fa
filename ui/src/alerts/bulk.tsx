// SPDX-License-Identifier: EUPL-1.2
// Above the list while rows are picked: how many, what can be done with them, and the form to close them.
import { t, tn } from '../base/i18n';
import { closing, eligible, perform, startClosing } from '../state/acts';
import { chosen } from '../state/queue';
import { CloseForm } from './closeform';

export function BulkBar() {
  const ids = [...chosen.value];
  const canAck = eligible('acknowledge', ids).length > 0;
  const canClose = eligible('close', ids).length > 0;
  const canReopen = eligible('reopen', ids).length === ids.length;
  return (
    <section class="bulk" aria-label={t('bulk.label')}>
      <p>
        <strong role="status">{tn('bulk.picked', ids.length)}</strong>
      </p>
      <div class="acts">
        {canAck && (
          <button class="btn" type="button" onClick={() => void perform('acknowledge', ids)}>
            {t('act.acknowledge')} <kbd>a</kbd>
          </button>
        )}
        {canClose && (
          <button class="btn" type="button" aria-expanded={closing.value !== null} onClick={() => startClosing(ids)}>
            {t('act.close')} <kbd>f</kbd>
          </button>
        )}
        {canReopen && (
          <button class="btn" type="button" onClick={() => void perform('reopen', ids)}>
            {t('act.reopen')} <kbd>r</kbd>
          </button>
        )}
        <button class="btn" type="button" onClick={() => (chosen.value = new Set())}>
          {t('bulk.clear')}
        </button>
      </div>
      {closing.value !== null && <CloseForm ids={closing.value} />}
    </section>
  );
}
