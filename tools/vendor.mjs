/**
 * Bundles packages into dist/vendored, where `#NAME` (package.json, `imports`) finds them. As dependencies they would
 * cost an installation more than they are worth to it.
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

const VENDORED = [
  {
    // It would bring an install script for a native part that is not used here: pnpm ends with an error, npm warns.
    package: 'msgpackr',
    name: 'msgpackr',
    contents: "export { Packr, Unpackr } from 'msgpackr';",
    // The entry without the native part.
    conditions: ['browser'],
    origin: 'https://github.com/kriszyp/msgpackr, MIT License, copyright (c) 2020 Kris Zyp',
  },
  {
    // It would bring 8 MB, for the one function that lists a repository.
    package: '@huggingface/hub',
    name: 'hugging-face-hub',
    contents: "export { listFiles } from '@huggingface/hub';",
    conditions: [],
    origin: 'https://github.com/huggingface/huggingface.js, MIT License, copyright (c) 2023 Hugging Face',
  },
];

/** What is not used of a package that it needs does not come along, not even what would run when it is loaded. */
const onlyUsed = {
  name: 'only used',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^[@a-z]/ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === onlyUsed) return;
      return { ...(await resolve(path, { ...from, pluginData: onlyUsed })), sideEffects: false };
    });
  },
};

for (const { package: from, name, contents, conditions, origin } of VENDORED) {
  await build({
    stdin: { contents, resolveDir: root },
    outfile: join(root, `dist/vendored/${name}.mjs`),
    bundle: true,
    platform: conditions.includes('browser') ? 'browser' : 'node',
    format: 'esm',
    target: 'node20',
    conditions,
    banner: { js: `// ${from}, ${origin}` },
    plugins: [onlyUsed],
    logLevel: 'warning',
  });
  copyFileSync(join(root, 'node_modules', from, 'LICENSE'), join(root, `dist/vendored/${name}.LICENSE`));
}
