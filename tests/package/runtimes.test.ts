import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TALES } from '../support/shipped.js';
import { appFor, callbackAppFor, FAST, installPacked, isPackageRun, run, runApp, skipped } from './packed.js';

/** Packages that hold these runtimes as programs, for this system alone. */
const isHere = process.platform === 'linux' && process.arch === 'x64';
const RUNTIMES = isHere ? ['@oven/bun-linux-x64@1.4', '@deno/linux-x64-glibc@2.9'] : [];
const elsewhere = isHere ? '' : ' (skipped: named for Linux on x64 alone)';

/** By Node's documents, "Single executable applications": what marks the place of the app in the program. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

describe.skipIf(!isPackageRun)(`the installed package${skipped}`, { timeout: 300_000 }, () => {
  const folder = isPackageRun ? mkdtempSync(join(tmpdir(), 'flashrow-runtimes-')) : '';
  const place = (name: string) => join(folder, name);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeAll(async () => {
    await installPacked(folder, '--ignore-scripts', 'postject@1.0.0-alpha.6', ...RUNTIMES);
    writeFileSync(place('app.mjs'), appFor(TALES));
  }, 600_000);

  it.skipIf(!isHere)(`runs on Bun, with its kernels${elsewhere}`, async () => {
    expect(await runApp(place('node_modules/@oven/bun-linux-x64/bin/bun'), ['app.mjs'], folder)).toEqual(FAST);
  });

  it.skipIf(!isHere)(`runs on Deno, with its kernels${elsewhere}`, async () => {
    const deno = place('node_modules/@deno/linux-x64-glibc/deno');
    chmodSync(deno, 0o755);
    expect(await runApp(deno, ['run', '--allow-all', 'app.mjs'], folder)).toEqual(FAST);
  });

  it('runs in a worker thread of an app', async () => {
    writeFileSync(place('worker.mjs'), "import { Worker } from 'node:worker_threads';\nnew Worker('./app.mjs');\n");
    expect(await runApp(process.execPath, ['worker.mjs'], folder)).toEqual(FAST);
  });

  it('runs in a single executable of Node.js, beside which node_modules lies', async () => {
    const first = "const { loadModel } = require('node:module').createRequire(process.execPath)('flashrow');";
    writeFileSync(place('single.cjs'), callbackAppFor(TALES, first));
    const config = { main: 'single.cjs', output: 'single.blob', disableExperimentalSEAWarning: true };
    writeFileSync(place('single.json'), JSON.stringify(config));
    await run(process.execPath, ['--experimental-sea-config', 'single.json'], { cwd: folder });
    const program = place(process.platform === 'win32' ? 'single.exe' : 'single');
    cpSync(process.execPath, program);
    const inject = [
      'node_modules/postject/dist/cli.js',
      program,
      'NODE_SEA_BLOB',
      'single.blob',
      '--sentinel-fuse',
      FUSE,
    ];
    await run(process.execPath, inject, { cwd: folder, maxBuffer: 1e7 });
    expect(await runApp(program, [], folder)).toEqual(FAST);
  });
});
