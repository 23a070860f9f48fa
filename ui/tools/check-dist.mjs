// SPDX-License-Identifier: EUPL-1.2
// Runs after each build: the bundle stays inside its budget and inside the CSP.
// Fails the build when the desk grows past 150 KB gzip, holds an inline script or style,
// or names anything outside this node. Of the languages a reader loads one: the heaviest counts.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET_BYTES = 150 * 1024; // DESIGN.md §11, the whole desk, gzip
const root = new URL('../dist', import.meta.url).pathname;

const files = (dir) =>
  readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });

const LANGUAGE = /^([a-z]{2})-[\w-]+\.js$/; // what is imported of i18n/ and i18n/registers/
const languages = {};
let total = 0;
const wrong = [];
for (const path of files(root)) {
  const bytes = readFileSync(path);
  const size = gzipSync(bytes, { level: 9 }).length;
  const [, language] = LANGUAGE.exec(basename(path)) ?? [];
  if (language) languages[language] = (languages[language] ?? 0) + size;
  else total += size;
  const text = bytes.toString('utf8');
  if (path.endsWith('.html')) {
    if (/<script(?![^>]*\ssrc=)[^>]*>/.test(text)) wrong.push(`${path}: inline script`);
    if (/<style|\sstyle=|\son[a-z]+=/.test(text)) wrong.push(`${path}: inline style or handler`);
  }
  // Namespaces are names, never fetched.
  const outside = text.match(/https?:\/\/(?!www\.w3\.org\/)[a-z0-9.-]+\.[a-z]{2,}/i);
  if (outside) wrong.push(`${path}: names an outside address: ${outside[0]}`);
}
const heaviest = Object.entries(languages).sort((a, b) => b[1] - a[1])[0] ?? ['', 0];
total += heaviest[1];
if (total > BUDGET_BYTES) wrong.push(`dist is ${total} bytes gzip, budget ${BUDGET_BYTES}`);
if (wrong.length) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
console.log(`dist: ${(total / 1024).toFixed(1)} KiB gzip of ${BUDGET_BYTES / 1024}, with one of ${Object.keys(languages).length + 1} languages (${heaviest[0]}: ${(heaviest[1] / 1024).toFixed(1)})`);
