// SPDX-License-Identifier: EUPL-1.2
// What records will soon say no more of persons: by register its rule and figures, each of which opens the records that it counts; when the last
// run was; and, where the node doubts its clock, that nothing goes and who may say that it is right.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { get, post, query, session } from '../base/api';
import { drawn } from '../base/drawn';
import { exact, parseTime } from '../base/format';
import { formatNumber, language, t } from '../base/i18n';
import { addKeys } from '../base/keys';
import { Empty, Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { AskReason } from '../base/reason';
import { visibleLine } from '../base/visible';
import { kindOf, kinds, kindTitle, label, readKinds, spelt, stateWord } from '../registers/kinds';
import { Masked, MaskBar, maskedTitle } from '../registers/masked';
import type { Kind } from '../registers/types';
import { day } from '../registers/value';
import { useResource } from '../share/parts';
import { go } from '../state/place';

export const maySeeRetention = (): boolean => session.value?.user.rights?.includes('retention.read') ?? false;

const FIGURES = ['due', 'held', 'erased', 'passed_by'] as const;
type Which = (typeof FIGURES)[number];
const SOON = 30; // days, as the node takes them where none are asked for
const WITHIN = [7, SOON, 90, 365];

interface Figure {
  count: number;
  more: boolean;
  /** Of what is due: its first day. */
  first?: string | null;
}
interface Rule {
  kind: string;
  plural: string;
  days: number;
  /** null: counted from the last change. */
  from: string | null;
  why: string;
  masked: boolean;
  /** null: it would tell of a field that is masked. */
  due: Figure | null;
  held: Figure | null;
  erased: Figure | null;
  passed_by: Figure | null;
}
interface Overview {
  last_run: { ended: string; whole: boolean; why: string | null } | null;
  clock: { state: 'fits' | 'ahead' | 'behind'; now: string; counted: string | null; may_confirm: boolean };
  items: Rule[];
}
interface Line {
  id: string;
  kind: string;
  plural: string;
  title: string;
  state: string;
  organisation: string;
  masked: boolean;
  goes: string | null;
  held_why: string | null;
  held_by: string | null;
}

/** What the words of a kind are looked up by, where its file is not there. */
const worded = (kind: string): Kind => ({ name: kind, title: spelt(kind), schema: { properties: {} } }) as unknown as Kind;
const titleOf = (kind: string, plural: string): string => kindTitle(kindOf(plural) ?? worded(kind));
const days = (n: number): string => new Intl.NumberFormat(language.value, { style: 'unit', unit: 'day', unitDisplay: 'long' }).format(n);
const moment = (iso: string): string => {
  const ms = parseTime(iso);
  return ms === null ? iso : exact(ms);
};

function Clock({ clock, onRight }: { clock: Overview['clock']; onRight: () => void }) {
  const open = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  if (clock.state === 'fits') return null;
  const close = (): void => {
    open.value = false;
    drawn(() => button.current?.focus());
  };
  return (
    <div class="problem" role="alert" id="clock">
      <p>{t('retention.clock_wrong', { now: moment(clock.now), counted: clock.counted ? moment(clock.counted) : '-' })}</p>
      {clock.may_confirm && !open.value && (
        <button ref={button} class="btn" type="button" onClick={() => (open.value = true)}>
          {t('retention.clock_ask')}
        </button>
      )}
      {open.value && (
        <AskReason label={t('reg.why')} hint={t('retention.clock_hint')} act={t('retention.clock_ask')} onClose={close} onGiven={async (why) => {
            await post('/privacy/clock', { why });
            open.value = false;
            onRight();
            drawn(() => document.querySelector<HTMLElement>('#retention-h')?.focus({ preventScroll: true }));
          }} />
      )}
    </div>
  );
}

function Count({ r, which, within }: { r: Rule; which: Which; within: number }) {
  const f = r[which];
  if (!f) return <Masked />;
  const text = `${formatNumber(f.count)}${f.more ? '+' : ''}`;
  if (f.count === 0) return <span class="quiet">{text}</span>;
  return (
    <>
      <a href={`/people/looks/${r.plural}/${which}${query({ days: within === SOON ? null : within })}`} aria-label={`${titleOf(r.kind, r.plural)}, ${t(`retention.${which}`)}: ${text}`}>
        {text}
      </a>
      {f.first && <span class="sub">{day(f.first)}</span>}
    </>
  );
}

function Rules({ items, within }: { items: Rule[]; within: number }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t('nav.registers')}>
      <table class="plain" id="retention">
        <thead>
          <tr>
            {['nav.registers', 'retention.rule', ...FIGURES.map((w) => `retention.${w}`)].map((word) => (
              <th scope="col" key={word}>
                {t(word)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((r) => (
            <tr key={r.kind}>
              <th scope="row">{titleOf(r.kind, r.plural)}</th>
              <td>
                {r.days === 0
                  ? t('retention.nothing')
                  : r.from
                    ? t('retention.rule_from', { days: days(r.days), field: label(kindOf(r.plural) ?? worded(r.kind), r.from) })
                    : t('retention.rule_changed', { days: days(r.days) })}
              </td>
              {FIGURES.map((w) => (
                <td key={w}>
                  <Count r={r} which={w} within={within} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function RetentionSection() {
  const within = useSignal(SOON);
  const { data, wrong, again } = useResource<Overview>(`/privacy/retention${query({ days: within.value })}`);
  useEffect(() => void (kinds.value ? undefined : readKinds().catch(() => undefined)), []);
  const d = data.value;
  return (
    <section class="panel" aria-labelledby="retention-h">
      <h2 id="retention-h" tabIndex={-1}>
        {t('retention.title')}
      </h2>
      <p class="soft">{t('retention.lead')}</p>
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!d && !wrong.value && <Slow text={t('people.reading')} />}
      {d && <Clock clock={d.clock} onRight={again} />}
      {d && (
        <p id="retention-run">
          {d.last_run ? t('retention.last', { time: moment(d.last_run.ended) }) : t('retention.no_run')} {d.last_run && !d.last_run.whole && t('retention.early')}{' '}
          {d.last_run?.why && <span lang="en">{visibleLine(d.last_run.why)}</span>}
        </p>
      )}
      {d && d.items.length === 0 && <p>{t('reg.none_found')}</p>}
      {d && d.items.length > 0 && (
        <>
          <p class="field">
            <label for="within">{t('retention.within')}</label>
            <select id="within" value={within.value} onChange={(e) => (within.value = Number(e.currentTarget.value))}>
              {WITHIN.map((n) => (
                <option key={n} value={n}>
                  {days(n)}
                </option>
              ))}
            </select>
          </p>
          <Rules items={d.items} within={within.value} />
        </>
      )}
    </section>
  );
}

/** The records behind a figure: /people/looks/PLURAL/WHICH. */
export function RetentionList({ plural, which }: { plural: string; which: string }) {
  const items = useSignal<Line[] | null>(null);
  const next = useSignal<string | null>(null);
  const masked = useSignal(false);
  const wrong = useSignal<string | null>(null);
  const within = useLocation().query.days ?? null;
  const read = async (more = false): Promise<void> => {
    try {
      const p = await get<{ items: Line[]; next: string | null }>(`/privacy/retention/${plural}${query({ which, days: within, cursor: more ? next.value : null })}`);
      items.value = more ? [...(items.value ?? []), ...p.items] : p.items;
      next.value = p.next;
      masked.value = items.value.some((l) => l.masked);
      wrong.value = null;
    } catch (err) {
      masked.value = (err as { code?: string }).code === 'masked';
      wrong.value = masked.value ? null : problem(err);
      items.value = masked.value ? null : items.value;
    }
  };
  useEffect(() => {
    void (kinds.value ? undefined : readKinds().catch(() => undefined));
    void read();
    return addKeys({ back: () => go('/people/looks') });
  }, [plural, which, within]);
  const kind = kindOf(plural);
  const held = which === 'held';
  const dated = held || which === 'due';
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{`${kind ? kindTitle(kind) : spelt(plural)}: ${t(`retention.${which}`)}`}</h1>
        <p>
          <a href="/people/looks">{t('retention.title')}</a>
        </p>
      </div>
      {kind && <MaskBar kind={kind} masked={masked.value} onChange={() => void read()} />}
      {wrong.value && <Problem text={wrong.value} onAgain={() => void read()} />}
      {!items.value && !wrong.value && !masked.value && <Slow text={t('people.reading')} />}
      {items.value?.length === 0 && <Empty title={t('reg.none_found')} />}
      {items.value && items.value.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t('looks.records')}>
          <table class="plain" id="retention-records">
            <thead>
              <tr>
                {['looks.records', 'reg.state', ...(dated ? ['retention.goes'] : []), ...(held ? ['retention.held_why'] : [])].map((word) => (
                  <th scope="col" key={word}>
                    {t(word)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {items.value.map((l) => (
                <tr key={l.id}>
                  <th scope="row">
                    <a href={`/registers/${plural}/${l.id}`}>{l.masked ? maskedTitle(l.id) : visibleLine(l.title)}</a>
                    {l.organisation !== '*' && <span class="sub">{visibleLine(l.organisation)}</span>}
                  </th>
                  <td>{stateWord(worded(l.kind), l.state)}</td>
                  {dated && <td>{l.goes && day(l.goes)}</td>}
                  {held && (
                    <td>
                      {visibleLine(l.held_why ?? '')} <span class="sub">{visibleLine(l.held_by ?? '')}</span>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {next.value && (
        <p class="acts">
          <button class="btn" type="button" onClick={() => void read(true)}>
            {t('people.more')}
          </button>
        </p>
      )}
    </div>
  );
}
