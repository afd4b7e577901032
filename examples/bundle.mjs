// Bundles an app with esbuild. Two things are not JavaScript of the app's own and need a word each:
// the engine's worker is an entry point beside the app's; the compiled kernels are a file, copied beside the bundle.
//
//     node examples/bundle.mjs APP.mjs OUTPUT_FOLDER && node OUTPUT_FOLDER/app.js MODEL
import { cpSync, existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const [app = 'examples/tell-story.mjs', output = 'bundle'] = process.argv.slice(2);
await build({
  entryPoints: [
    { in: app, out: 'app' },
    { in: 'flashrow/worker', out: 'worker' },
  ],
  outdir: output,
  bundle: true,
  // What is imported when it is needed stays so.
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  // Some dependencies are CommonJS and ask for Node's own modules by `require`.
  banner: {
    js: "import { createRequire as bundleRequire } from 'node:module'; const require = bundleRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
// For Node: these are ES modules.
writeFileSync(join(output, 'package.json'), '{ "type": "module" }\n');
const kernels = join(dirname(createRequire(import.meta.url).resolve('flashrow/package.json')), 'native-bridge');
for (const folder of ['build', 'prebuilds'])
  if (existsSync(join(kernels, folder)))
    cpSync(join(kernels, folder), join(output, 'native-bridge', folder), { recursive: true });
