// SPDX-License-Identifier: EUPL-1.2
// Every text exists in every language, with the same placeholders; every key in the code has a text.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { chooseLanguage, fill, LANGUAGES, loadLanguage, t, tn } from '../src/base/i18n';
import { KEYS } from '../src/base/keys';

type Texts = Record<string, string | boolean>;
const root = join(process.cwd(), '..');
const read = (code: string): Texts => JSON.parse(readFileSync(join(root, 'i18n', `${code}.json`), 'utf8')) as Texts;
const en = read('en');
const keysOf = (x: Texts): string[] => Object.keys(x).filter((k) => !k.startsWith('_'));
const holes = (s: string | boolean | undefined): string[] => (String(s).match(/\{\w+\}/g) ?? []).sort();

const PLURAL = /\.(zero|one|two|few|many|other)$/;
/** Keys that the code builds from a word of the API or of a table. */
const NAMED = ['op.', 'history.', 'anomaly.', 'view.', 'key.', 'keys.', 'act.closed_', 'act.nothing_', 'alerts.caption_', 'policy.', 'story.did_', 'warning.did_'];

const sources = (dir: string): string[] =>
  readdirSync(dir).flatMap((n) => {
    const p = join(dir, n);
    return statSync(p).isDirectory() ? sources(p) : /\.tsx?$/.test(n) ? [readFileSync(p, 'utf8')] : [];
  });
const code = sources(join(process.cwd(), 'src')).join('\n').replace(/^\s*\/\/.*$/gm, '');
// Texts whose end comes from a value: t(`level.${x}`), <State group="link_state" …>.
const BUILT = [
  ...NAMED,
  ...[...code.matchAll(/`([a-z_]+\.[a-z_]*)\$\{/g)].map((m) => m[1] as string),
  ...[...code.matchAll(/\bgroup="([a-z_]+)"/g)].map((m) => `${m[1]}.`),
];

test('each language the desk offers is complete and says whether it was reviewed', () => {
  for (const { code: lang } of LANGUAGES) {
    const x = read(lang);
    assert.equal(typeof x._reviewed, 'boolean', lang);
    const rules = new Intl.PluralRules(lang);
    for (const k of keysOf(en)) {
      if (PLURAL.test(k) && !k.endsWith('.other') && x[k] === undefined) continue; // a form this language lacks
      assert.equal(typeof x[k], 'string', `${lang}: ${k} is missing`);
      assert.notEqual(String(x[k]).trim(), '', `${lang}: ${k} is empty`);
      // "one" may spell the number out.
      if (!k.endsWith('.one')) assert.deepEqual(holes(x[k]), holes(en[k]), `${lang}: ${k} has other placeholders`);
    }
    for (const k of keysOf(x)) {
      const inEnglish = en[k] ?? en[k.replace(PLURAL, '.other')];
      assert.notEqual(inEnglish, undefined, `${lang}: ${k} is not in en.json`);
    }
    assert.ok(rules.resolvedOptions().pluralCategories.includes('other'));
  }
});

test('each key in the code has a text', () => {
  for (const m of code.matchAll(/\bt\(\s*'([^']+)'/g)) assert.equal(typeof en[m[1] as string], 'string', `t('${m[1]}')`);
  for (const m of code.matchAll(/\btn\(\s*'([^']+)'/g)) {
    for (const form of ['one', 'other']) assert.equal(typeof en[`${m[1]}.${form}`], 'string', `tn('${m[1]}') lacks .${form}`);
  }
  for (const k of Object.values(KEYS)) assert.equal(typeof en[k.text], 'string', k.text);
});

test('each reason of the policy has a text', () => {
  const table = readFileSync(join(process.cwd(), '..', 'src/policy/tables.def'), 'utf8');
  const keys = [...table.matchAll(/^REASON\(\w+, "([^"]+)"/gm)].map((m) => m[1] as string);
  assert.ok(keys.length > 20);
  for (const k of keys) assert.equal(typeof en[k], 'string', k);
});

test('no text is left over', () => {
  for (const k of keysOf(en)) {
    const stem = k.replace(PLURAL, '');
    const used = code.includes(`'${k}'`) || code.includes(`'${stem}'`) || BUILT.some((b) => k.startsWith(b));
    assert.ok(used, `${k} is used nowhere`);
  }
});

test('no text speaks a verdict, shouts or asks again', () => {
  for (const { code: lang } of LANGUAGES) {
    for (const [k, v] of Object.entries(read(lang))) {
      assert.doesNotMatch(String(v), /\b(liable|compliant|negligent|reportable|breach|failed to|forgot|oops|are you sure)\b|!/i, `${lang}: ${k}`);
    }
  }
});

test('plural forms by the language', async () => {
  assert.equal(tn('alerts.fresh', 1), 'One new');
  assert.equal(tn('alerts.fresh', 4), '4 new');
  assert.equal(tn('alerts.fresh', 0), '0 new');
  assert.equal(tn('alerts.open', 1_500_000), '1.5 million open alerts.');
  await loadLanguage('es');
  assert.equal(tn('alerts.fresh', 1), 'Una nueva');
  assert.equal(tn('alerts.fresh', 4), '4 nuevas');
  await loadLanguage('en');
});

test('placeholders, unknown keys, languages', async () => {
  assert.equal(fill('{a} of {b}', { a: 1, b: 'x' }), '1 of x');
  assert.equal(fill('{a} and {c}', { a: '{c}' }), '{c} and {c}');
  assert.equal(t('no.such.key'), 'no.such.key');
  assert.equal(chooseLanguage('', ['pt-PT', 'es-MX', 'en']), 'es');
  assert.equal(chooseLanguage('en', ['es']), 'en');
  assert.equal(chooseLanguage('xx', []), 'en');
  await loadLanguage('xx');
  assert.equal(t('nav.alerts'), 'Alerts');
});
