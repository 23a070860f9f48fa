// SPDX-License-Identifier: EUPL-1.2
// What this node shares, with whom, since when; and one click that stops it. The first row that fits an alert decides.
import { useSignal } from '@preact/signals';
import { api } from '../base/api';
import { t, tn, tOr } from '../base/i18n';
import { Age, Empty, Problem, Slow } from '../base/parts';
import { LEVELS } from '../base/types';
import { visibleLine } from '../base/visible';
import { quarter } from '../state/ticks';
import { act, described, federationTabs, Field, State, Tabs, useResource } from './parts';
import { FINDINGS, FINDINGS_WHEN, SEND_WHEN, type Board, type SendWhen, type Sharing, type ShareRule } from './types';

const MINUTES_DEFAULT = 60;
const MINUTES_MAX = 10_080;
/** The rows that always stand last: what holds where no other fits. */
const DEFAULT_ID = 'default';
const FINDINGS_ID = 'findings';
const stands = (r: ShareRule): boolean => r.id === DEFAULT_ID || r.id.startsWith(FINDINGS_ID);
const isFindings = (r: ShareRule): boolean => r.class.source === FINDINGS;
/** What is put back: all rows in their order, but those that always stand. */
const items = (rows: ShareRule[]): object => ({ items: rows.filter((r) => !stands(r)).map(written) });

const classWords = (c: ShareRule['class']): string =>
  [c.level && tOr(`level.${c.level}`, c.level), c.product && visibleLine(c.product), c.technique && visibleLine(c.technique), c.source && c.source !== FINDINGS && visibleLine(c.source)]
    .filter(Boolean)
    .join(', ') || t(c.source === FINDINGS ? 'sharing.every_finding' : 'sharing.every');
const circleWords = (r: ShareRule): string => (r.circle === null ? t('sharing.every_circle') : visibleLine(r.circle_name ?? r.circle));

const written = (r: ShareRule): object => ({
  ...(r.id ? { id: r.id } : {}),
  ...(r.circle === null ? {} : { circle: r.circle }),
  class: r.class,
  when: r.when,
  ...(r.when === 'after_minutes' ? { minutes: r.minutes ?? MINUTES_DEFAULT } : {}),
});

interface WhenProps {
  id: string;
  when: SendWhen;
  minutes: number | null;
  label: string;
  choices?: readonly SendWhen[];
  onChange: (w: SendWhen, m: number | null) => void;
}
function When({ id, when, minutes, label, choices = SEND_WHEN, onChange }: WhenProps) {
  const n = useSignal(minutes ?? MINUTES_DEFAULT);
  return (
    <>
      <label class="hide" for={`when-${id}`}>
        {label}
      </label>
      <select id={`when-${id}`} value={when} onChange={(e) => onChange(e.currentTarget.value as SendWhen, e.currentTarget.value === 'after_minutes' ? n.value : null)}>
        {choices.map((w) => (
          <option key={w} value={w}>
            {t(`when.${w}`)}
          </option>
        ))}
      </select>
      {when === 'after_minutes' && (
        <label class="after">
          <input type="number" min="1" max={MINUTES_MAX} value={n.value} onInput={(e) => (n.value = Number(e.currentTarget.value))}
            onChange={() => n.value >= 1 && n.value <= MINUTES_MAX && onChange(when, n.value)} />{' '}
          {t('sharing.minutes')}
        </label>
      )}
    </>
  );
}

interface RowProps {
  rule: ShareRule;
  onChange: (r: ShareRule) => void;
  onRemove: () => void;
}
function Row({ rule, onChange, onRemove }: RowProps) {
  const what = classWords(rule.class);
  return (
    <tr>
      <th scope="row">
        {what}
        <span class="sub">{circleWords(rule)}</span>
      </th>
      <td>
        <When id={rule.id} when={rule.when} minutes={rule.minutes} choices={isFindings(rule) ? FINDINGS_WHEN : SEND_WHEN}
          label={t('sharing.when_of', { what, circle: circleWords(rule) })}
          onChange={(when, minutes) => onChange({ ...rule, when, minutes })} />
      </td>
      <td>
        <Age at={rule.since} now={quarter} none={t('sharing.default')} />
        {rule.by && <span class="sub quiet"> {visibleLine(rule.by)}</span>}
      </td>
      <td class="num">{stands(rule) ? '' : rule.sent}</td>
      <td class="num">
        {!stands(rule) && (
          <button class="btn small" type="button" onClick={onRemove}>
            {t('sharing.remove')}
            <span class="hide"> {what}</span>
          </button>
        )}
      </td>
    </tr>
  );
}

