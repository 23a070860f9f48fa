// SPDX-License-Identifier: EUPL-1.2
// Log text is written by strangers. Control characters and the marks that turn the direction of text
// could make a record read other than it is; here each becomes something that can be seen.

// C0 except tab and newline, DEL and C1, zero-width and direction marks, separators, BOM, tag characters.
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

function name(ch: string): string {
  const code = ch.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, '0')}\u27e9`;
}

/** The same text with everything that hides made visible. CRLF stays a line break. */
export function visible(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(HIDDEN, name);
}

/** Prose whose lines were wrapped in a file: each paragraph and each point of a list becomes one line again. */
export const visibleProse = (text: string): string =>
  visible(text)
    .trim()
    .replace(/[ \t]*\n(?!\s*(?:\n|[-*\u2022]\s|\d+[.)]\s))(?<!\n[ \t]*\n)[ \t]*/g, ' ');

/** One line of it: for tables and headings. */
export const visibleLine = (text: string): string => visible(text.replace(/\s+/g, ' ').trim());

export interface Piece {
  text: string;
  marked: boolean;
}

/** Cuts a value at its marks. Marks are code-unit offsets; wrong, overlapping or reversed ones are mended. */
export function pieces(value: string, marks: readonly (readonly [number, number])[]): Piece[] {
  const sorted = marks
    .map(([a, b]) => [Math.max(0, a), Math.min(value.length, b)] as const)
    .filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b) && b > a)
    .sort((x, y) => x[0] - y[0]);
  const out: Piece[] = [];
  let at = 0;
  for (const [a, b] of sorted) {
    const from = Math.max(a, at);
    if (b <= from) continue;
    if (from > at) out.push({ text: visible(value.slice(at, from)), marked: false });
    const last = out[out.length - 1];
    if (last?.marked && from === at) last.text += visible(value.slice(from, b));
    else out.push({ text: visible(value.slice(from, b)), marked: true });
    at = b;
  }
  if (at < value.length) out.push({ text: visible(value.slice(at)), marked: false });
  return out;
}
