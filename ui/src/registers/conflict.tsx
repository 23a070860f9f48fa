// SPDX-License-Identifier: EUPL-1.2
// Somebody else saved while this form was open: each field in which the two differ, with both versions and what stood there before.
// Where only one of the two changed a field, that one is proposed; where both did, nothing is.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t, tn } from '../base/i18n';
import { Age } from '../base/parts';
import { quarter } from '../state/ticks';
import { kindTitle, label, stateWord } from './kinds';
import { titleOf } from './list';
import type { Clash } from './model';
import type { Kind, RecordRow } from './types';
import { plain } from './value';

export type Choices = Record<string, 'theirs' | 'mine'>;
interface Props {
  kind: Kind;
  base: RecordRow;
  theirs: RecordRow;
  /** The label as chosen in the form. */
  mine: string;
  list: Clash[];
  onKeep: (c: Choices) => void;
  onBack: () => void;
}

interface Line {
  name: string;
  text: string;
  base: string;
  theirs: string;
  mine: string;
  first?: 'theirs' | 'mine';
}

export function Conflict({ kind, base, theirs, mine, list, onKeep, onBack }: Props) {
  const said = (c: Clash, v: Clash['mine']): string => plain(kind, c.name, v, kind.schema.properties?.[c.name] ?? {});
  const lines: Line[] = list.map((c) => ({
    name: c.name,
    text: label(kind, c.name, kind.schema.properties?.[c.name]),
    base: said(c, c.base),
    theirs: said(c, c.theirs),
    mine: said(c, c.mine),
    first: c.both ? undefined : JSON.stringify(c.base) === JSON.stringify(c.mine) ? 'theirs' : 'mine',
  }));
  if (mine !== theirs.tlp) {
    const first = mine === base.tlp ? 'theirs' : theirs.tlp === base.tlp ? 'mine' : undefined;
    lines.push({ name: 'tlp', text: t('reg.label'), base: `TLP:${base.tlp}`, theirs: `TLP:${theirs.tlp}`, mine: `TLP:${mine}`, first });
  }
  const picks = useSignal<Choices>(Object.fromEntries(lines.filter((l) => l.first).map((l) => [l.name, l.first as 'theirs' | 'mine'])));
  const tried = useSignal(false);
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    scrollTo(0, 0);
    head.current?.focus({ preventScroll: true });
  }, [theirs.version]);
  const open = lines.filter((l) => !picks.value[l.name]);
  return (
    <div class="page reg">
      <div class="head">
        <button class="link reg-up" type="button" onClick={onBack}>
          {t('reg.back_form')}
        </button>
        <div class="reg-title">
          <h1 tabIndex={-1} ref={head}>
            {t('reg.conflict')}
          </h1>
        </div>
        <p class="lead">
          {t('reg.conflict_lead', { kind: kindTitle(kind), title: titleOf(kind, theirs) })} <Age at={theirs.changed} now={quarter} />
          {'. '}
          {base.state !== theirs.state && t('reg.conflict_state', { state: stateWord(kind, theirs.state) })}
        </p>
      </div>
      <form class="form reg-form" onSubmit={(e) => {
          e.preventDefault();
          tried.value = true;
          const first = open[0];
          if (first) document.getElementById(`c-${first.name}-theirs`)?.focus();
          else onKeep(picks.value);
        }}>
        {lines.length === 0 && <p>{t('reg.conflict_same')}</p>}
        {lines.map((l) => {
          const lacks = tried.value && !picks.value[l.name];
          return (
            <fieldset key={l.name} class={lacks ? 'field wrong reg-clash' : 'field reg-clash'} aria-describedby={lacks ? `c-${l.name}-error c-${l.name}-was` : `c-${l.name}-was`}>
              <legend>{l.text}</legend>
              {lacks && (
                <p class="error" id={`c-${l.name}-error`}>
                  {t('reg.conflict_choose')}
                </p>
              )}
              <p class="hint" id={`c-${l.name}-was`}>
                {t('reg.conflict_was', { value: l.base })}
              </p>
              <div class="pick reg-pick">
                {(['theirs', 'mine'] as const).map((who) => (
                  <label key={who}>
                    <input type="radio" id={`c-${l.name}-${who}`} name={`c-${l.name}`} checked={picks.value[l.name] === who} onChange={() => (picks.value = { ...picks.value, [l.name]: who })} />
                    <span>
                      <span class="pick-word">{t(`reg.conflict_${who}`)}</span> <span class="reg-version">{l[who]}</span>
                    </span>
                  </label>
                ))}
              </div>
            </fieldset>
          );
        })}
        <p role="status" class="soft">
          {open.length > 0 ? tn('reg.conflict_open', open.length) : ''}
        </p>
        <div class="acts reg-end">
          <button class="btn main-act" type="submit">
            {t('reg.conflict_save')}
          </button>
          <button class="btn" type="button" onClick={onBack}>
            {t('reg.back_form')}
          </button>
        </div>
      </form>
    </div>
  );
}
