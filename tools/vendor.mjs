/**
 * Bundles msgpackr into dist/vendored, where `#msgpackr` (package.json, `imports`) finds it. As a dependency it would
 * bring an install script for a native part that is not used here: pnpm ends with an error for that, npm warns.
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

await build({
  stdin: { contents: "export { Packr, Unpackr } from 'msgpackr';", resolveDir: root },
  outfile: join(root, 'dist/vendored/msgpackr.mjs'),
  bundle: true,
  format: 'esm',
  target: 'node20',
  // The entry without the native part.
  conditions: ['browser'],
  banner: { js: '// msgpackr, https://github.com/kriszyp/msgpackr, MIT License, copyright (c) 2020 Kris Zyp' },
  logLevel: 'warning',
});
copyFileSync(join(root, 'node_modules/msgpackr/LICENSE'), join(root, 'dist/vendored/msgpackr.LICENSE'));
