import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { TALES } from '../support/shipped.js';
import { installPacked, isPackageRun, repository, run, skipped } from './packed.js';

const addon = process.platform === 'linux' ? 'flashrow.glibc.node' : 'flashrow.node';

const isAddon = (path: string) => path.endsWith('.node');

describe.skipIf(!isPackageRun)(`the packed tarball${skipped}`, () => {
  const folder = isPackageRun ? mkdtempSync(join(tmpdir(), 'flashrow-package-')) : '';
  let said = '';
  const installed = join(folder, 'node_modules/flashrow');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  beforeAll(async () => {
    said = await installPacked(folder);
  }, 600_000);

  it('runs the shipped model with SIMD kernels, though no install script ran and nothing was compiled', async () => {
    expect(existsSync(join(installed, 'native-bridge/build'))).toBe(false);
    const args = ['flashrow', 'run', TALES, '--prompt', 'Once', '--max-tokens', '8', '--json'];
    const { stdout } = await run('npx', ['--offline', ...args], { cwd: folder });
    const { text, receipt } = JSON.parse(stdout);
    expect(text).not.toBe('');
    expect(receipt.kernels).toMatch(process.arch === 'x64' ? /^avx/ : /^(neon|portable)/);
  });

  it('has no script that runs at an installation, nor has anything that it depends on', () => {
    const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
    const withScripts = Object.entries<{ hasInstallScript?: boolean }>(lock.packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => path);
    expect(withScripts).toEqual([]);
    // npm would compile for a file of this name, without any script.
    expect(existsSync(join(installed, 'binding.gyp'))).toBe(false);
  });

  it('is installed without a warning', () => {
    expect(said).toBe('');
  });

  it('has nothing to compile, and says so', async () => {
    const { stdout } = await run('npx', ['--offline', 'flashrow', 'build', '--json'], { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ compiled: false, kernels: expect.arrayContaining(['portable']) });
    expect(existsSync(join(installed, 'native-bridge/build'))).toBe(false);
  });

  it('is found by import and, where Node can, by require', async () => {
    const script = `import('flashrow').then(({ plan }) => plan(${JSON.stringify(TALES)})).then(({ fits }) => console.log(fits))`;
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

  it('has nothing for publint and attw to mend, where only ES modules are meant', async () => {
    const { tarball } = inject('packed');
    const lint = await run('npx', ['--yes', 'publint@0.3', tarball], { cwd: folder });
    expect(lint.stdout).toContain('All good!');
    // It exits with 1 where types cannot be found, or are those of another module system.
    const types = ['--yes', '@arethetypeswrong/cli@0.18', tarball, '--profile', 'esm-only'];
    await run('npx', types, { cwd: folder });
  });

  it('has what was compiled from a source that is still there, and no more', () => {
    const compiled = inject('packed').paths.filter(
      (path) => path.startsWith('dist/') && !/\/(vendored|threads|page)\//.test(path),
    );
    expect(compiled).toContain('dist/src/index.js');
    const sources = compiled.map((path) => path.replace('dist/', '').replace(/(\.d\.ts|\.js)$/, '.ts'));
    expect(sources.filter((source) => !existsSync(join(repository, source)))).toEqual([]);
  });

  it('brings the page of the server, small and whole', () => {
    const sizes = ['index.html', 'page.js', 'page.css', 'icon.svg'].map(
      (name) => statSync(join(installed, 'dist/src/server/page', name)).size,
    );
    expect(Math.min(...sizes)).toBeGreaterThan(100);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(150_000);
  });

  it('has no sources of tests or benchmarks, and is small', () => {
    const { paths, size } = inject('packed');
    expect(paths.filter((path) => /^(tests|bench|dist\/bench|dist\/tests)\//.test(path))).toEqual([]);
    expect(paths).toContain(`native-bridge/prebuilds/${process.platform}-${process.arch}/${addon}`);
    expect(size).toBeLessThan(40e6);
  });

  it('takes 40 MB with all that it depends on, and with the addons of all systems', () => {
    const bytesOf = (path: string) => {
      const status = statSync(join(folder, 'node_modules', path));
      return status.isFile() ? status.size : 0;
    };
    const files = readdirSync(join(folder, 'node_modules'), { recursive: true, encoding: 'utf8' });
    const [addons, others] = [files.filter(isAddon), files.filter((path) => !isAddon(path))].map((paths) =>
      paths.reduce((sum, path) => sum + bytesOf(path), 0),
    );
    // A checkout has compiled the addon of one system; all eight take 12.8 MB (INSTALL-01).
    expect(Math.max(addons, 13.5e6) + others).toBeLessThan(40e6);
  });
});
