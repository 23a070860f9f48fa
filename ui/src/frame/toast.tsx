// SPDX-License-Identifier: EUPL-1.2
// Shows the one message at the foot. The live region stays in the page, so that its text is announced.
import { t } from '../base/i18n';
import { closeToast, holdToast, releaseToast, toast, undoLast } from '../state/toast';

export function ToastView() {
  const now = toast.value;
  return (
    <div class="toasts">
      <div role="status">
        {now?.kind === 'done' && (
          <div class="toast" key={now.id} onMouseEnter={holdToast} onMouseLeave={releaseToast}
            onFocusIn={holdToast} onFocusOut={releaseToast}>
            <span>{now.text}</span>
            {now.undo && (
              <button type="button" onClick={() => undoLast()}>
                {now.label ?? t('toast.undo')} <kbd>z</kbd>
              </button>
            )}
          </div>
        )}
      </div>
      <div role="alert">
        {now?.kind === 'wrong' && (
          <div class="toast wrong" key={now.id} onMouseEnter={holdToast} onMouseLeave={releaseToast}
            onFocusIn={holdToast} onFocusOut={releaseToast}>
            <span>{now.text}</span>
            <button type="button" onClick={closeToast}>
              {t('toast.dismiss')}
            </button>
          </div>
        )}
      </div>
    </div>
  );
}
