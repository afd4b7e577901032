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
  for await (const piece of model.generate('Once')) if (piece.type === 'text') console.log(piece.text);
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

/** Options that may be undefined, and readonly lists, as an app passes them on. */
const EXACT = `
import * as flashrow from '${join(repository, 'dist/src/index.js')}';
const maybe = <T,>(value: T): T | undefined => (Math.random() < 0.5 ? value : undefined);
const signal = maybe(AbortSignal.timeout(1000));
const onProgress = maybe((progress: flashrow.Progress) => console.log(progress.stage, progress.done / progress.total));
const shared = { memory: maybe('1GB'), contextSize: maybe(64), exact: maybe(true), threads: maybe(1), cacheDir: maybe('c') };
const tuning = maybe({ selector: maybe('gate' as const), cache: maybe('lru' as const), state: maybe('f16' as const), direct: maybe(true) });
export async function all(stop: readonly string[] | undefined, number: number | undefined, yes: boolean | undefined): Promise<unknown> {
  const model = await flashrow.loadModel(new URL('file:///m'), { ...shared, tuning, signal, onProgress, sequences: number, maxQueue: number });
  const drawn = { maxTokens: number, temperature: number, topK: number, topP: number, minP: number, repeatPenalty: number, seed: number, typicalP: number, logprobs: yes, topLogprobs: number, logitBias: maybe({ 5: -1 }) };
  model.generate('x', { ...drawn, stop, ignoreEos: yes, parseSpecial: yes, cacheKey: maybe('k'), signal, onStart: maybe(() => {}), onProgress });
  model.chat([{ role: 'user', content: undefined }], { ...drawn, template: maybe('x'), templateVariables: maybe({}), signal });
  await model.evaluate([[1]], { signal, onProgress });
  await model.logprobs([1], 5, { signal });
  await model.tokenize('x', { addSpecial: yes, parseSpecial: yes });
  await model.dispose({ drain: yes });
  await flashrow.convertModel('a', 'b', { rows: maybe('f16'), dense: maybe('f16'), signal, onProgress });
  await flashrow.compareSelectors('a', { documents: ['x'] }, { ...shared, tuning, signal, onProgress });
  await flashrow.calibrateStore('a', ['x'], { tokens: number, falseNegativeRate: number, rank: number, seed: number, signal, onProgress });
  await flashrow.verifyStore('a', { signal, onProgress });
  await flashrow.examineModel('a', { cacheDir: maybe('c'), signal });
  await flashrow.pullModel('a/b', { ...shared, revision: maybe('r'), token: maybe('t'), endpoint: maybe('e'), stallMs: number, dryRun: yes, signal, onProgress });
  return [await flashrow.listModels({ cacheDir: maybe('c') }), await flashrow.removeModel('a', { cacheDir: maybe('c') }), await flashrow.plan('a', shared)];
}
`;

it.each(['--module nodenext', '--module esnext --moduleResolution bundler'])(
  'options may be undefined under exactOptionalPropertyTypes, %s',
  async (module) => {
    const app = join(folder, 'exact.mts');
    writeFileSync(app, EXACT);
    const tsc = join(repository, 'node_modules/typescript/bin/tsc');
    const flags = `--ignoreConfig --noEmit --strict --exactOptionalPropertyTypes --skipLibCheck false ${module} --target es2022 --types`;
    const { stdout } = await run(process.execPath, [tsc, ...flags.split(' '), '', app]).catch((error) => error);
    expect(stdout).toBe('');
  },
);

it('the types need none of Node, and check as strictly as they come', async () => {
  const app = join(folder, 'app.mts');
  writeFileSync(app, APP);
  const tsc = join(repository, 'node_modules/typescript/bin/tsc');
  const flags = '--ignoreConfig --noEmit --strict --skipLibCheck false --module nodenext --target es2022 --types';
  const { stdout } = await run(process.execPath, [tsc, ...flags.split(' '), '', app]).catch((error) => error);
  expect(stdout).toBe('');
});
