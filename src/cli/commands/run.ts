import { Command } from 'commander';
import type { GenerationResult, Model, Receipt } from '../../contract/api.js';
import { FlashrowError } from '../../errors.js';
import type { Plan } from '../../plan/plan.js';
import { interruptSignal } from '../input/interrupt.js';
import { readText } from '../input/read-input.js';
import { contextForRun } from '../input/run-context.js';
import { addGenerationOptions, type GenerationFlags, toGenerateOptions } from '../options/generation-options.js';
import { addModelOptions, MODEL_ARGUMENT, type ModelFlags, toModelOptions } from '../options/model-options.js';
import { tokenIds } from '../options/option-values.js';
import { notice, printJson } from '../output/output.js';
import { formatReceipt, idleState } from '../output/receipt.js';
import { formatUsage, writeAnswer } from '../output/write-answer.js';
import { withModel } from './with-model.js';

interface RunFlags extends ModelFlags, GenerationFlags {
  prompt?: string;
  tokens?: number[];
  chat?: boolean;
  chatTemplate?: string;
  trace?: string;
  json?: boolean;
}

/** A run that was interrupted before it generated has no receipt. */
type RunResult = Omit<GenerationResult, 'receipt'> & { receipt: Receipt | null };

/** Starts the generation that was asked for. */
type Begin = (model: Model, options: Parameters<Model['generate']>[1]) => ReturnType<Model['generate']>;

export function runCommand(): Command {
  const command = new Command('run')
    .description('generate text: stdout is the text alone, the receipt goes to stderr')
    .argument('<model>', MODEL_ARGUMENT)
    .option('--prompt <text>', 'raw text to continue')
    .option('--tokens <ids>', "token ids to continue, taken as they are, like '[1,2]'", tokenIds('--tokens'))
    .option('--chat', 'put the prompt into the chat template of the model')
    .option('--chat-template <file>', 'a Jinja template instead of the one of the model, for --chat');
  addGenerationOptions(command, { maxTokens: 256, temperature: 0, repeatPenalty: 1 });
  command.option('--trace <file>', 'record which bundles each token asks for in a new file, for replay');
  return addModelOptions(command).action(run);
}

async function run(source: string, flags: RunFlags): Promise<void> {
  const options = { ...toGenerateOptions(flags), trace: flags.trace };
  const begin = await chosenPrompt(flags);
  const signal = interruptSignal();
  let plan: Plan | null = null;
  const result = await generate(source, flags, signal, (model) => {
    plan = model.plan;
    return writeAnswer((onPrefill) => begin(model, { ...options, ...onPrefill }), {
      quiet: flags.json === true,
      signal,
    });
  });
  if (flags.json) printJson(result);
  else finishText(result, plan);
  if (result.finishReason === 'abort') process.exitCode = 130;
}

async function chosenPrompt({ prompt, tokens, chat, chatTemplate }: RunFlags): Promise<Begin> {
  if (prompt !== undefined && tokens !== undefined)
    throw new FlashrowError('BAD_USAGE', 'give --prompt or --tokens, not both');
  const chosen = prompt ?? tokens;
  if (chosen === undefined)
    throw new FlashrowError('BAD_USAGE', 'nothing to continue: give --prompt <text> or --tokens <ids>');
  if (!chat) {
    if (chatTemplate !== undefined) throw new FlashrowError('BAD_USAGE', '--chat-template goes with --chat');
    return (model, options) => model.generate(chosen, options);
  }
  if (prompt === undefined) throw new FlashrowError('BAD_USAGE', '--chat takes its message from --prompt <text>');
  const template = chatTemplate === undefined ? undefined : await readText('--chat-template', chatTemplate);
  return (model, options) => model.chat([{ role: 'user', content: prompt }], { ...options, template });
}

/** The result; on an interrupt what there is of it, so that no generated text is lost. */
async function generate(
  source: string,
  flags: RunFlags,
  signal: AbortSignal,
  work: (model: Model) => Promise<GenerationResult>,
): Promise<RunResult> {
  try {
    return await withModel(source, toModelOptions(flags), signal, work, await contextForRun(source, flags));
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

function finishText(result: RunResult, plan: Plan | null): void {
  if (process.stdout.isTTY) process.stdout.write('\n');
  notice(`\n${formatUsage(result)}`);
  if (result.receipt === null) return;
  notice(formatReceipt(result.receipt));
  const idle = plan && idleState(plan, result.receipt, result.usage.prompt + result.usage.completion);
  if (idle) notice(`note: ${idle}`);
}
