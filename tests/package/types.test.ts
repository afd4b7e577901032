import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'flashrow-types-'));
afterAll(() => rmSync(folder, { recursive: true }));

const APP = `
import { calibrateStore, FlashrowError, loadModel } from '${join(repository, 'dist/src/index.js')}';
export async function story(): Promise<string> {
  const model = await loadModel('model.gguf', { memory: '1GB', signal: AbortSignal.timeout(1000) });
  for await (const { text } of model.generate('Once')) console.log(text);
  const { layers } = await calibrateStore('model.gguf', ['text']);
  const rate: number = layers[0].falseNegativeRate;
  return \`\${rate} \${new FlashrowError('IO', 'x').code}\`;
}
export function remedy(error: unknown): number | string {
  if (!(error instanceof FlashrowError)) return 'not ours';
  if (error.code === 'DISK_FULL') return error.details.freeBytes;
  if (error.code === 'INSUFFICIENT_MEMORY') return error.details.plan?.minimumBytes ?? error.message;
  if (error.code === 'BAD_USAGE') return error.details.option ?? error.message;
  // @ts-expect-error: a lock is held by a process, not written in bytes
  return error.code === 'BUSY' ? error.details.neededBytes : error.message;
}
`;

it('the types need none of Node, and check as strictly as they come', async () => {
  const app = join(folder, 'app.mts');
  writeFileSync(app, APP);
  const tsc = join(repository, 'node_modules/typescript/bin/tsc');
  const flags = '--ignoreConfig --noEmit --strict --skipLibCheck false --module nodenext --target es2022 --types';
  const { stdout } = await run(process.execPath, [tsc, ...flags.split(' '), '', app]).catch((error) => error);
  expect(stdout).toBe('');
});
