// SPDX-License-Identifier: EUPL-1.2
// What strangers wrote must neither hide nor run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutAround, together } from '../src/alerts/why';
import { safeLink } from '../src/alerts/ruleview';
import { layOut } from '../src/base/jsonview';
import { fold } from '../src/base/search';
import { pieces, visible, visibleLine, visibleProse } from '../src/base/visible';
import { curlLine, shellQuote } from '../src/sources/curl';

test('what hides is shown', () => {
  assert.equal(visible('a\u0000b\u001b[31m\u007f'), 'a␀b␛[31m␡');
  assert.equal(visible('factura\u202efdp.exe'), 'factura⟨U+202E⟩fdp.exe');
  assert.equal(visible('a\u200bb\ufeff\u2066'), 'a⟨U+200B⟩b⟨U+FEFF⟩⟨U+2066⟩');
  assert.equal(visible('tag\u{e0041}'), 'tag⟨U+E0041⟩');
  assert.equal(visible('one\r\ntwo\tthree\n'), 'one\ntwo\tthree\n');
  assert.equal(visible('one\rtwo'), 'one␍two');
  assert.equal(visible('naïve 日本 \u{1f600}'), 'naïve 日本 \u{1f600}');
  assert.equal(visibleLine('  a\n\n b '), 'a b');
});

test('wrapped prose flows again, its paragraphs and lists stay', () => {
  assert.equal(visibleProse('A script that has the name of a shell, or\nthat lies in a folder.\n'), 'A script that has the name of a shell, or that lies in a folder.');
  assert.equal(visibleProse('One.\r\n\r\nTwo\r\nand on.'), 'One.\n\nTwo and on.');
  assert.equal(visibleProse('Seen:\n- a shell\n  of a server\n* another\n1. first\n2) second'), 'Seen:\n- a shell of a server\n* another\n1. first\n2) second');
  assert.equal(visibleProse('a \n  \n b'), 'a \n  \n b');
  assert.equal(visibleProse('x\u202e\ny'), 'x\u27e8U+202E\u27e9 y');
});

test('marks cut a value wherever they are, and wrong ones do no harm', () => {
  const s = (v: string, m: [number, number][]) => pieces(v, m).map((p) => (p.marked ? `[${p.text}]` : p.text)).join('|');
  assert.equal(s('abcdef', []), 'abcdef');
  assert.equal(s('abcdef', [[1, 3]]), 'a|[bc]|def');
  assert.equal(s('abcdef', [[4, 6], [0, 2]]), '[ab]|cd|[ef]');
  assert.equal(s('abcdef', [[0, 3], [2, 5]]), '[abcde]|f');
  assert.equal(s('abcdef', [[0, 3], [1, 2]]), '[abc]|def');
  assert.equal(s('abc', [[-5, 99]]), '[abc]');
  assert.equal(s('abc', [[2, 1], [7, 9], [NaN, 2]]), 'abc');
  assert.equal(s('', [[0, 4]]), '');
  assert.equal(s('a\u202eb', [[1, 2]]), 'a|[⟨U+202E⟩]|b');
});

test('long values are shown around their first mark', () => {
  const v = `${'x'.repeat(9000)}HIT${'y'.repeat(9000)}`;
  const cut = cutAround(v, [[9000, 9003]]);
  assert.equal(cut.value.length, 4000);
  const [a, b] = cut.marks[0] as [number, number];
  assert.equal(cut.value.slice(a, b), 'HIT');
  assert.equal(cut.before + cut.value.length + cut.after, v.length);
  assert.equal(cutAround('short', []).before, 0);
});

test('what was asked of one value stands together', () => {
  const w = (selection: string, field: string | null, wanted: string, value = 'v') => ({ selection, field, operator: 'contains', wanted, value, marks: [[0, 1]] as [number, number][] });
  const parts = together([w('s', 'A', '1'), w('s', 'A', '2'), w('t', 'A', '1'), w('s', null, '1'), w('s', 'A', '3', 'other')]);
  assert.deepEqual(parts.map((p) => p.asks.length), [2, 1, 1, 1]);
  assert.equal(parts[0]?.marks.length, 2);
});

test('a record is laid out without touching its values', () => {
  const lay = (s: string) => layOut(s)?.map((k) => k.text).join('') ?? null;
  assert.equal(lay('{"a":1,"b":[true,null],"c":{}}'), '{\n  "a": 1,\n  "b": [\n    true,\n    null\n  ],\n  "c": {}\n}');
  assert.equal(lay('{"n":18446744073709551615,"n":1.10e+5}'), '{\n  "n": 18446744073709551615,\n  "n": 1.10e+5\n}');
  assert.equal(lay(' [ ] '), '[]');
  assert.equal(lay('{"a":"\\"}{\\\\"}'), '{\n  "a": "\\"}{\\\\"\n}');
  for (const not of ['', 'plain text', '"only a string"', '{"a":}', '{"a":1', '42', `${'['.repeat(100)}${']'.repeat(100)}`]) assert.equal(lay(not), null, not);
});

test('only web addresses become links', () => {
  assert.equal(safeLink('https://example.org/a b'), 'https://example.org/a%20b');
  for (const bad of ['javascript:alert(1)', 'data:text/html,x', 'no link', ' ', 'JaVaScRiPt:alert(1)', 'file:///etc/passwd']) assert.equal(safeLink(bad), null, bad);
});

test('the curl line survives any token', () => {
  assert.equal(shellQuote("it's"), `'it'\\''s'`);
  assert.match(curlLine('abc', 'https://n.example/ingest'), /'Authorization: Bearer abc'/);
  assert.match(curlLine(null, 'https://n.example/ingest'), /\$TOKEN/);
});

test('search ignores case and accents', () => {
  assert.equal(fold('Crítica ŠKODA'), 'critica skoda');
});
