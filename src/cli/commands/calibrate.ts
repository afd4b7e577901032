import { Command } from 'commander';
import type { CalibrationResult } from '../../contract/protocol.js';
import { FlashrowError } from '../../errors.js';
import { splitDocuments } from '../../text/documents.js';
import { interruptSignal } from '../input/interrupt.js';
import { readText } from '../input/read-input.js';
import { addExamples } from '../options/help.js';
import { MODEL_ARGUMENT, parseMemory } from '../options/model-options.js';
import { badValue, decimal, integer } from '../options/option-values.js';
import { formatBytes, formatCount, formatShare, formatTable, plural } from '../output/format.js';
import { notice, printJson, printLine } from '../output/output.js';
import { IN_CACHE, withProgress } from '../output/task-progress.js';
import { namedModel } from './named-model.js';

interface CalibrateFlags {
  text?: string;
  tokens: number;
  falseNegatives: number;
  rank?: number;
  seed: number;
  memory?: number | string;
  threads?: number;
  cacheDir?: string;
  json?: boolean;
}

export function calibrateCommand(): Command {
  const command = new Command('calibrate')
    .description('train predictors for a ReLU model, so that --lossy reads only the rows a token is likely to need')
    .argument('<model>', MODEL_ARGUMENT)
    .option('--text <file>', 'a text like those the model will see; a line <|endoftext|> ends a document')
    .option('--tokens <count>', 'tokens of it to look at, a fifth only for measuring', integer('--tokens', 1), 20_000)
    .option(
      '--false-negatives <share>',
      'share of the active neurons that may be missed',
      decimal('--false-negatives', 'a share between 0 and 1', (share) => share > 0 && share < 1),
      0.03,
    )
    .option('--rank <rank>', 'the same rank for every layer (default: what pays, within 3% of the model)', parseRank)
    .option('--seed <number>', 'same seed, same predictors', integer('--seed', 0), 1)
    .option(
      '--memory <bytes>',
      'budget for running the model, like 2GB, 1.5GiB, 6G or 50% of what is left (default: 60%)',
      parseMemory,
    )
    .option('--threads <count>', 'compute threads (default: the cores available, at most 8)', integer('--threads', 1))
    .option('--cache-dir <folder>', 'where checkpoints are converted to')
    .action(calibrateModel);
  return addExamples(
    command,
    ['flashrow calibrate store --text stories.txt', 'train on a text like those to come'],
    ['flashrow calibrate store --text stories.txt --tokens 50000', 'train longer, and better'],
  );
}

function parseRank(text: string): number {
  const rank = integer('--rank', 1)(text);
  if (rank % 32 !== 0) throw badValue('--rank', text, 'a multiple of 32');
  return rank;
}

async function calibrateModel(given: string, flags: CalibrateFlags): Promise<void> {
  if (flags.text === undefined)
    throw new FlashrowError('BAD_USAGE', 'nothing to calibrate on: give --text <file>', { option: '--text' });
  const documents = splitDocuments(await readText('--text', flags.text));
  const source = await namedModel(given, flags.cacheDir);
  const { calibrateStore } = await import('../../api/calibrate-store.js');
  const { result } = await withProgress(IN_CACHE, (onProgress) =>
    calibrateStore(source, documents, {
      tokens: flags.tokens,
      falseNegativeRate: flags.falseNegatives,
      rank: flags.rank,
      seed: flags.seed,
      memory: flags.memory,
      threads: flags.threads,
      cacheDir: flags.cacheDir,
      signal: interruptSignal(),
      onProgress,
    }),
  );
  if (flags.json) return printJson(result);
  printLine(
    `${result.path}: ${formatBytes(result.bytes)}, ${formatShare(result.bytes / result.modelBytes)} of the model`,
  );
  notice(formatLayers(result));
}

function formatLayers({ layers, tokens, heldOutTokens }: CalibrationResult): string {
  const header = ['layer', 'rank', 'active', 'chosen', 'missed', '80% by', 'new at window 1', '4', '8'];
  const rows = layers.map((layer, index) => [
    String(index),
    formatCount(layer.rank),
    formatShare(layer.activeShare),
    formatShare(layer.chosenShare),
    formatShare(layer.falseNegativeRate),
    formatShare(layer.hotShare),
    ...[1, 4, 8].map((window) => formatShare(layer.reuse[window - 1].newShare)),
  ]);
  return `measured on ${plural(heldOutTokens, 'token')} of ${formatCount(tokens)}, held out from training\n${formatTable([header, ...rows])}`;
}
