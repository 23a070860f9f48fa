// SPDX-License-Identifier: EUPL-1.2
// Stories and notices that cities tell each other, each under its label; one with what its author may do with it.
import { useSignal } from '@preact/signals';
import { post } from '../base/api';
import { t, tn } from '../base/i18n';
import { Age, Empty, Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import { visible, visibleLine } from '../base/visible';
import { quarter } from '../state/ticks';
import { act, described, Field, History, State, Tlp, Twice, useResource } from './parts';
import { TLPS, type Board, type Item, type ItemDetail, type Letter, type Tlp as Label } from './types';
import { lines, personsOf, personWords } from './composer';
import { StoneForm } from './sign';
import { shownWhen } from './warnings';

const READ_EVERY_MS = 15_000;

const authorOf = (i: Item): string => (i.author === null ? t('story.chr_author') : visibleLine(i.author));

export function StoriesPage() {
  const { data, wrong, again } = useResource<{ items: Item[] }>('/items?limit=100', READ_EVERY_MS);
  const items = data.value?.items;
  return (
    <div class="page">
      <div class="head">
        <h1 tabIndex={-1}>{t('nav.stories')}</h1>
        <p class="soft">{t('story.lead')}</p>
        <a class="btn main-act tools" href="/stories/new">
          {t('story.new')}
        </a>
      </div>
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!items && !wrong.value && <Slow text={t('share.reading')} />}
      {items && items.length === 0 && (
        <Empty title={t('story.none')}>
          <p>{t('story.none_text')}</p>
        </Empty>
      )}
      {items && items.length > 0 && (
        <ul class="rows stack stories">
          {items.map((i) => (
            <li key={i.id}>
              <span class="head">
                <Tlp label={i.tlp} />
                <a href={`/stories/${encodeURIComponent(i.id)}`}>{visibleLine(i.title)}</a>
                {i.state !== 'current' && <State group="story" state={i.state} />}
              </span>
              <span class="soft">
                {t(`kind.${i.kind}`)}, {authorOf(i)}, {visibleLine(i.circle_name)}, <Age at={i.created} now={quarter} />
                {i.receipts && <> · {tn('story.received', i.receipts.received, { sent: i.receipts.sent })}</>}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Author({ item, again }: { item: ItemDetail; again: () => void }) {
  const tighter = TLPS.slice(0, TLPS.indexOf(item.tlp));
  const label = useSignal<Label | ''>('');
  const reason = useSignal('');
  const names = useSignal(item.audience.persons.map((p) => `${p.name} @ ${p.organisation}`).join('\n'));
  const wrong = useSignal<string | null>(null);
  // Whoever reads it now, and no more; RED goes to named people only.
  const audience = (): object =>
    label.value === 'RED' || item.audience.persons.length > 0 ? { persons: personsOf(names.value) } : { orgs: item.audience.organisations };
  const send = async (path: string, body: object): Promise<void> => {
    try {
      await post(`/items/${encodeURIComponent(item.id)}/${path}`, body);
      wrong.value = null;
      again();
    } catch (err) {
      wrong.value = problem(err);
    }
  };
  return (
    <section class="panel" aria-labelledby="author-h">
      <h2 id="author-h">{t('story.yours')}</h2>
      <p class="soft">{t('story.yours_lead')}</p>
      <div class="form token-form">
        {tighter.length > 0 && (
          <Field id="tighten" label={t('story.tighten')} hint={t('story.tighten_hint')}>
            <select id="tighten" value={label.value} aria-describedby="tighten-hint" onChange={(e) => (label.value = e.currentTarget.value as Label)}>
              <option value="">{t('story.keep', { label: `TLP:${item.tlp}` })}</option>
              {tighter.map((l) => (
                <option key={l} value={l}>{`TLP:${l}`}</option>
              ))}
            </select>
          </Field>
        )}
        {label.value === 'RED' && (
          <Field id="tighten-names" label={t('compose.persons')} hint={t('compose.persons_hint')}>
            <textarea id="tighten-names" rows={3} aria-describedby="tighten-names-hint" value={names.value} onInput={(e) => (names.value = e.currentTarget.value)} />
          </Field>
        )}
        <Field id="retract-why" label={t('warning.reason')} wrong={wrong.value}>
          <input id="retract-why" type="text" maxLength={500} aria-describedby={wrong.value ? 'retract-why-error' : undefined} value={reason.value}
            onInput={(e) => (reason.value = e.currentTarget.value)} />
        </Field>
        <div class="acts">
          <a class="btn" href={`/stories/${encodeURIComponent(item.id)}/edit`}>
            {t('story.version')}
          </a>
          {tighter.length > 0 && (
            <button class="btn" type="button" disabled={label.value === ''} onClick={() => void send('tighten', { tlp: label.value, pap: item.pap, chr: item.chr, audience: audience() })}>
              {t('story.tighten_do')}
            </button>
          )}
          <Twice label={t('story.retract')} sure={t('story.retract_sure')} of={visibleLine(item.title)}
            onDo={() => void act(() => post(`/items/${encodeURIComponent(item.id)}/retract`, { reason: reason.value.trim() }), t('story.was_retracted')).then(again)} />
        </div>
      </div>
      {item.receipts && (
        <p class="soft">
          {tn('story.received', item.receipts.received, { sent: item.receipts.sent })} {tn('story.removed', item.receipts.removed)}
        </p>
      )}
    </section>
  );
}

interface Exported {
  document: { title: string; text: string };
  report: { replaced: number; suspicious: number };
}

/** Under the Chatham House Rule: what is left is read here before it can be taken along. */
function ChathamHouse({ item }: { item: ItemDetail }) {
  const names = useSignal('');
  const got = useSignal<Exported | null>(null);
  const wrong = useSignal<string | null>(null);
  const make = async (): Promise<void> => {
    try {
      got.value = await post<Exported>(`/items/${encodeURIComponent(item.id)}/chr-export`, { also: lines(names.value) });
      wrong.value = null;
    } catch (err) {
      got.value = null;
      wrong.value = problem(err);
    }
  };
  const x = got.value;
  return (
    <section class="panel" aria-labelledby="chr-h">
      <h2 id="chr-h">{t('chr.title')}</h2>
      <p class="soft">{t('chr.lead')}</p>
      <div class="form token-form">
        <Field id="chr-also" label={t('chr.also')} hint={t('chr.also_hint')} wrong={wrong.value}>
          <textarea id="chr-also" rows={2} aria-describedby={described('chr-also', true, wrong.value !== null)} value={names.value}
            onInput={(e) => {
              names.value = e.currentTarget.value;
              got.value = null;
            }} />
        </Field>
        <div class="acts">
          <button class="btn" type="button" onClick={() => void make()}>
            {t('chr.make')}
          </button>
        </div>
      </div>
      <div aria-live="polite">
        {x && (
          <div class="story">
            <p>
              <strong>{t('chr.read')}</strong> {tn('chr.replaced', x.report.replaced)} {x.report.suspicious > 0 && t('chr.suspicious')}
            </p>
            <h3>{visibleLine(x.document.title)}</h3>
            <p class="text">{visible(x.document.text)}</p>
            <p class="acts">
              <a class="btn main-act" download="chatham-house.json" href={`data:application/json;charset=utf-8,${encodeURIComponent(JSON.stringify(x.document, null, 2))}`}>
                {t('chr.save')}
              </a>
            </p>
          </div>
        )}
      </div>
    </section>
  );
}

/** At the hub of its circle: officers take it back for an author who cannot. */
function Officers({ item, again }: { item: ItemDetail; again: () => void }) {
  const board = useResource<Board>('/federation');
  const reason = useSignal('');
  if (!board.data.value?.circles.some((c) => c.own && c.id === item.circle)) return null;
  return (
    <section class="panel" aria-labelledby="officers-h">
      <h2 id="officers-h">{t('stone.title')}</h2>
      <p class="soft">{t('stone.lead')}</p>
      <StoneForm id="story" circle={item.circle} item={item.id} reason={reason} again={again} />
    </section>
  );
}

/** Mail to members without a node: whether it went, and whether the page was opened since. */
function Letters({ letters }: { letters: Letter[] }) {
  return (
    <section class="panel" aria-labelledby="letters-h">
      <div class="head">
        <h2 id="letters-h">{t('letter.title')}</h2>
        <span class="soft">{t('letter.lead')}</span>
      </div>
      <div class="scroll" tabIndex={0} role="group" aria-label={t('letter.title')}>
        <table class="plain">
          <caption class="hide">{t('letter.title')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('letter.to')}</th>
              <th scope="col" class="num">{t('letter.version')}</th>
              <th scope="col">{t('col.state')}</th>
              <th scope="col">{t('letter.when')}</th>
              <th scope="col">{t('letter.seen')}</th>
            </tr>
          </thead>
          <tbody>
            {letters.map((l) => (
              <tr key={`${l.organisation} ${l.person} ${l.version}`}>
                <th scope="row">
                  {visibleLine(l.person)}
                  <span class="sub">{visibleLine(l.organisation)}</span>
                </th>
                <td class="num">{l.version}</td>
                <td>
                  <State group="letter" state={l.state} />
                  {l.reason && <span class="sub">{visibleLine(l.reason)}</span>}
                </td>
                <td>
                  <Age at={l.at} now={quarter} />
                </td>
                <td>
                  <Age at={l.seen} now={quarter} none={t('letter.not_seen')} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function StoryPage({ id }: { id: string }) {
  const { data, wrong, again } = useResource<ItemDetail>(`/items/${encodeURIComponent(id)}`);
  const i = data.value;
  return (
    <div class="page">
      <p>
        <a href="/stories">{t('story.all')}</a>
      </p>
      {wrong.value && <Problem text={wrong.value} onAgain={again} />}
      {!i && !wrong.value && <Slow text={t('share.reading')} />}
      {i && (
        <>
          <article class="panel story" aria-labelledby="story-h">
            <p class="head">
              <Tlp label={i.tlp} />
              <span class="chip">{`PAP:${i.pap}`}</span>
              {i.chr && <span class="chip">{t('story.chr')}</span>}
              {i.state !== 'current' && <State group="story" state={i.state} />}
            </p>
            <h1 id="story-h" tabIndex={-1}>
              {visibleLine(i.title)}
            </h1>
            <p class="soft">
              {t(`kind.${i.kind}`)}, {authorOf(i)}, {visibleLine(i.circle_name)}, {shownWhen(i.created)}
            </p>
            {i.text ? <p class="text">{visible(i.text)}</p> : <p class="soft">{t('story.gone')}</p>}
            {(i.tlp === 'RED' || i.tlp.startsWith('AMBER')) && <p class="hint">{t('story.read_noted')}</p>}
            <p>
              <Tlp label={i.tlp} />
            </p>
          </article>
          <section class="panel" aria-labelledby="aud-h">
            <h2 id="aud-h">{t('story.audience')}</h2>
            <ul class="rows">
              {i.audience.organisations.map((o) => (
                <li key={o}>{visibleLine(o)}</li>
              ))}
              {i.audience.persons.map((p) => (
                <li key={personWords(p)}>{personWords(p)}</li>
              ))}
            </ul>
          </section>
          {i.mine && i.state !== 'retracted' && <Author item={i} again={again} />}
          {i.tlp !== 'RED' && i.state !== 'retracted' && i.state !== 'quarantined' && <ChathamHouse item={i} />}
          {!i.mine && i.state !== 'retracted' && <Officers item={i} again={again} />}
          {i.mine && i.reads && i.reads.length > 0 && (
            <section class="panel" aria-labelledby="reads-h">
              <h2 id="reads-h">{t('story.reads')}</h2>
              <ul class="rows">
                {i.reads.map((r) => (
                  <li key={r.who + r.at}>
                    {visibleLine(r.who)} <Age at={r.at} now={quarter} />
                  </li>
                ))}
              </ul>
            </section>
          )}
          {i.letters.length > 0 && <Letters letters={i.letters} />}
          <History group="story" steps={i.history ?? []} />
        </>
      )}
    </div>
  );
}