/** A row for one class of alerts. It comes first, since it says more than those that are there. */
function Add({ s, onAdd }: { s: Sharing; onAdd: (r: ShareRule) => void }) {
  const circle = useSignal('');
  const level = useSignal('');
  const product = useSignal('');
  const technique = useSignal('');
  const when = useSignal<SendWhen>('at_once');
  const minutes = useSignal<number | null>(null);
  const word = (id: 'product' | 'technique', value: typeof product) => (
    <Field id={`add-${id}`} label={t(`sharing.${id}`)} hint={t(`sharing.${id}_hint`)}>
      <input id={`add-${id}`} type="text" maxLength={100} autocomplete="off" aria-describedby={described(`add-${id}`, true, false)} value={value.value}
        onInput={(e) => (value.value = e.currentTarget.value)} />
    </Field>
  );
  return (
    <details>
      <summary>{t('sharing.add')}</summary>
      <form
        class="form token-form"
        onSubmit={(e) => {
          e.preventDefault();
          onAdd({
            id: '', circle: circle.value || null, circle_name: null,
            class: { level: level.value || null, product: product.value.trim() || null, technique: technique.value.trim() || null, source: null },
            when: when.value, minutes: minutes.value, since: null, by: null, sent: 0,
          });
        }}
      >
        <Field id="add-circle" label={t('circle.name')}>
          <select id="add-circle" value={circle.value} onChange={(e) => (circle.value = e.currentTarget.value)}>
            <option value="">{t('sharing.every_circle')}</option>
            {s.readers.map((r) => (
              <option key={r.circle} value={r.circle}>
                {visibleLine(r.circle_name)}
              </option>
            ))}
          </select>
        </Field>
        <Field id="add-level" label={t('col.severity')}>
          <select id="add-level" value={level.value} onChange={(e) => (level.value = e.currentTarget.value)}>
            <option value="">{t('sharing.every_level')}</option>
            {LEVELS.map((l) => (
              <option key={l} value={l}>
                {t(`level.${l}`)}
              </option>
            ))}
          </select>
        </Field>
        {word('product', product)}
        {word('technique', technique)}
        <div class="field">
          <span class="hint">{t('sharing.when')}</span>
          <When id="add" when={when.value} minutes={minutes.value} label={t('sharing.when')}
            onChange={(w, m) => {
              when.value = w;
              minutes.value = m;
            }} />
        </div>
        <div class="acts">
          <button class="btn main-act" type="submit">
            {t('sharing.add_do')}
          </button>
        </div>
      </form>
    </details>
  );
}

function Readers({ s }: { s: Sharing }) {
  return (
    <section class="panel" aria-labelledby="readers-h">
      <div class="head">
        <h2 id="readers-h">{t('sharing.readers')}</h2>
        <span class="soft">{t('sharing.readers_lead')}</span>
      </div>
      {s.readers.length === 0 && <p class="soft">{t('sharing.nobody')}</p>}
      {s.readers.map((r) => (
        <details key={r.circle} id={`readers-${r.circle}`}>
          <summary>{r.own ? t('sharing.readers_own', { circle: visibleLine(r.circle_name) }) : tn('sharing.readers_of', r.organisations.length, { circle: visibleLine(r.circle_name) })}</summary>
          <ul class="rows">
            {r.organisations.map((o) => (
              <li key={o}>{visibleLine(o)}</li>
            ))}
          </ul>
        </details>
      ))}
    </section>
  );
}

/** What is ours and never told, and what this node makes of warnings. */
function More({ s, hub, onSave }: { s: Sharing; hub: boolean; onSave: (change: object) => void }) {
  const networks = useSignal(s.networks);
  const domains = useSignal(s.domains);
  const automatic = useSignal(s.automatic);
  const cap = useSignal(s.cap);
  const agreed = useSignal(s.agreed);
  const list = (id: 'networks' | 'domains', value: typeof networks) => (
    <Field id={`own-${id}`} label={t(`sharing.${id}`)} hint={t(`sharing.${id}_hint`)}>
      <input id={`own-${id}`} type="text" maxLength={4000} autocomplete="off" aria-describedby={described(`own-${id}`, true, false)} value={value.value}
        onInput={(e) => (value.value = e.currentTarget.value)} />
    </Field>
  );
  return (
    <section class="panel" aria-labelledby="more-h">
      <h2 id="more-h">{t('sharing.more')}</h2>
      <form
        class="form token-form"
        onSubmit={(e) => {
          e.preventDefault();
          onSave({ networks: networks.value, domains: domains.value, automatic: automatic.value, cap: cap.value, ...(hub ? { agreed: agreed.value } : {}) });
        }}
      >
        {list('networks', networks)}
        {list('domains', domains)}
        <label class="check">
          <input type="checkbox" checked={automatic.value} onChange={(e) => (automatic.value = e.currentTarget.checked)} />
          <span>{t('sharing.automatic')}</span>
        </label>
        <Field id="own-cap" label={t('sharing.cap')} hint={t('sharing.cap_hint')}>
          <input id="own-cap" type="number" min="0" max="1000000" aria-describedby="own-cap-hint" value={cap.value} onInput={(e) => (cap.value = Number(e.currentTarget.value))} />
        </Field>
        {hub && (
          <label class="check">
            <input type="checkbox" checked={agreed.value} onChange={(e) => (agreed.value = e.currentTarget.checked)} />
            <span>{t('sharing.agreed')}</span>
          </label>
        )}
        <div class="acts">
          <button class="btn main-act" type="submit">
            {t('sharing.save')}
          </button>
        </div>
      </form>
    </section>
  );
}

