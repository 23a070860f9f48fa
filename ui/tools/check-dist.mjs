// SPDX-License-Identifier: EUPL-1.2
// Runs after each build: each page stays inside its budget, and everything inside the CSP.
// Fails the build when what a reader loads for some first page grows past 150 KB gzip: the page itself, the entry with its
// styles, the page's own chunk with all that it imports, and one language, the heaviest. Also when anything holds an inline
// script or style, or names anything outside this node. Which chunk imports which says chunks.json of vite.config.ts.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET_BYTES = 150 * 1024; // DESIGN.md §11, what one page needs, gzip
const root = new URL('../dist', import.meta.url).pathname;

const files = (dir) =>
  readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });

const wrong = [];
const sizes = new Map();
for (const path of files(root)) {
  const bytes = readFileSync(path);
  sizes.set(relative(root, path), gzipSync(bytes, { level: 9 }).length);
  const text = bytes.toString('utf8');
  if (path.endsWith('.html')) {
    if (/<script(?![^>]*\ssrc=)[^>]*>/.test(text)) wrong.push(`${path}: inline script`);
    if (/<style|\sstyle=|\son[a-z]+=/.test(text)) wrong.push(`${path}: inline style or handler`);
  }
  // Namespaces are names, never fetched.
  const outside = text.match(/https?:\/\/(?!www\.w3\.org\/)[a-z0-9.-]+\.[a-z]{2,}/i);
  if (outside) wrong.push(`${path}: names an outside address: ${outside[0]}`);
}

const graph = new Map(JSON.parse(readFileSync(new URL('../node_modules/.sereno/chunks.json', import.meta.url), 'utf8')).map((c) => [c.file, c]));
const languageOf = (file) => /^i18n\/(?:\w+\/)*([a-z]{2})\.json$/.exec(graph.get(file)?.source ?? '')?.[1];

/** A chunk and all that it imports, and their styles. */
function withImports(file, into = new Set()) {
  if (into.has(file)) return into;
  into.add(file);
  const chunk = graph.get(file);
  for (const css of chunk.css) into.add(css);
  for (const other of chunk.imports) withImports(other, into);
  return into;
}

/** What loads once `loaded` is there: chunks of languages, and others. */
const next = (loaded) => {
  const all = [...loaded].flatMap((file) => graph.get(file)?.dynamic ?? []);
  return { words: all.filter(languageOf), pages: all.filter((f) => !languageOf(f)) };
};

const sum = (set) => [...set].reduce((n, file) => n + sizes.get(file), 0);
/** The heaviest language of those whose words these chunks ask for. */
function heaviest(loaded) {
  const by = {};
  for (const file of new Set(next(loaded).words)) by[languageOf(file)] = (by[languageOf(file)] ?? 0) + sizes.get(file);
  return Object.entries(by).sort((a, b) => b[1] - a[1])[0] ?? ['en', 0];
}

const entry = [...graph.values()].find((c) => c.entry);
const always = withImports(entry.file, new Set([...sizes.keys()].filter((f) => /\.(html|svg)$/.test(f))));
const pages = [];
const seen = new Set(always);
function measure(name, loaded, fresh = loaded) {
  const [language, words] = heaviest(loaded);
  const bytes = sum(loaded) + words;
  pages.push({ name, bytes });
  if (bytes > BUDGET_BYTES) wrong.push(`${name} loads ${bytes} bytes gzip with ${language}, budget ${BUDGET_BYTES}`);
  // What only these bring: the other pages that the entry knows load instead of this one, not with it.
  for (const file of next(fresh).pages) {
    if (seen.has(file)) continue;
    seen.add(file);
    const all = withImports(file, new Set(loaded));
    measure((graph.get(file).source ?? file).replace(/^ui\/src\/|(\/pages?)?\.tsx?$/g, ''), all, new Set([...all].filter((f) => !loaded.has(f))));
  }
}
measure('alerts', always);

const unread = [...graph.keys()].filter((f) => !seen.has(f) && !languageOf(f) && ![...graph.values()].some((c) => c.imports.includes(f)));
if (unread.length) wrong.push(`no page loads ${unread.join(', ')}`);
if (wrong.length) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
const kib = (n) => (n / 1024).toFixed(1);
pages.sort((a, b) => b.bytes - a.bytes);
const code = sum([...sizes.keys()].filter((f) => !languageOf(f)));
console.log(`dist: ${pages.map((p) => `${p.name} ${kib(p.bytes)}`).join(', ')} KiB gzip of ${BUDGET_BYTES / 1024} each, with the heaviest language; all pages together ${kib(code)} and ${kib(sum(sizes.keys()) - code)} of languages`);
