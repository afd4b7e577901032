import { Command } from 'commander';
import type { ChatOptions, GenerationResult, Model } from '../../contract/api.js';
import { FlashrowError } from '../../errors.js';
import type { ChatMessage } from '../../text/chat-template.js';
import { ChatInput } from '../input/chat-input.js';
import { type EndingSignal, interruptExitCode, interruptSignal, takeInterrupts } from '../input/interrupt.js';
import { readText } from '../input/read-input.js';
import { addGenerationOptions, type GenerationFlags, toGenerateOptions } from '../options/generation-options.js';
import { addExamples } from '../options/help.js';
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
/stats  show what the last answer did and cost
/help   show this list
/exit   leave, as Ctrl-D does
A line that ends in \\ goes on in the next one. Lines between """ are one message.
Ctrl-C stops an answer, or drops a message that is half typed. Twice at an empty prompt it leaves.`;

/** A slash and one word, and nothing else. Paths and code are messages. */
const COMMAND = /^\/[a-z]+$/;

export function chatCommand(): Command {
  const command = new Command('chat')
    .description(
      'talk with a model: messages come line by line from the terminal or stdin, stdout is the answers alone',
    )
    .argument('<model>', MODEL_ARGUMENT)
    .option('--system <text>', 'a text that the model is given before the conversation')
    .option('--chat-template <file>', "a Jinja template instead of the model's own");
  addGenerationOptions(command, {});
  command.addHelpText(
    'after',
    "\nWithout sampling options, answers are drawn as the model's generation_config.json says. A model without one picks the likeliest token." +
      `\nAn answer ends where the turn or the context ends.\n\nIn the conversation:\n${HELP}`,
  );
  addExamples(
    command,
    ['flashrow chat model.gguf', 'talk with a model'],
    ['flashrow chat model.gguf --system "You are brief." --temperature 0.7', 'with a word on how to answer'],
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

/** An error that carries the conversation so far: with `--json` nothing of it is on stdout yet. */
function withRecord(error: unknown, record: ChatRecord): unknown {
  if (!(error instanceof FlashrowError)) return error;
  return new FlashrowError(error.code, error.message, { ...error.details, ...record }, { cause: error });
}

/** The conversation as `--json` prints it. */
interface ChatRecord {
  messages: ChatMessage[];
  turns: GenerationResult[];
}

/** The loop over messages and answers. */
class Conversation {
  readonly record: ChatRecord = { messages: [], turns: [] };
  readonly #model: Model;
  readonly #options: ChatOptions;
  readonly #flags: ChatFlags;
  readonly #input = new ChatInput(() => this.#interrupt('SIGINT'));
  #answering: AbortController | null = null;
  #interruptedBefore = false;
  #left = false;

  constructor(model: Model, options: ChatOptions, flags: ChatFlags) {
    this.#model = model;
    this.#options = options;
    this.#flags = flags;
    this.#clear();
  }

  async run(): Promise<void> {
    const giveBack = takeInterrupts((signal) => this.#interrupt(signal));
    try {
      await this.#tryTemplate();
      if (process.stdin.isTTY) notice('/help lists the commands; Ctrl-D leaves');
      while (!this.#left) {
        const message = await this.#input.next();
        if (message === null || this.#left) break;
        this.#interruptedBefore = false;
        const command = message.typedAlone ? message.text.trimEnd() : '';
        if (command === '/exit') break;
        if (COMMAND.test(command)) this.#command(command);
        else if (message.text.trim() !== '') await this.#answer(message.text);
      }
    } finally {
      giveBack();
      this.#input.close();
    }
  }

  /**
   * Finds out at once whether the template is missing or refuses the system message, and throws as the first answer
   * would.
   */
  async #tryTemplate(): Promise<void> {
    const { template } = this.#options;
    await this.#model.countTokens([...this.record.messages, { role: 'user', content: 'Hello' }], { template });
  }

  #clear(): void {
    const { system } = this.#flags;
    this.record.messages = system === undefined ? [] : [{ role: 'system', content: system }];
  }

  #command(command: string): void {
    if (command === '/clear') {
      this.#clear();
      notice('forgotten');
    } else if (command === '/stats') {
      this.#stats();
    } else {
      if (command !== '/help')
        notice(`there is no ${command}; to send a message that begins with /, put a space before it`);
      notice(HELP);
    }
  }

  #stats(): void {
    const last = this.record.turns.at(-1);
    if (!last) {
      notice('nothing has been answered yet');
      return;
    }
    const { prompt, completion } = last.usage;
    notice(formatUsage(last));
    const inUse = this.record.messages.at(-1)?.role === 'assistant' ? prompt + completion : 0;
    notice(`${formatCount(inUse)} of ${formatCount(this.#model.info.contextSize)} tokens of context in use`);
    notice(formatReceipt(last.receipt));
  }

  async #answer(content: string): Promise<void> {
    const messages = [...this.record.messages, { role: 'user', content }];
    const abort = new AbortController();
    this.#answering = abort;
    try {
      const result = await writeAnswer(
        (follow) =>
          this.#model.chat(messages, {
            ...defined(this.#options),
            ...follow,
          }),
        { quiet: this.#flags.json === true, signal: abort.signal },
      );
      this.record.messages = [...messages, { role: 'assistant', content: result.text }];
      this.record.turns.push(result);
      if (!this.#flags.json) process.stdout.write('\n');
      if (result.finishReason !== 'stop') notice(formatUsage(result));
    } catch (error) {
      // At a terminal the conversation goes on: it is worth more than the message that did not fit.
      if (!(process.stdin.isTTY && error instanceof FlashrowError && error.code === 'CONTEXT_OVERFLOW')) throw error;
      notice(`${tellFailure(error).message}; /clear begins a new conversation`);
    } finally {
      this.#answering = null;
    }
  }

  /**
   * Ctrl-C. Where nobody types, it ends the program with the conversation so far, and so does any other signal that
   * asks for an end. At a terminal it stops the answer; where none is under way it drops the half-typed message, and a
   * second Ctrl-C in a row leaves.
   */
  #interrupt(signal: EndingSignal): void {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) {
      process.exitCode = interruptExitCode();
      this.#leave();
    } else if (this.#answering) {
      this.#answering.abort();
    } else if (!this.#input.discard() && this.#interruptedBefore) {
      this.#leave();
    } else {
      this.#interruptedBefore = true;
      notice('\nCtrl-C again leaves, and so does Ctrl-D');
      this.#input.promptAgain();
    }
  }

  #leave(): void {
    this.#left = true;
    this.#answering?.abort();
    this.#input.close();
  }
}

const defined = <T extends object>(options: T): T =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
