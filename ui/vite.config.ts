// SPDX-License-Identifier: EUPL-1.2
// Builds the desk into dist/: one page, hashed names, nothing inline (the CSP forbids it).
import { mkdirSync, writeFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vite';

// The theme is set by the script; blocking=render keeps a night watch from a white flash.
const blockRender: Plugin = {
  name: 'sereno-block-render',
  apply: 'build',
  transformIndexHtml: {
    order: 'post',
    handler: (html) =>
      html
        .replace('<script type="module" crossorigin', '<script type="module" blocking="render"')
        .replaceAll('<link rel="stylesheet" crossorigin', '<link rel="stylesheet"'),
  },
};

// What loads what, for tools/check-dist.mjs: it measures each page, not the sum of all.
const chunkGraph: Plugin = {
  name: 'sereno-chunk-graph',
  apply: 'build',
  writeBundle(_options, bundle) {
    const chunks = Object.values(bundle).flatMap((c) =>
      c.type !== 'chunk'
        ? []
        : [{
            file: c.fileName,
            source: c.facadeModuleId?.replace(/^.*\/(?=(ui\/src|i18n)\/)/, '') ?? null,
            entry: c.isEntry,
            imports: c.imports,
            dynamic: c.dynamicImports,
            css: [...(c.viteMetadata?.importedCss ?? [])],
          }],
    );
    const folder = new URL('node_modules/.sereno/', import.meta.url);
    mkdirSync(folder, { recursive: true });
    writeFileSync(new URL('chunks.json', folder), JSON.stringify(chunks));
  },
};

export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
  plugins: [blockRender, chunkGraph],
  build: {
    target: ['chrome123', 'firefox120', 'safari17.5'],
    outDir: 'dist',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: true,
  },
  server: {
    proxy: {
      '/api': { target: process.env.SERENO_URL ?? 'http://127.0.0.1:8899', ws: false },
      '/login': { target: process.env.SERENO_URL ?? 'http://127.0.0.1:8899' },
      '/logout': { target: process.env.SERENO_URL ?? 'http://127.0.0.1:8899' },
    },
    fs: { allow: ['..'] },
  },
});
