import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import type { GenerationResult } from '../../contract/generation.js';
import type { Model } from '../../contract/model.js';
import type { Receipt } from '../../contract/receipt.js';
import { FlashrowError } from '../../errors.js';
import type { Plan } from '../../plan/plan.js';
import { interruptExitCode, interruptSignal } from '../input/interrupt.js';
import { readText } from '../input/read-input.js';
import { addGenerationOptions, type GenerationFlags, toGenerateOptions } from '../options/generation-options.js';
import { addExamples } from '../options/help.js';
import {
  type AnnotateFlags,
  addAnnotateOption,
  addImageOption,
  addRegionOption,
  messageAbout,
  ofLastPicture,
  type RegionFlags,
} from '../options/image-option.js';
import {
  addDraftOption,
  addModelOptions,
  MODEL_ARGUMENT,
  type ModelFlags,
  toModelOptions,
} from '../options/model-options.js';
import { tokenIds } from '../options/option-values.js';
import { type TemplateVariables, templateVariable } from '../options/template-variables.js';
import { warnedInCommandWords } from '../output/command-words.js';
import { endTextLine, noteAll, notice, printJson } from '../output/output.js';
import { formatReceipt, idleState } from '../output/receipt.js';
import { formatUsage, writeAnswer } from '../output/write-answer.js';
import { annotate, checkAnnotation, formatBox, requireBoxes } from './annotate.js';
import { checkPictures, idsWithPictures } from './check-pictures.js';
import { namedModel } from './named-model.js';
import { contextForRun } from './run-context.js';
import { chosenPrompt, type PromptFlags } from './run-prompt.js';
import { withModel } from './with-model.js';

interface RunFlags extends ModelFlags, GenerationFlags, PromptFlags, RegionFlags, AnnotateFlags {
  parseSpecial?: boolean;
  chat?: boolean;
  chatTemplate?: string;
  templateVar?: TemplateVariables;
  trace?: string;
  saveState?: string;
  loadState?: string;
  json?: boolean;
}

/** A run that was interrupted before it generated has no receipt. */
type RunResult = Omit<GenerationResult, 'receipt' | 'seed'> & { receipt: Receipt | null; seed: number | null };

/** `interruption`: where it was interrupted before it generated, what it was at then, and what is kept. */
interface Finished {
  result: RunResult;
  interruption: string | null;
}

/** Starts the generation that was asked for. */
type Begin = (model: Model, options: Parameters<Model['generate']>[1]) => ReturnType<Model['generate']>;

export function runCommand(): Command {
  const command = new Command('run')
    .alias('generate')
    .description(
      'continue a text, or answer a message: stdout is the text alone; the receipt, what it took and cost, goes to stderr',
    )
    .argument('<model>', MODEL_ARGUMENT)
    .argument('[prompt]', 'raw text to continue; without any prompt stdin is read, where something is piped to it')
    .option('-p, --prompt <text>', 'the same, as an option')
    .option('--file <file>', 'take the prompt from a file, byte for byte; - for stdin')
    .option('--tokens <ids>', "token ids to continue, taken as they are, like '[1,2]'", tokenIds('--tokens'))
    .option('--parse-special', 'special tokens written in the prompt, like <|im_start|>, count as such')
    .option(
      '--no-parse-special',
      'they are plain text, as they are by default for models that take no pictures; <image> still says where pictures are',
    )
    .option('--chat', 'put the prompt into the chat template of the model')
    .option('--chat-template <file>', 'a Jinja template instead of the one of the model, for --chat')
    .option(
      '--template-var <name=value>',
      'a variable for the template, JSON or a text; may be repeated',
      templateVariable,
    );
  addImageOption(command, '; <image> in the prompt says where, else pictures come first');
  addAnnotateOption(addRegionOption(command));
  addGenerationOptions(command, { maxTokens: 256, temperature: 0, repeatPenalty: 1 });
  command
    .optionsGroup('State:')
    .option('--save-state <file>', 'keep what was computed for prompt and answer in a file, for --load-state')
    .option(
      '--load-state <file>',
      'go on with a state that --save-state kept: what the prompt shares with it does not run',
    )
    .optionsGroup('For experts:')
    .option('--trace <file>', 'record which pieces of the weights each token asks for in a new file, for replay');
  addExamples(
    command,
    ['flashrow run model.gguf "Once upon a time" --max-tokens 64', 'continue a text'],
    ['flashrow run model.gguf --chat "What is a store?" --memory 2GB', 'ask a question, in at most 2 GB'],
    ['flashrow run llava/ --image cat.png --chat "What is this?"', 'ask about a picture'],
    [
      'flashrow run ferret/ --image cat.png --annotate boxes.png --chat "Where is the cat?"',
      'and draw the boxes of the answer',
    ],
    ['flashrow run model.gguf --file - < letter.txt', 'continue what is in a file'],
    ['flashrow run model.gguf --tokens "[1,2]" --json', 'continue token ids, for a script'],
  );
  return addDraftOption(addModelOptions(command)).action(run);
}

