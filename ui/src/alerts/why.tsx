// SPDX-License-Identifier: EUPL-1.2
// Why it fired: what each part of the rule asked, then the record's own bytes with what matched marked.
import { language, t, tn, tOr } from '../base/i18n';
import type { Why } from '../base/types';
import { pieces, visible } from '../base/visible';

/** Values beyond this many characters are shown around their first mark. */
const LONG_CHARS = 4000;
const AROUND_CHARS = 1500;

interface Cut {
  value: string;
  marks: [number, number][];
  before: number;
  after: number;
}

export function cutAround(value: string, marks: [number, number][]): Cut {
  if (value.length <= LONG_CHARS) return { value, marks, before: 0, after: 0 };
  const first = marks.length ? Math.min(...marks.map((m) => m[0])) : 0;
  const from = Math.max(0, Math.min(first, value.length) - AROUND_CHARS);
  const to = Math.min(value.length, from + LONG_CHARS);
  return {
    value: value.slice(from, to),
    marks: marks.map(([a, b]) => [a - from, b - from]),
    before: from,
    after: value.length - to,
  };
}

export interface Part {
  selection: string;
  field: string | null;
  asks: { operator: string; wanted: string }[];
  value: string;
  marks: [number, number][];
}

/** What was asked of the same value by the same part of the rule is said, and marked, together. */
export function together(why: readonly Why[]): Part[] {
  const out: Part[] = [];
  for (const w of why) {
    const same = out.find((p) => p.selection === w.selection && p.field === w.field && p.value === w.value);
    const ask = { operator: w.operator, wanted: w.wanted };
    if (same) {
      same.asks.push(ask);
      same.marks.push(...w.marks);
    } else {
      out.push({ selection: w.selection, field: w.field, asks: [ask], value: w.value, marks: [...w.marks] });
    }
  }
  return out;
}

function Asked({ p }: { p: Part }) {
  const list = new Intl.ListFormat(language.value, { type: 'conjunction' }).formatToParts(p.asks.map((_, i) => String(i)));
  let last = '';
  return (
    <span class="rule">
      <span class="selection">{visible(p.selection)}</span>
      {p.field === null ? <span>{t('why.anywhere')}</span> : <code>{visible(p.field)}</code>}{' '}
      {list.map((piece, i) => {
        if (piece.type === 'literal') return piece.value;
        const ask = p.asks[Number(piece.value)] as Part['asks'][number];
        const op = ask.operator === last ? '' : `${tOr(`op.${ask.operator}`, ask.operator)} `;
        last = ask.operator;
        return (
          <span key={i}>
            {op}
            {ask.wanted !== '' && <code>{visible(ask.wanted)}</code>}
          </span>
        );
      })}
    </span>
  );
}

export function WhyView({ why }: { why: Why[] }) {
  if (!why.length) return <p class="soft">{t('why.none')}</p>;
  const parts = together(why);
  return (
    <>
      <p class="soft">{tn('why.lead', parts.length)}</p>
      <ol class="why">
        {parts.map((p, i) => {
          const cut = cutAround(p.value, p.marks);
          return (
            <li key={i}>
              <Asked p={p} />
              <code class="bytes">
                {cut.before > 0 && <span class="cut">{t('why.cut_before', { n: cut.before })} </span>}
                {cut.value === '' && <span class="quiet">{t('why.empty')}</span>}
                {pieces(cut.value, cut.marks).map((c, j) => (c.marked ? <mark key={j}>{c.text}</mark> : c.text))}
                {cut.after > 0 && <span class="cut"> {t('why.cut_after', { n: cut.after })}</span>}
              </code>
            </li>
          );
        })}
      </ol>
    </>
  );
}
