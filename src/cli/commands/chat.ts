import { basename } from 'node:path';
import { Command } from 'commander';
import type { TemplateOptions } from '../../contract/generate-options.js';
import type { Model } from '../../contract/model.js';
import { FlashrowError } from '../../errors.js';
import { AnswerDisplay } from '../chat/answer-display.js';
import { CHAT_HELP } from '../chat/chat-commands.js';
import { ChatLoop } from '../chat/chat-loop.js';
import { type ChatRecord, ChatSession } from '../chat/chat-session.js';
import { ChatSettings, requireAnswer } from '../chat/chat-settings.js';
import { interruptSignal } from '../input/interrupt.js';
import { readText } from '../input/read-input.js';
import { addGenerationOptions, type GenerationFlags, toGenerateOptions } from '../options/generation-options.js';
import { addExamples, addParagraphs } from '../options/help.js';
import {
  type AnnotateFlags,
  addAnnotateOption,
  addImageOption,
  addRegionOption,
  type RegionFlags,
} from '../options/image-option.js';
import {
  addDraftOption,
  addModelOptions,
  MODEL_ARGUMENT,
  type ModelFlags,
  toModelOptions,
} from '../options/model-options.js';
import { type TemplateVariables, templateVariable } from '../options/template-variables.js';
import { formatBytes, formatCount, plural } from '../output/format.js';
import { notice, printJson } from '../output/output.js';
import { annotate, checkAnnotation, requireBoxes } from './annotate.js';
import { checkPictures } from './check-pictures.js';
import { withModel } from './with-model.js';

interface ChatFlags extends ModelFlags, GenerationFlags, RegionFlags, AnnotateFlags {
  system?: string;
  chatTemplate?: string;
  templateVar?: TemplateVariables;
  json?: boolean;
}

export function chatCommand(): Command {
  const command = new Command('chat')
    .description(
      'talk with a model: messages come line by line from the terminal or stdin, stdout is the answers alone',
    )
    .argument('<model>', MODEL_ARGUMENT)
    .option('--system <text>', 'a text that the model is given before the conversation')
    .option('--chat-template <file>', "a Jinja template instead of the model's own")
    .option(
      '--template-var <name=value>',
      'a variable for the template, JSON or a text; may be repeated',
      templateVariable,
    );
  addImageOption(command, '; it goes with the first message');
  addAnnotateOption(addRegionOption(command));
  addGenerationOptions(command, {});
  addParagraphs(
    command,
    "Without sampling options, answers are drawn as the model's makers suggest. A model without such a word picks the likeliest token.",
    'An answer ends where the turn or the context ends. Where the context is full, the oldest turns leave.',
    `In the conversation:\n${CHAT_HELP}`,
  );
  addExamples(
    command,
    ['flashrow chat model.gguf', 'talk with a model'],
    ['flashrow chat model.gguf --system "You are brief." --temperature 0.7', 'with a word on how to answer'],
  );
  return addDraftOption(addModelOptions(command)).action(chat);
}

async function chat(source: string, flags: ChatFlags): Promise<void> {
  // Bad usage is told before the model is loaded.
  toGenerateOptions(flags);
  requireAnswer('--max-tokens', flags.maxTokens);
  const template = await templateOptions(flags);
  await checkPictures(flags);
  if (flags.annotate !== undefined) checkAnnotation(flags.annotate, flags.image ?? [], flags.region);
  await withModel(source, toModelOptions(flags), interruptSignal(), async (model) => {
    if (flags.annotate !== undefined) requireBoxes(model.info);
    const settings = new ChatSettings(flags, model.info.samplingDefaults);
    const display = new AnswerDisplay(flags.json === true);
    const session = new ChatSession({
      ...{ model, source, template, settings, showAnswer: display.show },
      onLeft: (turns) =>
        notice(`note: the context is full, so the oldest ${turns === 1 ? 'turn' : plural(turns, 'turn')} left it`),
    });
    if (flags.image) session.show(...flags.image);
    for (const region of flags.region ?? []) session.point(region);
    if (flags.system !== undefined) session.record.messages = [{ role: 'system', content: flags.system }];
    const loop = new ChatLoop({
      ...{ session, settings, contextSize: model.info.contextSize, display },
      onAnswer: async (result) => {
        const { lastPicture } = session;
        if (flags.annotate !== undefined && lastPicture !== null) await annotate(flags.annotate, lastPicture, result);
      },
      checkPicture: (image, region) => checkPictures({ image: [image], region: region && [region] }),
    });
    await loop.run(banner(source, model, settings)).catch((error) => {
      throw flags.json ? withRecord(error, session.record) : error;
    });
    if (flags.json) printJson(session.record);
  });
}

async function templateOptions({ chatTemplate, templateVar: templateVariables }: ChatFlags): Promise<TemplateOptions> {
  return {
    ...(chatTemplate !== undefined && { template: await readText('--chat-template', chatTemplate) }),
    ...(templateVariables && { templateVariables }),
  };
}

/** What a conversation begins with: the model, its budget and context, and how answers are drawn. */
function banner(source: string, { info, plan }: Model, settings: ChatSettings): string {
  const model = `${basename(source)}: ${formatCount(info.contextSize)} tokens of context, ${formatBytes(plan.budgetBytes)} of memory`;
  return `${model}\nAnswers: ${settings.describe()}\n/help lists the commands; Ctrl-D leaves`;
}

/** An error that carries the conversation so far: with `--json` nothing of it is on stdout yet. */
function withRecord(error: unknown, record: ChatRecord): unknown {
  if (!(error instanceof FlashrowError)) return error;
  return new FlashrowError(error.code, error.message, { ...error.details, ...record }, { cause: error });
}
