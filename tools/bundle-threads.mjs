/**
 * Bundles the worker into dist/threads, where src/api/worker-thread.ts looks for it: a model loads with half the
 * processor time where its threads have a few files to read in the place of 300. Each kind of thread has its own, and
 * reads no code of the other. Packages stay outside.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

const threads = join(root, 'dist/threads');
// Pieces are named by what is in them: older ones would stay beside them, and be packed.
rmSync(threads, { recursive: true, force: true });
await build({
  entryPoints: [join(root, 'dist/src/api/worker.js')],
  // As deep in dist as the bridge, which looks for its binaries from where it lies.
  outdir: threads,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'warning',
});
