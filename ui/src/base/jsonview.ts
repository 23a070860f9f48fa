// SPDX-License-Identifier: EUPL-1.2
// Lays a JSON record out for reading without parsing it into values: JSON.parse would round large
// numbers and drop duplicate keys, and this is evidence. Only white space between tokens changes.

export type TokenKind = 'key' | 'string' | 'other' | 'space';
export interface JsonToken {
  kind: TokenKind;
  text: string;
}

/** Deeper than this is shown as received: no real record is, and it bounds the indent. */
const MAX_DEPTH = 64;

const isSpace = (c: string): boolean => c === ' ' || c === '\n' || c === '\r' || c === '\t';

function stringEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i += 1) {
    const c = text[i];
    if (c === '\\') i += 1;
    else if (c === '"') return i + 1;
  }
  return -1;
}

/** Tokens with line breaks and indent, or null when the text is no JSON object or array. */
export function layOut(text: string): JsonToken[] | null {
  const first = text.trimStart()[0];
  if (first !== '{' && first !== '[') return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const out: JsonToken[] = [];
  let depth = 0;
  const push = (kind: TokenKind, s: string): void => {
    const last = out[out.length - 1];
    if (last && last.kind === kind && kind !== 'string') last.text += s;
    else out.push({ kind, text: s });
  };
  const newline = (): void => push('space', `\n${'  '.repeat(depth)}`);
  for (let i = 0; i < text.length; ) {
    const c = text[i] as string;
    if (isSpace(c)) {
      i += 1;
    } else if (c === '"') {
      const end = stringEnd(text, i);
      if (end < 0) return null;
      let after = end;
      while (after < text.length && isSpace(text[after] as string)) after += 1;
      push(text[after] === ':' ? 'key' : 'string', text.slice(i, end));
      i = end;
    } else if (c === '{' || c === '[') {
      let after = i + 1;
      while (after < text.length && isSpace(text[after] as string)) after += 1;
      if (text[after] === (c === '{' ? '}' : ']')) {
        push('other', c + text[after]);
        i = after + 1;
        continue;
      }
      depth += 1;
      if (depth > MAX_DEPTH) return null;
      push('other', c);
      newline();
      i += 1;
    } else if (c === '}' || c === ']') {
      depth -= 1;
      newline();
      push('other', c);
      i += 1;
    } else if (c === ',') {
      push('other', c);
      newline();
      i += 1;
    } else if (c === ':') {
      push('other', ': ');
      i += 1;
    } else {
      let end = i;
      while (end < text.length && !/[\s,:[\]{}"]/.test(text[end] as string)) end += 1;
      push('other', text.slice(i, end));
      i = end;
    }
  }
  return out;
}
