import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build as esbuild } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TALES } from '../support/shipped.js';
import { appFor, callbackAppFor, FAST, installPacked, isPackageRun, run, runApp, skipped } from './packed.js';

describe.skipIf(!isPackageRun)(`an app that is made by${skipped}`, { timeout: 300_000 }, () => {
  const folder = isPackageRun ? mkdtempSync(join(tmpdir(), 'flashrow-bundlers-')) : '';
  const place = (name: string) => join(folder, name);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeAll(async () => {
    await installPacked(folder, '--ignore-scripts', 'webpack@5', '@vercel/nft@1', 'vite@8');
    writeFileSync(place('app.mjs'), appFor(TALES));
    writeFileSync(place('callback.mjs'), callbackAppFor(TALES));
  }, 600_000);

  const runFile = (path: string) => runApp(process.execPath, [path], dirname(path));

  it("Vercel's tracer, which Next.js makes a standalone folder with, has its kernels and its worker", async () => {
    writeFileSync(
      place('trace.mjs'),
      `import { nodeFileTrace } from '@vercel/nft';
       const { fileList } = await nodeFileTrace(['app.mjs'], { base: process.cwd() });
       console.log(JSON.stringify([...fileList]));`,
    );
    const { stdout } = await run(process.execPath, ['trace.mjs'], { cwd: folder, maxBuffer: 1e7 });
    for (const file of JSON.parse(stdout) as string[]) cpSync(place(file), join(place('standalone'), file));
    expect(await runFile(join(place('standalone'), 'app.mjs'))).toEqual(FAST);
  });

  it('esbuild in the CommonJS format, flashrow external', async () => {
    const outfile = place('bundled.cjs');
    const entryPoints = [place('callback.mjs')];
    await esbuild({ entryPoints, outfile, bundle: true, platform: 'node', format: 'cjs', external: ['flashrow'] });
    expect(await runFile(outfile)).toEqual(FAST);
  });

  it('Vite for a server, which keeps packages external by itself', async () => {
    writeFileSync(
      place('vite.mjs'),
      `import { build } from 'vite';
       const ssr = ${JSON.stringify(place('app.mjs'))};
       await build({ configFile: false, logLevel: 'error', build: { ssr, outDir: 'vite' } });`,
    );
    await run(process.execPath, ['vite.mjs'], { cwd: folder });
    expect(await runFile(join(place('vite'), 'app.js'))).toEqual(FAST);
  });

  it('webpack, flashrow external', async () => {
    writeFileSync(
      place('pack.mjs'),
      `import webpack from 'webpack';
       const output = { path: ${JSON.stringify(place('webpack'))}, filename: 'app.cjs' };
       const externals = { flashrow: 'import flashrow' };
       webpack({ target: 'node20', mode: 'production', entry: './callback.mjs', externals, output }, (error, stats) => {
         if (error || stats.hasErrors()) throw error ?? new Error(stats.toString());
       });`,
    );
    await run(process.execPath, ['pack.mjs'], { cwd: folder });
    expect(await runFile(join(place('webpack'), 'app.cjs'))).toEqual(FAST);
  });
});
