import { Command } from 'commander';
import { interruptSignal } from '../input/interrupt.js';
import { addModelOptions, MODEL_ARGUMENT, type ModelFlags, toModelOptions } from '../options/model-options.js';
import { integer, tokenIds } from '../options/option-values.js';
import { printJson, printLine } from '../output/output.js';
import { withModel } from './with-model.js';

interface LogprobsFlags extends ModelFlags {
  tokens: number[];
  top: number;
  json?: boolean;
}

export function logprobsCommand(): Command {
  const command = new Command('logprobs')
    .description('natural-log probabilities of the next token after each of the given ones, best first')
    .argument('<model>', MODEL_ARGUMENT)
    .requiredOption('--tokens <ids>', "token ids, taken as they are, like '[1,2]'", tokenIds('--tokens'))
    .option('--top <count>', 'candidates per position', integer('--top', 1), 10);
  return addModelOptions(command).action(logprobs);
}

async function logprobs(source: string, flags: LogprobsFlags): Promise<void> {
  const signal = interruptSignal();
  const rows = await withModel(source, toModelOptions(flags), signal, (model) =>
    model.logprobs(flags.tokens, flags.top, { signal }),
  );
  if (flags.json) return printJson({ rows });
  rows.forEach((row, position) => {
    printLine(`after ${position}: ${row.map(([id, lnp]) => `${id} ${lnp.toFixed(4)}`).join('  ')}`);
  });
}
