import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nativeUnavailableReason } from '../../dist/native-bridge/index.js';
import { flashrowJson } from '../support/flashrow.js';

const repository = fileURLToPath(new URL('../..', import.meta.url));
/** The package as it would be installed where it brings nothing that fits. */
const folder = mkdtempSync(join(tmpdir(), 'flashrow-build-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(() => {
  for (const name of ['dist/src', 'dist/native-bridge', 'native-bridge/src', 'package.json'])
    cpSync(join(repository, name), join(folder, name), { recursive: true });
  for (const name of ['build.mjs', 'compile.mjs', 'node-imports.mjs'])
    cpSync(join(repository, 'native-bridge', name), join(folder, 'native-bridge', name));
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
});

/** Runs `flashrow build --json` of that package. */
function build(env: NodeJS.ProcessEnv): {
  exitCode: number;
  json: Record<string, never> & { error: { code: string; message: string } };
} {
  try {
    const args = [join(folder, 'dist/src/cli/main.js'), 'build', '--json'];
    const stdout = execFileSync(process.execPath, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
    return { exitCode: 0, json: JSON.parse(String(stdout)) };
  } catch (error) {
    const { status, stdout } = error as { status: number; stdout: Buffer };
    return { exitCode: status, json: JSON.parse(String(stdout)) };
  }
}

describe('build', () => {
  test.skipIf(nativeUnavailableReason() !== null)('compiles nothing where the kernels work', async () => {
    const { exitCode, json } = await flashrowJson<{ compiled: boolean; kernels: string[] }>(['build']);
    expect({ exitCode, compiled: json.compiled }).toEqual({ exitCode: 0, compiled: false });
    expect(json.kernels).toContain('portable');
  });

  // A file system may keep 766.999 of the 767 ms that were set: the addon would seem older than its sources.
  test('takes an addon for as old as it was made to be', async () => {
    const { modified } = await import(new URL('../../native-bridge/compile.mjs', import.meta.url).href);
    const file = join(folder, 'dated');
    writeFileSync(file, '');
    for (let at = 1_795_844_534_000; at < 1_795_844_535_000; at++) {
      utimesSync(file, new Date(), new Date(at));
      expect(modified(file)).toBe(at);
    }
  });

  test('without a compiler fails, says which were looked for, and leaves nothing behind', () => {
    const { exitCode, json } = build({ CXX: 'no-such-compiler', PATH: '/nowhere' });
    expect({ exitCode, code: json.error.code }).toEqual({ exitCode: 1, code: 'UNSUPPORTED' });
    expect(json.error.message).toMatch(/no C\+\+ compiler was found .*g\+\+.*CXX/);
    expect(existsSync(join(folder, 'native-bridge/build'))).toBe(false);
  });

  test('with a compiler that fails tells its words, and leaves nothing half-written', () => {
    // It names a machine, and fails at everything else.
    const script =
      'if (process.argv.includes("-dumpmachine")) console.log("x86_64-linux-gnu"); else { console.error("error: it is Sunday"); process.exit(1); }';
    const compiler = join(folder, 'compiler.cjs');
    execFileSync(process.execPath, ['-e', `fs.writeFileSync(${JSON.stringify(compiler)}, ${JSON.stringify(script)})`]);
    const { exitCode, json } = build({ CXX: `${process.execPath} ${compiler}` });
    expect({ exitCode, code: json.error.code }).toEqual({ exitCode: 1, code: 'UNSUPPORTED' });
    expect(json.error.message).toContain('it is Sunday');
    expect(existsSync(join(folder, 'native-bridge/build/flashrow.node'))).toBe(false);
  });
});
