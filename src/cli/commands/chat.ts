import { Command } from 'commander';
import type { ChatOptions, GenerationResult, Model } from '../../contract/api.js';
import { FlashrowError } from '../../errors.js';
import type { ChatMessage } from '../../text/chat-template.js';
import { ChatInput } from '../input/chat-input.js';
import { interruptSignal, takeInterrupts } from '../input/interrupt.js';
import { readText } from '../input/read-input.js';
import { addGenerationOptions, type GenerationFlags, toGenerateOptions } from '../options/generation-options.js';
import { addModelOptions, MODEL_ARGUMENT, type ModelFlags, toModelOptions } from '../options/model-options.js';
import { tellFailure } from '../output/command-words.js';
import { formatCount } from '../output/format.js';
import { notice, printJson } from '../output/output.js';
import { formatReceipt } from '../output/receipt.js';
import { formatUsage, writeAnswer } from '../output/write-answer.js';
import { withModel } from './with-model.js';

interface ChatFlags extends ModelFlags, GenerationFlags {
  system?: string;
  chatTemplate?: string;
  json?: boolean;
}

const HELP = `/clear  forget the conversation
/stats  what the last answer did and cost
/help   this list
/exit   leave, as Ctrl-D does
A line that ends in \\ goes on in the next one; lines between """ are one message.
Ctrl-C stops an answer, or drops what has been typed of a message; twice at an empty prompt it leaves.`;

/** A word after a slash, and nothing else: paths and code are messages. */
const COMMAND = /^\/[a-z]+$/;

export function chatCommand(): Command {
  const command = new Command('chat')
    .description(
      'talk with a model: stdout is its answers alone; messages come line by line from the terminal or stdin',
    )
    .argument('<model>', MODEL_ARGUMENT)
    .option('--system <text>', 'what the model is told before the conversation')
    .option('--chat-template <file>', 'a Jinja template instead of the one of the model');
  addGenerationOptions(command, {});
  command.addHelpText(
    'after',
    '\nWithout sampling options the answers are drawn as the generation_config.json of the model says, else the likeliest token is picked.' +
      `\nAn answer ends at the end of the turn or the context.\n\nIn the conversation:\n${HELP}`,
  );
  return addModelOptions(command).action(chat);
}

async function chat(source: string, flags: ChatFlags): Promise<void> {
  const template = flags.chatTemplate === undefined ? undefined : await readText('--chat-template', flags.chatTemplate);
  const options: ChatOptions = { ...toGenerateOptions(flags), template };
  await withModel(source, toModelOptions(flags), interruptSignal(), async (model) => {
    const conversation = new Conversation(model, options, flags);
    await conversation.run().catch((error) => {
      throw flags.json ? withRecord(error, conversation.record) : error;
    });
    if (flags.json) printJson(conversation.record);
  });
}

/** What ends a conversation does not take along what has been said: with `--json` nothing of it is on stdout yet. */
function withRecord(error: unknown, record: ChatRecord): unknown {
  if (!(error instanceof FlashrowError)) return error;
  return new FlashrowError(error.code, error.message, { ...error.details, ...record }, { cause: error });
}

/** What `--json` prints. */
interface ChatRecord {
  messages: ChatMessage[];
  turns: GenerationResult[];
}

/** The loop over messages and answers. */
class Conversation {
  readonly record: ChatRecord = { messages: [], turns: [] };
  private readonly input = new ChatInput(() => this.interrupt());
  private answering: AbortController | null = null;
  private interruptedBefore = false;
  private left = false;

  constructor(
    private readonly model: Model,
    private readonly options: ChatOptions,
    private readonly flags: ChatFlags,
  ) {
    this.clear();
  }

  async run(): Promise<void> {
    const giveBack = takeInterrupts(() => this.interrupt());
    try {
      await this.tryTemplate();
      if (process.stdin.isTTY) notice('/help lists what can be typed; Ctrl-D leaves');
      while (!this.left) {
        const message = await this.input.next();
        if (message === null || this.left) break;
        this.interruptedBefore = false;
        const command = message.typedAlone ? message.text.trimEnd() : '';
        if (command === '/exit') break;
        if (COMMAND.test(command)) this.command(command);
        else if (message.text.trim() !== '') await this.answer(message.text);
      }
    } finally {
      giveBack();
      this.input.close();
    }
  }

  /** Throws at once what a template that is missing, or refuses the system message, would throw at the first answer. */
  private async tryTemplate(): Promise<void> {
    const trial = this.model.chat([...this.record.messages, { role: 'user', content: 'Hello' }], this.options);
    // Left before it has begun: the messages are written out, and nothing is run.
    await trial[Symbol.asyncIterator]().return?.();
    await trial.result;
  }

  private clear(): void {
    const { system } = this.flags;
    this.record.messages = system === undefined ? [] : [{ role: 'system', content: system }];
  }

  private command(command: string): void {
    if (command === '/clear') {
      this.clear();
      notice('forgotten');
    } else if (command === '/stats') {
      this.stats();
    } else {
      if (command !== '/help') notice(`there is no ${command}; a message that begins with / takes a space before it`);
      notice(HELP);
    }
  }

  private stats(): void {
    const last = this.record.turns.at(-1);
    if (!last) {
      notice('nothing has been answered yet');
      return;
    }
    const { prompt, completion } = last.usage;
    notice(formatUsage(last));
    const inUse = this.record.messages.at(-1)?.role === 'assistant' ? prompt + completion : 0;
    notice(`${formatCount(inUse)} of ${formatCount(this.model.info.contextSize)} tokens of context in use`);
    notice(formatReceipt(last.receipt));
  }

  private async answer(content: string): Promise<void> {
    const messages = [...this.record.messages, { role: 'user', content }];
    const abort = new AbortController();
    this.answering = abort;
    try {
      const result = await writeAnswer(
        (onPrefill) =>
          this.model.chat(messages, { maxTokens: this.model.info.contextSize, ...defined(this.options), ...onPrefill }),
        { quiet: this.flags.json === true, signal: abort.signal },
      );
      this.record.messages = [...messages, { role: 'assistant', content: result.text }];
      this.record.turns.push(result);
      if (!this.flags.json) process.stdout.write('\n');
      if (result.finishReason !== 'stop') notice(formatUsage(result));
    } catch (error) {
      // At a terminal the conversation is worth more than the message that did not fit.
      if (!(process.stdin.isTTY && error instanceof FlashrowError && error.code === 'CONTEXT_OVERFLOW')) throw error;
      notice(`${tellFailure(error).message}; /clear begins anew`);
    } finally {
      this.answering = null;
    }
  }

  /** Where nobody types, ends the program with what there is. At a terminal stops the answer; without one drops the message, and the second in a row leaves. */
  private interrupt(): void {
    if (!process.stdin.isTTY) {
      process.exitCode = 130;
      this.leave();
    } else if (this.answering) {
      this.answering.abort();
    } else if (!this.input.discard() && this.interruptedBefore) {
      this.leave();
    } else {
      this.interruptedBefore = true;
      notice('\nCtrl-C again leaves, and so does Ctrl-D');
      this.input.promptAgain();
    }
  }

  private leave(): void {
    this.left = true;
    this.answering?.abort();
    this.input.close();
  }
}

const defined = <T extends object>(options: T): T =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
