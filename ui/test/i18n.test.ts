// SPDX-License-Identifier: EUPL-1.2
// Every text exists in every language, with the same placeholders; every key in the code has a text.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import english from '../../i18n/en.json';
import { chooseLanguage, fill, isReviewed, language, LANGUAGES, loadLanguage, t, tn } from '../src/base/i18n';
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

// That each language has each key, its placeholders and its forms: tests/tree/languages.py.
test('each language the desk offers says whether it was reviewed, and loads', async () => {
  for (const { code: lang, reviewed } of LANGUAGES) {
    assert.equal(read(lang)._reviewed, reviewed, lang);
    await loadLanguage(lang);
    assert.equal(language.value, lang);
    assert.equal(isReviewed(), read(lang)._reviewed, lang);
    assert.equal(t('nav.alerts'), read(lang)['nav.alerts'], lang);
  }
  await loadLanguage('en');
});

test('what a language lacks is said in English', async () => {
  await loadLanguage('de');
  assert.equal(t('nav.alerts'), 'Alarme');
  const own = english as Texts; // the object that the desk falls back to
  own['only.english'] = 'Only {n} in English';
  own['only.forms.other'] = '{n} in English';
  assert.equal(t('only.english', { n: 1234 }), 'Only 1.234 in English');
  assert.equal(tn('only.forms', 1), '1 in English');
  delete own['only.english'];
  delete own['only.forms.other'];
  await loadLanguage('en');
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
  await loadLanguage('hr');
  const croatian = [1, 3, 5, 11, 12, 21, 24, 111].map((n) => tn('alerts.open', n));
  assert.deepEqual(croatian, [
    '1 otvoren alarm.', '3 otvorena alarma.', '5 otvorenih alarma.', '11 otvorenih alarma.', '12 otvorenih alarma.',
    '21 otvoren alarm.', '24 otvorena alarma.', '111 otvorenih alarma.',
  ]);
  await loadLanguage('fr');
  assert.equal(tn('alerts.open', 0), '0 alerte ouverte.');
  assert.equal(tn('alerts.open', 2), '2 alertes ouvertes.');
  assert.equal(tn('alerts.open', 1_500_000), '1,5 million d’alertes ouvertes.');
  await loadLanguage('bg');
  assert.equal(tn('alerts.open', 1), 'Една отворена аларма.');
  assert.equal(tn('alerts.open', 21), '21 отворени аларми.');
  await loadLanguage('en');
});

test('placeholders, unknown keys, languages', async () => {
  assert.equal(fill('{a} of {b}', { a: 1, b: 'x' }), '1 of x');
  assert.equal(fill('{a} and {c}', { a: '{c}' }), '{c} and {c}');
  assert.equal(t('no.such.key'), 'no.such.key');
  assert.equal(chooseLanguage('', ['pt-PT', 'es-MX', 'en']), 'es');
  assert.equal(chooseLanguage('', ['hr-HR']), 'hr');
  assert.equal(chooseLanguage('en', ['es']), 'en');
  assert.equal(chooseLanguage('xx', []), 'en');
  await loadLanguage('xx');
  assert.equal(t('nav.alerts'), 'Alerts');
});
