/**
 * Bundles the worker into dist/threads, where src/api/worker-thread.ts looks for it: a model loads with half the
 * processor time where its threads have one file to read in the place of 300. Packages stay outside.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

await build({
  entryPoints: [join(root, 'dist/src/api/worker.js')],
  // As deep in dist as the bridge, which looks for its binaries from where it lies.
  outfile: join(root, 'dist/threads/worker.mjs'),
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'warning',
});
