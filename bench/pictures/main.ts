import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { FlashrowError } from '../../src/errors.js';
import { planModel } from '../../src/index.js';
import { nodeInCgroup } from '../capped/cgroup.js';
import { DEFAULT_MODELS, NODE_BYTES } from '../capped/options.js';
import { runBench } from '../command.js';
import { describeMachine, machineLine } from '../machine.js';
import { prepareCheckpoint } from '../model/prepare.js';
import { parseFormat, parseShape } from '../model/shapes.js';
import { dropFromPageCache, filesOf } from '../page-cache.js';
import { markdownTable, threeDigits } from '../table.js';
import { prepareEyes } from './random-eyes.js';
import type { PictureAnswer, PictureTask } from './run-picture.js';

interface Flags {
  shape: string;
  format: string;
  cap: string;
  models: string;
  threads: string;
  json?: string;
}

const command = () =>
  new Command('bench:pictures')
    .description('A question about a picture and a region of it, under a memory cap: root, Linux, 5 GB of disk.')
    .exitOverride()
    .option('--shape <NAME>', 'the shape of the text half, as bench:capped has it', 'llama2-7b')
    .option('--format <F>', 'format of its matrices: f32, f16, q8_0, q4_0 or q4_1', 'q4_0')
    .option('--cap <SHARE>', 'memory, as a share of all weights', '50%')
    .option('--threads <T>', 'threads', `${Math.min(availableParallelism(), 8)}`)
    .option('--models <DIR>', 'the folder where models are made and kept', DEFAULT_MODELS)
    .option('--json <FILE>', 'also write everything measured as JSON; - is stdout');

const [CONTEXT, TEXT_TOKENS, NEW_TOKENS] = [1024, 24, 8];

await runBench(async (args, log) => {
  const flags = command()
    .parse([...args], { from: 'user' })
    .opts<Flags>();
  const share = /^(\d{1,3})%$/.exec(flags.cap)?.[1];
  if (share === undefined || process.platform !== 'linux' || process.getuid!() !== 0)
    throw new FlashrowError('BAD_USAGE', '--cap is a share, like 50%, and makes a memory cgroup: run as root on Linux');
  const shape = parseShape(flags.shape);
  const models = resolve(flags.models);
  const model = prepareCheckpoint(models, shape, parseFormat(flags.format, shape.shape), log);
  const { hiddenSize, vocabSize } = shape.shape;
  const regionId = vocabSize - 1;
  const vision = join(models, `ferret-eyes-${hiddenSize}-${vocabSize}`);
  prepareEyes(vision, hiddenSize, regionId, log);
  const files = [...filesOf(model), ...filesOf(vision)];
  const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0);
  const capBytes = Math.floor((bytes * Number(share)) / 100);
  const cacheDir = join(models, 'cache');
  const threads = Number(flags.threads);
  const asked = { vision, contextSize: CONTEXT, threads, cacheDir };
  const plan = await planModel(model, { ...asked, memory: capBytes });
  const memoryBytes = Math.floor(capBytes - plan.overheadBytes - NODE_BYTES);
  const task: PictureTask = {
    ...{ model, ...asked, memoryBytes, regionId, textTokens: TEXT_TOKENS, newTokens: NEW_TOKENS },
  };
  dropFromPageCache(files);
  log('asking');
  const script = fileURLToPath(new URL('./run-picture.js', import.meta.url));
  const outcome = await nodeInCgroup(capBytes, [script, JSON.stringify(task)]);
  const failed = outcome.exitCode !== 0 || outcome.killed > 0;
  const answer: PictureAnswer | null = failed ? null : JSON.parse(outcome.stdout);
  const machine = describeMachine();
  const mega = (value: number) => `${threeDigits(value / 1e6)} MB`;
  const rows = [
    ['weights', mega(bytes)],
    ['memory cap', `${mega(capBytes)} (${flags.cap})`],
    ['budget', mega(memoryBytes)],
    ['anonymous and shared memory at most', mega(outcome.anonymousBytes)],
    ['killed for want of memory', String(outcome.killed)],
    ...(answer === null
      ? [['failed', outcome.stderr.trim().split('\n').at(-1) ?? '']]
      : [
          ['loading', `${threeDigits(answer.loadSeconds)} s`],
          [`first token of a prompt of ${answer.promptTokens}`, `${threeDigits(answer.firstTokenSeconds)} s`],
          ['first token of another question about the picture', `${threeDigits(answer.secondQuestionSeconds)} s`],
          ['read for the prompt', mega(answer.payloadBytesRead.prefill)],
          ['tokens/s', threeDigits(answer.tokensPerSecond ?? Number.NaN)],
        ]),
  ].map(([what, value]) => ({ what, value }));
  const data = { machine, shape: shape.name, format: flags.format, bytes, capBytes, memoryBytes, outcome, answer };
  return { text: `${machineLine(machine)}\n\n${markdownTable(rows)}`, data, json: flags.json ?? null, failed };
});
