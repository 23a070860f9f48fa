// SPDX-License-Identifier: EUPL-1.2
// Files of registers that lie there otherwise than they are in force: what each would change, which records would not fit, and the word that it is meant so.
// For who may switch kinds of the whole node. What the command `sereno registers diff` tells, told by the node.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, post } from '../base/api';
import { drawn } from '../base/drawn';
import { formatNumber, t } from '../base/i18n';
import { Problem } from '../base/parts';
import { problem } from '../base/problem';
import { visibleLine } from '../base/visible';
import { say } from '../state/toast';
import { kinds, kindTitle } from './kinds';
import { Why } from './move';

interface Change {
  what: string;
  name: string | null;
  was: string | null;
  how: string | null;
}
interface Misfit {
  why: string;
  name: string | null;
  count: number;
  examples: string[];
}
export interface FileChange {
  kind: string;
  file: string;
  taken: boolean;
  meant: boolean;
  why: string | null;
  changes?: Change[];
  records?: number;
  rewritten?: number;
  filled?: number;
  misfits?: Misfit[];
}

const GOES = ['field_gone', 'too_much', 'state_gone', 'kind_gone'];
/** Records stand in a state that goes, or the file cannot be read: no word helps. */
const isStuck = (i: FileChange): boolean => i.changes === undefined || (i.misfits ?? []).some((m) => m.why === 'state_gone' || m.why === 'too_much');
export const waits = (i: FileChange): boolean => !i.taken && !i.meant && !isStuck(i);

const verdict = (i: FileChange): string =>
  i.changes === undefined ? t('chg.unread') : i.taken ? t(i.meant ? 'chg.meant' : 'chg.taken') : isStuck(i) ? t('chg.stuck') : t(i.meant ? 'chg.meant' : 'chg.waits');

function Misfits({ list, plural }: { list: Misfit[]; plural: string | undefined }) {
  return (
    <>
      <h4>{t('chg.misfits')}</h4>
      <ul>
        {list.map((m) => (
          <li key={`${m.name ?? ''} ${m.why}`}>
            <b>{formatNumber(m.count)}</b> {m.name && <code>{visibleLine(m.name)}</code>} {GOES.includes(m.why) ? t(`chg_fit.${m.why}`) : t('chg_fit.value', { keyword: m.why })}
            {m.examples.length > 0 && (
              <ul class="reg-ids">
                {m.examples.map((id) => (
                  <li key={id}>{plural ? <a href={`/registers/${plural}/${encodeURIComponent(id)}`}>{visibleLine(id)}</a> : <code>{visibleLine(id)}</code>}</li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function Item({ item }: { item: FileChange }) {
  const kind = kinds.value?.items.find((k) => k.name === item.kind);
  return (
    <li>
      <h3>{kind ? kindTitle(kind) : visibleLine(item.kind)}</h3>
      <p class="soft">
        <code>{visibleLine(item.file)}</code>
      </p>
      <p>{verdict(item)}</p>
      {item.changes === undefined && item.why && <p class="soft">{visibleLine(item.why)}</p>}
      {item.changes && (
        <ul>
          {item.changes.map((c) => (
            <li key={`${c.what} ${c.name ?? ''}`}>
              {t(`chg_what.${c.what}`)} {c.name && <code>{visibleLine(c.name)}</code>} {c.was && <span class="soft">{t('chg.before', { name: visibleLine(c.was) })}</span>}
              {c.how && <code>{visibleLine(c.how)}</code>}
            </li>
          ))}
        </ul>
      )}
      {item.records !== undefined && (
        <p class="soft">{t('chg.records', { n: formatNumber(item.records), rewritten: formatNumber(item.rewritten ?? 0), filled: formatNumber(item.filled ?? 0) })}</p>
      )}
      {item.misfits && item.misfits.length > 0 && <Misfits list={item.misfits} plural={kind?.plural} />}
    </li>
  );
}

/** Says that the files are meant as they lie there. */
function Mean({ onDone }: { onDone: () => Promise<void> }) {
  const why = useSignal('');
  const wrong = useSignal<string | null>(null);
  const busy = useSignal(false);
  const send = async (): Promise<void> => {
    if (busy.value) return;
    if (why.value.trim() === '') {
      wrong.value = t('chg.why_needed');
      document.getElementById('chg-why')?.focus();
      return;
    }
    busy.value = true;
    try {
      await post('/register-changes', { why: why.value.trim() });
      await onDone();
    } catch (err) {
      wrong.value = problem(err);
    }
    busy.value = false;
  };
  return (
    <form
      class="reg-mean"
      aria-labelledby="mean-h"
      onSubmit={(e) => {
        e.preventDefault();
        void send();
      }}
    >
      <h3 id="mean-h">{t('chg.mean')}</h3>
      <p class="soft">{t('chg.mean_lead')}</p>
      <Why id="chg-why" value={why} needed wrong={wrong.value} />
      <div class="acts">
        <button class="btn main-act" type="submit" aria-disabled={busy.value}>
          {t('chg.do')}
        </button>
      </div>
    </form>
  );
}

export function Changes() {
  const items = useSignal<FileChange[] | null>(null);
  const wrong = useSignal<string | null>(null);
  const read = (): Promise<void> =>
    get<{ items: FileChange[] }>('/register-changes').then(
      (a) => {
        items.value = a.items;
        wrong.value = null;
      },
      (err: unknown) => {
        wrong.value = problem(err);
      },
    );
  const head = (): void => drawn(() => document.getElementById('chg-h')?.focus({ preventScroll: true }));
  useEffect(() => void read(), []);
  if (wrong.value) return <Problem text={wrong.value} onAgain={() => void read()} />;
  if (!items.value) return null;
  return (
    <section class="panel" aria-labelledby="chg-h">
      <h2 id="chg-h" tabIndex={-1}>
        {t('chg.title')}
      </h2>
      <p class="soft">{t(items.value.length ? 'chg.lead' : 'chg.none')}</p>
      <ul class="rows reg-changes">
        {items.value.map((i) => (
          <Item key={i.kind} item={i} />
        ))}
      </ul>
      {items.value.some(waits) && (
        <Mean
          onDone={async () => {
            await read();
            say(t('chg.done'));
            head();
          }}
        />
      )}
      <div class="acts">
        <button class="btn" type="button" onClick={() => void read().then(head)}>
          {t('doctor.again')}
        </button>
      </div>
    </section>
  );
}
