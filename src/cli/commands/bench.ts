import { existsSync, readdirSync, statSync } from 'node:fs';
import { arch, release, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { cacheDirectory } from '../../disk/cache-dir.js';
import { makeFolder } from '../../disk/folders.js';
import { FlashrowError } from '../../errors.js';
import type { Examination } from '../../plan/examination.js';
import { interruptSignal } from '../input/interrupt.js';
import { addExamples } from '../options/help.js';
import { addModelOptions, type ModelFlags, parseSize, toModelOptions } from '../options/model-options.js';
import { formatShare } from '../output/format.js';
import { formatMeasurement, type MeasuredGeneration, type Measurement } from '../output/measurement.js';
import { notice, printJson, printLine } from '../output/output.js';
import { version } from '../output/version.js';
import { examineDisk, SIZE } from './examine-disk.js';
import { namedModel } from './named-model.js';
import { contextForRun } from './run-context.js';
import { withModel } from './with-model.js';

interface BenchFlags extends ModelFlags {
  size: number;
  json?: boolean;
}

const DEFAULT_BYTES = 256e6;
/** What a checkout has beside dist/. The package leaves it out. */
const SMALL_MODEL = fileURLToPath(new URL('../../../../weights/tales', import.meta.url));
/** Reads of a smaller file say little of a disk. */
const LARGE_FILE_BYTES = 64e6;
/** With less of the cores a measurement says little. */
const CALM_SHARE = 0.8;
const TOKENS = 64;
const PROMPT = `Once upon a time there was a small house at the edge of a forest. A girl lived in it with her grandmother and a grey cat. Every morning the girl went out to look for wood, and every evening she sat by the fire and listened to a story. One day the cat did not come home. The girl took a lamp and a piece of bread, and went to look for it. The wood was dark, and the wind was cold.`;

export function benchCommand(): Command {
  const command = new Command('bench')
    .description(
      'measure this machine to tell others: its disk, its kernels, and a short generation of a model; nothing is sent, and no path is in what it prints',
    )
    .argument('[model]', 'the model that generates (default: the small one of a checkout; an installation has none)')
    .option(
      `${SIZE} <bytes>`,
      'of the file that is written to be read where the model has no large file, and removed again',
      parseSize(SIZE),
      DEFAULT_BYTES,
    );
  addExamples(
    command,
    ['flashrow bench', 'the disk, the kernels, and the small model'],
    ['flashrow bench model.gguf --memory 2GB', 'a model of yours within a budget, as a row for a table'],
    ['flashrow bench model.gguf --json > machine.json', 'the whole measurement, for a report'],
  );
  return addModelOptions(command).action(bench);
}

async function bench(given: string | undefined, flags: BenchFlags): Promise<void> {
  const model = await modelToRun(given, flags.cacheDir);
  // First what may fail.
  const generation = await generate(model, flags);
  const examination = await examineDisk(largeFileOf(model) ?? cacheFolder(flags.cacheDir), flags.size);
  const measurement = measurementOf(examination, generation);
  const { coreShare } = measurement.kernels;
  if (coreShare < CALM_SHARE)
    notice(`note: other work left ${formatShare(coreShare)} of the cores, so these figures are too low; measure again`);
  if (flags.json) printJson(measurement);
  else printLine(formatMeasurement(measurement));
}

/** The path of the model. Throws what `namedModel` throws, and NOT_FOUND. */
async function modelToRun(given: string | undefined, cacheDir: string | undefined): Promise<string> {
  if (given !== undefined) {
    const { resolveSource } = await import('../../hub/resolve-source.js');
    return resolveSource(await namedModel(given, cacheDir), cacheDir);
  }
  if (existsSync(SMALL_MODEL)) return SMALL_MODEL;
  throw new FlashrowError(
    'NOT_FOUND',
    'an installation brings no model, as a checkout does; name one, like `flashrow bench model.gguf`',
    {
      path: SMALL_MODEL,
    },
  );
}

/** The largest file of a model, to read on its own disk; undefined where none is large enough. */
function largeFileOf(model: string): string | undefined {
  const files = statSync(model).isDirectory() ? readdirSync(model).map((name) => join(model, name)) : [model];
  const [largest] = files
    .map((path) => ({ path, bytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0 }))
    .sort((a, b) => b.bytes - a.bytes);
  return largest !== undefined && largest.bytes >= LARGE_FILE_BYTES ? largest.path : undefined;
}

function cacheFolder(cacheDir: string | undefined): string {
  const folder = cacheDirectory(cacheDir);
  makeFolder(folder);
  return folder;
}

/** The same text on every machine, without drafts: their gain depends on the text more than on the machine. */
async function generate(source: string, flags: BenchFlags): Promise<MeasuredGeneration> {
  const signal = interruptSignal();
  const options = { ...toModelOptions(flags), draft: 'off' } as const;
  const context = await contextForRun(source, PROMPT, { maxTokens: TOKENS, cacheDir: flags.cacheDir });
  return withModel(
    source,
    options,
    signal,
    async (model) => {
      const asked = { maxTokens: TOKENS, temperature: 0, repeatPenalty: 1, ignoreEos: true, signal };
      const { usage, receipt } = await model.generate(PROMPT, asked).result;
      signal.throwIfAborted();
      const { name, architecture, parameters } = model.info;
      const { ffnBytes, cachedShare, bytesPerToken } = model.plan;
      return { model: name, architecture, parameters, ffnBytes, cachedShare, bytesPerToken, usage, receipt };
    },
    context,
  );
}

function measurementOf({ cpu, memory, disk }: Examination, generation: MeasuredGeneration): Measurement {
  const { kernels, available, unavailableReason, weightBytesPerSecond, coreShare } = cpu;
  const { curve, direct, inMemory } = disk;
  return {
    flashrow: version,
    machine: {
      cpu: cpu.model.trim(),
      cores: cpu.cores,
      threads: cpu.threads,
      system: `${type()} ${release()} ${arch()}`,
      runtime: runtimeName(),
      ...memory,
    },
    disk: { bytesPerSecond: Math.max(...curve.map((point) => point.bytesPerSecond)), direct, inMemory, curve },
    kernels: { isa: kernels, available, compiled: unavailableReason === null, weightBytesPerSecond, coreShare },
    generation,
  };
}

function runtimeName(): string {
  const { bun, deno } = process.versions;
  if (bun !== undefined) return `Bun ${bun}`;
  return deno !== undefined ? `Deno ${deno}` : `Node ${process.version}`;
}
