// SPDX-License-Identifier: EUPL-1.2
// Why it fired: what each part of the rule asked, then the record's own bytes with what matched marked.
import { t, tn, tOr } from '../base/i18n';
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

function Asked({ w }: { w: Why }) {
  const op = tOr(`op.${w.operator}`, w.operator);
  return (
    <span class="rule">
      {w.field === null ? <span>{t('why.anywhere')}</span> : <code>{visible(w.field)}</code>} {op}{' '}
      {w.wanted !== '' && <code>{visible(w.wanted)}</code>}
      <span class="selection">{visible(w.selection)}</span>
    </span>
  );
}

export function WhyView({ why }: { why: Why[] }) {
  if (!why.length) return <p class="soft">{t('why.none')}</p>;
  return (
    <>
      <p class="soft">{tn('why.lead', why.length)}</p>
      <ol class="why">
        {why.map((w, i) => {
          const cut = cutAround(w.value, w.marks);
          return (
            <li key={i}>
              <Asked w={w} />
              <code class="bytes">
                {cut.before > 0 && <span class="cut">{t('why.cut_before', { n: cut.before })} </span>}
                {cut.value === '' && <span class="quiet">{t('why.empty')}</span>}
                {pieces(cut.value, cut.marks).map((p, j) => (p.marked ? <mark key={j}>{p.text}</mark> : p.text))}
                {cut.after > 0 && <span class="cut"> {t('why.cut_after', { n: cut.after })}</span>}
              </code>
            </li>
          );
        })}
      </ol>
    </>
  );
}