async function run(source: string, argument: string | undefined, flags: RunFlags): Promise<void> {
  const options = { ...toGenerateOptions(flags), trace: flags.trace };
  const prompt = await chosenPrompt(argument, flags);
  const template = flags.chatTemplate === undefined ? undefined : await templateFrom(flags);
  if (flags.image !== undefined && typeof prompt !== 'string') throw idsWithPictures();
  const begin = beginning(prompt, template, flags);
  await checkPictures(flags);
  const annotated = pictureToAnnotate(flags);
  const signal = interruptSignal();
  if (flags.saveState !== undefined) await requireStatePlace(flags.saveState);
  const quiet = flags.json === true;
  const shownPrompt = typeof prompt === 'string' && !flags.chat ? prompt : '';
  let plan: Plan | null = null;
  const usualContext = async () =>
    keepsState(flags)
      ? undefined
      : contextForRun(await namedModel(source, flags.cacheDir), prompt, { ...flags, template });
  const { result, interruption } = await generate(source, flags, signal, usualContext, async (model) => {
    plan = model.plan;
    if (annotated !== undefined) requireBoxes(model.info);
    if (flags.loadState !== undefined) await model.loadState(flags.loadState, { signal });
    const written = (follow: object) => begin(model, { ...options, ...follow });
    const answer = await writeAnswer(written, { quiet, signal, shownPrompt });
    if (flags.saveState !== undefined) await model.saveState(flags.saveState);
    return answer;
  });
  const draw = async () => {
    if (annotated !== undefined && interruption === null) await annotate(flags.annotate!, annotated, result);
  };
  if (quiet) {
    noteAll(result.warnings);
    await draw().catch((error) => {
      throw withResult(error, result);
    });
    printJson(warnedInCommandWords(result));
  } else {
    if (interruption !== null) notice(interruption);
    else finishText(result, plan);
    await draw();
  }
  if (result.finishReason === 'abort') process.exitCode = interruptExitCode();
}

/** An error that carries the answer: with `--json` nothing of it is on stdout yet. */
function withResult(error: unknown, result: RunResult): unknown {
  if (!(error instanceof FlashrowError)) return error;
  return new FlashrowError(error.code, error.message, { ...error.details, ...{ result } }, { cause: error });
}

/** A state may be longer than this prompt: the context is then the usual one. */
const keepsState = ({ saveState, loadState }: RunFlags): boolean => saveState !== undefined || loadState !== undefined;

/** The picture whose copy gets the boxes: the last one. Throws BAD_USAGE without any, and where the copy cannot be. */
function pictureToAnnotate({ annotate: file, image = [], region }: RunFlags): string | undefined {
  if (file === undefined) return undefined;
  if (image.length === 0) throw badUsage('--annotate goes with --image');
  checkAnnotation(file, image, region);
  return image.at(-1);
}

/** Tells a place where no state can be saved before the answer, which would be for nothing. */
async function requireStatePlace(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  if (!existsSync(folder))
    throw badUsage(`--save-state: there is no folder ${folder}; make it first, or choose another`);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw badUsage(`--save-state: ${path} is a folder; name a file in it`);
  const { spareOthers } = await import('../../engine/state/state-file.js');
  spareOthers(path);
}

/** The text of the template that was given. */
function templateFrom({ chat, chatTemplate }: RunFlags): Promise<string> {
  if (!chat) throw badUsage('--chat-template goes with --chat');
  return readText('--chat-template', chatTemplate!);
}

function beginning(prompt: string | number[], template: string | undefined, flags: RunFlags): Begin {
  const { chat, templateVar: templateVariables, parseSpecial, image: images } = flags;
  if (!chat) {
    if (templateVariables !== undefined) throw badUsage('--template-var goes with --chat');
    if (parseSpecial && typeof prompt !== 'string')
      throw badUsage('--parse-special goes with a text, not with --tokens');
    return (model, options) =>
      model.generate(prompt, { ...options, parseSpecial, images, regions: ofLastPicture(flags) });
  }
  if (typeof prompt !== 'string')
    throw badUsage('--chat takes its message from a prompt after the model, --prompt <text> or --file <file>');
  if (parseSpecial !== undefined)
    throw badUsage('--parse-special does not go with --chat: in a message special tokens are plain text');
  const content = messageAbout(prompt, images ?? [], flags.region);
  return (model, options) => model.chat([{ role: 'user', content }], { ...options, template, templateVariables });
}

const badUsage = (message: string) => new FlashrowError('BAD_USAGE', message);

/** The result; on an interrupt what there is of it, so that no generated text is lost. */
async function generate(
  source: string,
  flags: RunFlags,
  signal: AbortSignal,
  usualContext: () => Promise<number | undefined>,
  work: (model: Model) => Promise<GenerationResult>,
): Promise<Finished> {
  try {
    const result = await withModel(source, toModelOptions(flags), signal, work, await usualContext());
    return { result, interruption: null };
  } catch (error) {
    if (!(error instanceof FlashrowError && error.code === 'ABORTED')) throw error;
    return { result: nothingGenerated(flags), interruption: error.message };
  }
}

const nothingGenerated = ({ seed }: RunFlags): RunResult => ({
  text: '',
  reasoning: '',
  toolCalls: [],
  tokens: [],
  finishReason: 'abort',
  endedBy: 'signal',
  stopText: null,
  usage: { prompt: 0, cached: 0, completion: 0, reasoning: 0 },
  seed: seed ?? null,
  warnings: [],
  receipt: null,
});

function finishText(result: RunResult, plan: Plan | null): void {
  endTextLine();
  const { text, reasoning, toolCalls, tokens } = result;
  if (tokens.length > 0 && text + reasoning === '' && toolCalls.length === 0)
    notice(`note: what was generated has no text; its ids are ${JSON.stringify(tokens)}`);
  if (result.boxes?.length) notice(`\nin pixels: ${result.boxes.map(formatBox).join('; ')}`);
  // It begins with a line break: where the text goes to a file, or through a pipe, nothing has ended its line.
  notice(`\n${formatUsage(result)}`);
  noteAll(result.warnings);
  if (result.receipt === null) return;
  notice(formatReceipt(result.receipt));
  const idle = plan && idleState(plan, result.receipt, result.usage.prompt + result.usage.completion);
  if (idle) notice(`note: ${idle}`);
}
