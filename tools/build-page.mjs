/**
 * Bundles the server's page, src/page, into dist/src/server/page, where the server finds it. It needs nothing else at
 * run time.
 */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'src/page');
const target = join(root, 'dist/src/server/page');

mkdirSync(target, { recursive: true });
for (const name of ['index.html', 'icon.svg']) cpSync(join(source, name), join(target, name));
await build({
  entryPoints: { page: join(source, 'main.tsx') },
  outdir: target,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  banner: {
    js: '// Holds, all under the MIT License: preact, (c) 2015-present Jason Miller; uPlot, (c) 2022 Leon Sorokin; eventsource-parser, (c) 2026 Espen Hovlandsdal',
  },
  legalComments: 'inline',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  tsconfig: join(source, 'tsconfig.json'),
  logLevel: 'warning',
});
await build({
  entryPoints: [join(source, 'page.css')],
  outdir: target,
  bundle: true,
  minify: true,
  legalComments: 'inline',
  logLevel: 'warning',
});
