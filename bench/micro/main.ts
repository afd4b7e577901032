import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { FlashrowError } from '../../src/errors.js';
import { runBench } from '../command.js';
import { describeMachine, machineLine } from '../machine.js';
import { REPOSITORY } from '../repository.js';
import { markdownTable, type Row } from '../table.js';
import { cache } from './cache.js';
import { formats } from './formats.js';
import type { Group } from './group.js';
import { kernels } from './kernels.js';
import { onnxCall } from './onnx-call.js';
import { reads } from './reads.js';
import { sampler } from './sampler.js';
import { selectors } from './selectors.js';
import { tokenizer } from './tokenizer.js';

const GROUPS: readonly Group[] = [kernels, formats, reads, cache, selectors, onnxCall, tokenizer, sampler];
const MOST_THREADS = 8;

interface Options {
  only?: string;
  threads: string;
  folder: string;
  json?: string;
}

await runBench(async (args, log) => {
  const options = new Command('bench')
    .description('Micro benchmarks of the steps of a token, each beside the speed of the machine.')
    .exitOverride()
    .option('--only <PATTERN>', 'those whose group and name match, such as "kernels.*q4_1.*avx2" or "reads"')
    .option('--threads <T>', 'compute threads', `${Math.min(availableParallelism(), MOST_THREADS)}`)
    .option('--folder <DIR>', 'a folder on the disk to be measured', join(REPOSITORY, 'bench/models'))
    .option('--json <FILE>', 'also write the figures as JSON; - is stdout, the tables then go to stderr')
    .parse([...args], { from: 'user' })
    .opts<Options>();
  const threads = Number(options.threads);
  if (!Number.isInteger(threads) || threads < 1)
    throw new FlashrowError('BAD_USAGE', `--threads is a whole number from 1, not "${options.threads}"`);
  const pattern = toPattern(options.only ?? '');
  mkdirSync(options.folder, { recursive: true });
  const folder = mkdtempSync(join(resolve(options.folder), 'bench-'));
  const results: { title: string; note: string; rows: Row[] }[] = [];
  try {
    for (const { title, note, measure } of GROUPS) {
      log(title);
      const rows = await measure({ threads, folder, wanted: (name) => pattern.test(`${title} ${name}`) });
      if (rows.length > 0) results.push({ title, note, rows });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  if (results.length === 0) throw new FlashrowError('BAD_USAGE', `--only ${options.only} matches nothing`);
  const machine = describeMachine();
  const tables = results.map(({ title, note, rows }) => `## ${title}\n\n${note}\n\n${markdownTable(rows)}`);
  return {
    text: [machineLine(machine), `Threads: ${threads}.`, ...tables].join('\n\n'),
    data: { machine, threads, groups: results },
    json: options.json ?? null,
    failed: false,
  };
});

function toPattern(text: string): RegExp {
  try {
    return new RegExp(text, 'i');
  } catch {
    throw new FlashrowError('BAD_USAGE', `--only ${text} is not a regular expression`);
  }
}
