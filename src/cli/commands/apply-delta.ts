import { Command } from 'commander';
import { interruptSignal } from '../input/interrupt.js';
import { addExamples } from '../options/help.js';
import { warnedInCommandWords } from '../output/command-words.js';
import { formatBytes, formatMs } from '../output/format.js';
import { noteAll, printJson, printLine } from '../output/output.js';
import { withProgress } from '../output/task-progress.js';

export function applyDeltaCommand(): Command {
  const command = new Command('apply-delta')
    .description(
      "add a base model and a delta, as Ferret's weights are published, to one folder; what was cut short goes on where it stopped",
    )
    .argument('<base>', 'the folder of the base model, such as Vicuna 7B v1.3')
    .argument('<delta>', 'the folder of the delta')
    .argument('<folder>', 'the folder to make')
    .option('--mmproj <path>', 'the folder of CLIP ViT-L/14 at 336 pixels, the vision tower, to be a part of the model')
    .action(applyDeltaTo);
  return addExamples(
    command,
    ['flashrow apply-delta vicuna-7b ferret-7b-delta ferret-7b', 'make a model of the two'],
    [
      'flashrow apply-delta vicuna-7b delta ferret-7b --mmproj clip-vit-large-patch14-336',
      'with the tower that it sees by',
    ],
  );
}

interface DeltaFlags {
  mmproj?: string;
  json?: boolean;
}

async function applyDeltaTo(base: string, delta: string, folder: string, flags: DeltaFlags): Promise<void> {
  const { applyDelta } = await import('../../api/pictures/apply-delta.js');
  const { result } = await withProgress({ keptIn: `${folder}.partial`, asked: true }, (onProgress) =>
    applyDelta(base, delta, folder, { vision: flags.mmproj, signal: interruptSignal(), onProgress }),
  );
  noteAll(result.warnings);
  if (flags.json) return printJson(warnedInCommandWords(result));
  const { added, brought } = result;
  printLine(
    `${result.folder}: ${formatBytes(result.bytes)} in ${formatMs(result.seconds * 1000)}; tensors: ${added} added, ${brought} of the delta alone`,
  );
}
