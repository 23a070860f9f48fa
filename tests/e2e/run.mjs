// SPDX-License-Identifier: EUPL-1.2
// Runs one set of the page's tests for meson: run.mjs ui|mock|mock-axe|node|node-same|node-registers|node-people|node-privacy|node-today|node-pages [PROGRAM]. Exit 77 with a reason when what it
// needs is not installed (make test installs it); else the tests' own status.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const at = (p) => fileURLToPath(new URL(p, import.meta.url));
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const [what, program] = process.argv.slice(2);
const SETS = {
  ui: { needs: ['../../ui/node_modules/esbuild'], args: [at('../../ui/tools/test.mjs')] },
  mock: { needs: ['node_modules/playwright-core', '../../ui/dist/index.html'], browser: true, tests: ['e2e.test.mjs', 'share.test.mjs'] },
  'mock-axe': { needs: ['node_modules/playwright-core', '../../ui/dist/index.html'], browser: true, tests: ['a11y.test.mjs'] },
  node: { needs: ['node_modules/playwright-core'], browser: true, tests: ['node.test.mjs'], program: true },
  'node-registers': { needs: ['node_modules/playwright-core'], browser: true, tests: ['registers.test.mjs'], program: true },
  'node-people': { needs: ['node_modules/playwright-core'], browser: true, tests: ['people.test.mjs'], program: true },
  'node-privacy': { needs: ['node_modules/playwright-core'], browser: true, tests: ['privacy.test.mjs'], program: true },
  'node-today': { needs: ['node_modules/playwright-core'], browser: true, tests: ['today.test.mjs', 'me.test.mjs', 'doctor.test.mjs', 'chain.test.mjs'], program: true },
  'node-pages': { needs: ['node_modules/playwright-core'], browser: true, tests: ['history.test.mjs', 'changes.test.mjs', 'panels.test.mjs', 'brief.test.mjs', 'archive.test.mjs'], program: true },
  'node-same': { needs: ['node_modules/playwright-core'], browser: true, tests: ['e2e.test.mjs', 'a11y.test.mjs'], program: true },
};
const set = SETS[what];
if (!set || (set.program && !program)) {
  console.error('usage: run.mjs ui|mock|mock-axe|node|node-same|node-registers|node-people|node-privacy|node-today|node-pages [PROGRAM]');
  process.exit(2);
}
const skip = (why) => {
  console.log(why);
  process.exit(77);
};
for (const path of set.needs) {
  if (!existsSync(at(path))) skip(`${path.replace(/^(\.\.\/)+/, '')} is not there: run "make test", or "npm ci" in ui and tests/e2e`);
}
if (set.browser && !existsSync(chromium)) skip(`no browser at ${chromium}: install the package chromium, or set CHROMIUM`);

const env = { ...process.env };
for (const name of ['SERENO_PROGRAM', 'SERENO_URL', 'SERENO_COOKIE', 'SERENO_SEND']) delete env[name];
if (set.program) env.SERENO_PROGRAM = resolve(program); // the tests run in this folder, meson in its own
const args = set.args ?? ['--test', '--test-concurrency=1', ...set.tests.map((t) => at(t))];
const done = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: at('.'), env });
process.exit(done.status ?? 1);
