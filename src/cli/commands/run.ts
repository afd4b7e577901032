import { Command } from 'commander';
import { FlashrowError } from '../../errors.js';
import type { GenerateOptions, GenerationResult, Model, Receipt } from '../../runtime/api.js';
import { formatCount, plural } from '../format.js';
import { interruptSignal } from '../interrupt.js';
import { addModelOptions, MODEL_ARGUMENT, type ModelFlags, toModelOptions } from '../model-options.js';
import { badValue, decimal, integer, notBuiltYet, tokenIds } from '../option-values.js';
import { notice, printJson } from '../output.js';
import { progressBar } from '../progress.js';
import { formatReceipt } from '../receipt.js';
import { withModel } from '../with-model.js';

interface RunFlags extends ModelFlags {
  prompt?: string;
  tokens?: number[];
  chat?: boolean;
  maxTokens: number;
  temperature: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repeatPenalty: number;
  seed?: number;
  stop?: string[];
  ignoreEos?: boolean;
  trace?: string;
  json?: boolean;
}

/** A run that was interrupted before it generated has no receipt. */
type RunResult = Omit<GenerationResult, 'receipt'> & { receipt: Receipt | null };

const isShare = (value: number) => value > 0 && value <= 1;

export function runCommand(): Command {
  const command = new Command('run')
    .description('generate text: stdout is the text alone, the receipt goes to stderr')
    .argument('<model>', MODEL_ARGUMENT)
    .option('--prompt <text>', 'raw text to continue')
    .option('--tokens <ids>', "token ids to continue, taken as they are, like '[1,2]'", tokenIds('--tokens'))
    .option('--chat', 'put the prompt into the chat template of the model')
    .option('--max-tokens <count>', 'tokens to generate at most', integer('--max-tokens', 0), 256)
    .option(
      '--temperature <t>',
      '0 picks the likeliest token',
      decimal('--temperature', 'a number of at least 0', (t) => t >= 0),
      0,
    )
    .option('--top-k <count>', 'draw from the k likeliest tokens, 0 for all', integer('--top-k', 0))
    .option(
      '--top-p <share>',
      'draw from the likeliest tokens that make up this share',
      decimal('--top-p', 'a number above 0, at most 1', isShare),
    )
    .option(
      '--min-p <share>',
      'leave out tokens below this share of the likeliest one',
      decimal('--min-p', 'a number from 0 to 1', (p) => p >= 0 && p <= 1),
    )
    .option(
      '--repeat-penalty <factor>',
      '1 leaves repeats alone',
      decimal('--repeat-penalty', 'a number above 0', (p) => p > 0),
      1,
    )
    .option('--seed <number>', 'same seed, same draws', integer('--seed', 0))
    .option('--stop <text...>', 'end before any of these; may be repeated')
    .option('--ignore-eos', 'never draw an end-of-sequence token')
    .option('--trace <file>', 'record which bundles each token asks for in a new file, for replay');
  return addModelOptions(command).action(run);
}

async function run(source: string, flags: RunFlags): Promise<void> {
  const prompt = chosenPrompt(flags);
  const signal = interruptSignal();
  const result = await generate(source, flags, prompt, signal);
  if (flags.json) printJson(result);
  else finishText(result);
  if (result.finishReason === 'abort') process.exitCode = 130;
}

function chosenPrompt({ prompt, tokens, chat, stop }: RunFlags): string | number[] {
  if (stop?.includes('')) throw badValue('--stop', '', 'a text that is not empty');
  if (chat) throw notBuiltYet('--chat', 'write the template into --prompt, or give --tokens');
  if (prompt !== undefined && tokens !== undefined)
    throw new FlashrowError('BAD_USAGE', 'give --prompt or --tokens, not both');
  const chosen = prompt ?? tokens;
  if (chosen === undefined)
    throw new FlashrowError('BAD_USAGE', 'nothing to continue: give --prompt <text> or --tokens <ids>');
  return chosen;
}

/** The result; on an interrupt what there is of it, so that no generated text is lost. */
async function generate(
  source: string,
  flags: RunFlags,
  prompt: string | number[],
  signal: AbortSignal,
): Promise<RunResult> {
  try {
    return await withModel(source, toModelOptions(flags), signal, (model) => stream(model, flags, prompt, signal));
  } catch (error) {
    if (!(error instanceof FlashrowError && error.code === 'ABORTED')) throw error;
    return {
      text: '',
      tokens: [],
      finishReason: 'abort',
      usage: { prompt: 0, cached: 0, completion: 0 },
      receipt: null,
    };
  }
}

/** Writes pieces as they come, without `--json`. An interrupt leaves the loop: the result then holds what there is. */
async function stream(
  model: Model,
  flags: RunFlags,
  prompt: string | number[],
  signal: AbortSignal,
): Promise<GenerationResult> {
  const bar = progressBar('count');
  const onPrefill = (done: number, total: number) => bar.update('reading the prompt', done, total);
  const generation = model.generate(prompt, { ...generateOptions(flags), onPrefill });
  const pieces = generation[Symbol.asyncIterator]();
  const leave = () => pieces.return?.();
  signal.addEventListener('abort', leave);
  if (signal.aborted) leave();
  let written = 0;
  const write = (text: string) => {
    if (flags.json) return;
    process.stdout.write(text);
    written += text.length;
  };
  try {
    for await (const { text } of { [Symbol.asyncIterator]: () => pieces }) {
      bar.stop();
      write(text);
    }
    const result = await generation.result;
    // Pieces that were on their way when the loop was left.
    write(result.text.slice(written));
    return result;
  } finally {
    bar.stop();
  }
}

const generateOptions = (flags: RunFlags): GenerateOptions => ({
  maxTokens: flags.maxTokens,
  temperature: flags.temperature,
  topK: flags.topK,
  topP: flags.topP,
  minP: flags.minP,
  repeatPenalty: flags.repeatPenalty,
  seed: flags.seed,
  stop: flags.stop,
  ignoreEos: flags.ignoreEos,
  trace: flags.trace,
});

const ENDINGS = { stop: 'stopped', length: 'the limit was reached', abort: 'interrupted' };

function finishText({ usage, finishReason, receipt }: RunResult): void {
  if (process.stdout.isTTY) process.stdout.write('\n');
  const cached = usage.cached === 0 ? '' : ` (${formatCount(usage.cached)} reused)`;
  notice(
    `\n${plural(usage.prompt, 'prompt token')}${cached}, ${formatCount(usage.completion)} generated: ${ENDINGS[finishReason]}`,
  );
  if (receipt) notice(formatReceipt(receipt));
}
