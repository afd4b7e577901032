import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TALES } from '../support/shipped.js';

const run = promisify(execFile);
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
/** The compiled library alone, as a tracer or a bundle brings it: the kernels' folder stays behind. */
const folder = mkdtempSync(join(tmpdir(), 'flashrow-bundled-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(() => {
  cpSync(join(REPOSITORY, 'dist/src'), join(folder, 'dist/src'), { recursive: true });
  cpSync(join(REPOSITORY, 'dist/vendored'), join(folder, 'dist/vendored'), { recursive: true });
  cpSync(join(REPOSITORY, 'dist/native-bridge'), join(folder, 'dist/native-bridge'), { recursive: true });
  cpSync(join(REPOSITORY, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
});

const inApp = (body: string, env: object = {}) => {
  const library = pathToFileURL(join(folder, 'dist/src/index.js')).href;
  const program = `import { loadModel } from ${JSON.stringify(library)};
    const load = () => loadModel(${JSON.stringify(TALES)}, { contextSize: 32 });
    ${body}`;
  return run(process.execPath, ['--input-type=module', '-e', program], { env: { ...process.env, ...env } });
};
const twice =
  'for (let i = 0; i < 2; i++) { const model = await load(); console.log(model.info.kernels); await model.dispose(); }';

describe('an app that lost a part of the package', () => {
  it('is warned once that the kernels are not there, and runs', async () => {
    const { stdout, stderr } = await inApp(twice);
    expect(stdout).toBe('ts\nts\n');
    expect(
      stderr.match(/\[FLASHROW_SLOW_KERNELS\] FlashrowWarning: the compiled kernels of flashrow are not in use/g),
    ).toHaveLength(1);
  });

  it('is not warned where it asked for them', async () => {
    const { stdout, stderr } = await inApp(twice, { FLASHROW_ISA: 'ts' });
    expect([stdout, stderr]).toEqual(['ts\nts\n', '']);
  });

  it('is told how to bundle where the worker is not there', async () => {
    rmSync(join(folder, 'dist/src/api/worker.js'));
    const { stdout } = await inApp('await load().catch(({ code, message }) => console.log(code, message));');
    expect(stdout).toMatch(/^IO the engine's thread cannot start: .*worker\.js.*keep flashrow external/);
  });
});
