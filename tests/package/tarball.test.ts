import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const isPackageRun = process.env.FLASHROW_TESTS === 'package';
const repository = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

describe.skipIf(!isPackageRun)(
  `the packed tarball${isPackageRun ? '' : ' (skipped: fetches packages; npm run test:package)'}`,
  () => {
    const folder = isPackageRun ? mkdtempSync(join(tmpdir(), 'flashrow-package-')) : '';
    const installed = join(folder, 'node_modules/flashrow');
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    beforeAll(async () => {
      const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: repository });
      const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('[')));
      writeFileSync(join(folder, 'package.json'), '{}');
      await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', join(folder, filename)], {
        cwd: folder,
      });
    }, 600_000);

    it('runs the shipped model with SIMD kernels, though no install script ran and nothing was compiled', async () => {
      expect(existsSync(join(installed, 'native-bridge/build'))).toBe(false);
      const args = [
        'flashrow',
        'run',
        'node_modules/flashrow/weights/tales',
        '--prompt',
        'Once',
        '--max-tokens',
        '8',
        '--json',
      ];
      const { stdout } = await run('npx', ['--offline', ...args], { cwd: folder });
      const { text, receipt } = JSON.parse(stdout);
      expect(text).not.toBe('');
      expect(receipt.kernels).toMatch(process.arch === 'x64' ? /^avx/ : /^(neon|portable)/);
    });

    it('brings the page of the server, small and whole', () => {
      const sizes = ['index.html', 'page.js', 'page.css', 'icon.svg'].map(
        (name) => statSync(join(installed, 'dist/src/server/page', name)).size,
      );
      expect(Math.min(...sizes)).toBeGreaterThan(100);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(150_000);
    });

    it('compiles nothing when its install script does run', async () => {
      await run(process.execPath, ['native-bridge/build.mjs'], { cwd: installed });
      expect(existsSync(join(installed, 'native-bridge/build'))).toBe(false);
    });

    it('is found by import and, where Node can, by require', async () => {
      const script =
        "import('flashrow').then(({ plan }) => plan('node_modules/flashrow/weights/tales')).then(({ fits }) => console.log(fits))";
      const { stdout } = await run(process.execPath, ['--eval', script], { cwd: folder });
      expect(stdout.trim()).toBe('true');
      const required = await run(
        process.execPath,
        ['--no-warnings', '--eval', "console.log(typeof require('flashrow').loadModel)"],
        {
          cwd: folder,
        },
      );
      expect(required.stdout.trim()).toBe('function');
    });

    const pack = async (): Promise<{ paths: string[]; size: number }> => {
      const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: repository });
      const [{ files, size }] = JSON.parse(stdout.slice(stdout.indexOf('[')));
      return { paths: files.map(({ path }: { path: string }) => path), size };
    };

    it('has what was compiled from a source that is still there, and no more', async () => {
      const compiled = (await pack()).paths.filter((path) => path.startsWith('dist/'));
      expect(compiled).toContain('dist/src/index.js');
      const sources = compiled.map((path) => path.replace('dist/', '').replace(/(\.d\.ts|\.js)$/, '.ts'));
      expect(sources.filter((source) => !existsSync(join(repository, source)))).toEqual([]);
    });

    it('has no sources of tests or benchmarks, and is small', async () => {
      const { paths, size } = await pack();
      expect(paths.filter((path) => /^(tests|bench|dist\/bench|dist\/tests)\//.test(path))).toEqual([]);
      expect(paths).toContain(`native-bridge/prebuilds/${process.platform}-${process.arch}/flashrow.node`);
      expect(size).toBeLessThan(15e6);
    });
  },
);