interface RulesProps {
  s: Sharing;
  save: (change: object) => void;
}
function Table({ title, first, shown, s, save }: RulesProps & { title: string; first: string; shown: ShareRule[] }) {
  const change = (r: ShareRule): void => {
    // The last row cannot be changed: another choice becomes a row before it that fits all it speaks of.
    if (s.items.some((i) => i.id === r.id && !stands(i))) save(items(s.items.map((i) => (i.id === r.id ? r : i))));
    else save(items([...s.items, { ...r, id: '' }]));
  };
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={title}>
      <table class="plain">
        <caption class="hide">{title}</caption>
        <thead>
          <tr>
            <th scope="col">{first}</th>
            <th scope="col">{t('sharing.when')}</th>
            <th scope="col">{t('sharing.since')}</th>
            <th scope="col" class="num">{t('sharing.sent')}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {shown.map((r) => (
            <Row key={r.id} rule={r} onChange={change} onRemove={() => save(items(s.items.filter((i) => i.id !== r.id)))} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Rules({ s, save }: RulesProps) {
  const title = t('sharing.what');
  return (
    <section class="panel" aria-labelledby="what-h">
      <div class="head">
        <h2 id="what-h">{title}</h2>
        <span class="soft">{t('sharing.what_lead')}</span>
      </div>
      <Table title={title} first={t('sharing.alerts')} shown={s.items.filter((r) => !isFindings(r))} s={s} save={save} />
      <Add s={s} onAdd={(r) => save(items([r, ...s.items]))} />
    </section>
  );
}

/** Rows of findings as they decide, and for each circle above that none of them speaks of as a whole a line that says never. */
function findingsRows(s: Sharing): ShareRule[] {
  const rows = s.items.filter((r) => isFindings(r) && !stands(r));
  const rest = s.items.find((r) => r.id === FINDINGS_ID);
  const whole = (circle: string): boolean => rows.some((r) => !r.class.level && !r.class.technique && (r.circle === null || r.circle === circle));
  const above = s.readers.filter((r) => !r.own && !whole(r.circle));
  return [...rows, ...(rest ? above.map((r) => ({ ...rest, id: `${FINDINGS_ID}-${r.circle}`, circle: r.circle, circle_name: r.circle_name })) : [])];
}

/** A hub in a hub: what it warned its own circles of, for the hubs above; never unless it is said here. */
function Findings({ s, save }: RulesProps) {
  const title = t('sharing.findings');
  const own = s.findings?.circles.map((c) => visibleLine(c.circle_name)).join(', ') ?? '';
  return (
    <section class="panel" aria-labelledby="findings-h">
      <div class="head">
        <h2 id="findings-h">{title}</h2>
        <span class="soft">{t('sharing.findings_of', { circles: own })}</span>
      </div>
      <p>{t('sharing.findings_lead')}</p>
      <Table title={title} first={t('sharing.findings_above')} shown={findingsRows(s)} s={s} save={save} />
    </section>
  );
}

export function SharingPage() {
  const { data, wrong, again } = useResource<Sharing>('/federation/sharing');
  const board = useResource<Board>('/federation');
  const s = data.value;
  const save = (change: object): void => void act(() => api('PUT', '/federation/sharing', change), t('sharing.changed')).then(again);
  const turn = (what: 'stop' | 'resume'): void =>
    void act(() => api('POST', `/federation/${what}`), t(what === 'stop' ? 'sharing.now_stopped' : 'share.resumed')).then(again);
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{t('share.sharing')}</h1>
        {s && <State group="sharing" state={s.stopped ? 'suspended' : 'active'} />}
        {s?.since && (
          <span class="soft">
            {t('share.since')} <Age at={s.since} now={quarter} />
          </span>
        )}
        {s && (
          <button class={s.stopped ? 'btn main-act tools' : 'btn grave tools'} type="button" onClick={() => turn(s.stopped ? 'resume' : 'stop')}>
            {t(s.stopped ? 'share.resume' : 'sharing.stop')}
          </button>
        )}
      </div>
      {board.data.value && <Tabs now="/federation/sharing" pages={federationTabs(board.data.value.hub)} />}
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!s && !wrong.value && <Slow text={t('share.reading')} />}
      {s && (
        <section class="panel" aria-labelledby="never-h">
          <h2 id="never-h">{t('sharing.never_title')}</h2>
          <p>{t('sharing.never')}</p>
        </section>
      )}
      {s && s.readers.length === 0 && (
        <Empty title={t('sharing.none')}>
          <p>{t('sharing.none_text')}</p>
          <a class="btn" href="/federation">
            {t('share.board')}
          </a>
        </Empty>
      )}
      {s && <Readers s={s} />}
      {s && <Rules s={s} save={save} />}
      {s?.findings && <Findings s={s} save={save} />}
      {s && board.data.value && <More s={s} hub={board.data.value.hub} onSave={save} />}
    </div>
  );
}
