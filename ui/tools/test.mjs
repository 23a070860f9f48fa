// SPDX-License-Identifier: EUPL-1.2
// Bundles test/*.test.ts with esbuild (Node 18 reads no TypeScript) and runs them with node --test.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';

const at = (p) => new URL(p, import.meta.url).pathname;
const names = readdirSync(at('../test')).filter((n) => n.endsWith('.test.ts'));
const out = at('../node_modules/.tests');
rmSync(out, { recursive: true, force: true });
await build({
  entryPoints: names.map((n) => at(`../test/${n}`)),
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node18',
  outdir: out,
  outExtension: { '.js': '.mjs' },
  define: { 'import.meta.env.DEV': 'false' },
  logLevel: 'warning',
});
const run = spawnSync(
  process.execPath,
  ['--test', ...names.map((n) => `${out}/${n.replace(/\.ts$/, '.mjs')}`)],
  { stdio: 'inherit', cwd: at('..'), env: { ...process.env, TZ: 'Europe/Madrid' } },
);
process.exit(run.status ?? 1);
