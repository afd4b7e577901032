import { Command } from 'commander';
import { WRITABLE_FORMATS } from '../../../native-bridge/formats.js';
import type { FormatRequest } from '../../store/format-choice.js';
import { interruptSignal } from '../input/interrupt.js';
import { addExamples } from '../options/help.js';
import { choice } from '../options/option-values.js';
import { requantizedSummary } from '../output/conversion-notice.js';
import { formatBytes, formatMs } from '../output/format.js';
import { notice, printJson, printLine } from '../output/output.js';
import { withProgress } from '../output/task-progress.js';

interface ConvertFlags {
  rows: FormatRequest;
  dense: FormatRequest;
  json?: boolean;
}

const formatOption = (option: string) => choice(option, ['source', ...WRITABLE_FORMATS]);
const FORMAT_NAMES = ['source', ...WRITABLE_FORMATS].join(', ');

export function convertCommand(): Command {
  const command = new Command('convert')
    .description('write a checkpoint as a store; a conversion that was cut short goes on where it stopped')
    .argument('<source>', 'a GGUF file or a Hugging Face folder')
    .argument('<store>', 'the folder to make')
    .option('--rows <format>', `format of the streamed rows: ${FORMAT_NAMES}`, formatOption('--rows'), 'source')
    .option('--dense <format>', `format of the resident half: ${FORMAT_NAMES}`, formatOption('--dense'), 'source')
    .action(convertCheckpoint);
  return addExamples(
    command,
    ['flashrow convert model.gguf store', 'write a store beside the file'],
    ['flashrow convert folder store --rows q4_1 --dense q8_0', 'in smaller formats, which lose some precision'],
  );
}

async function convertCheckpoint(source: string, store: string, flags: ConvertFlags): Promise<void> {
  const { convertModel } = await import('../../api/convert-model.js');
  const { result } = await withProgress({ keptIn: `${store}.partial`, asked: true }, (onProgress) =>
    convertModel(source, store, {
      rows: flags.rows,
      dense: flags.dense,
      signal: interruptSignal(),
      onProgress,
    }),
  );
  if (flags.json) return printJson(result);
  printLine(`${result.store}: ${formatBytes(result.bytes)} in ${formatMs(result.seconds * 1000)}`);
  for (const line of requantizedSummary(result.requantized)) notice(line);
  for (const file of result.readsFrom) notice(`the experts stay in ${file}: the store needs it where it is`);
}
