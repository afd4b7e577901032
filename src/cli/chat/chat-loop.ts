import type { GenerationResult } from '../../contract/generation.js';
import { FlashrowError } from '../../errors.js';
import type { RegionInput } from '../../text/chat-message.js';
import { ChatInput } from '../input/chat-input.js';
import { type EndingSignal, interruptExitCode, takeInterrupts } from '../input/interrupt.js';
import { parseRegion } from '../options/image-option.js';
import { inCommandWords, tellFailure } from '../output/command-words.js';
import { formatCount, formatSpeed, plural } from '../output/format.js';
import { notice } from '../output/output.js';
import { formatReceipt } from '../output/receipt.js';
import { canRedraw } from '../output/terminal.js';
import { visibleText } from '../output/visible-text.js';
import { formatUsage } from '../output/write-answer.js';
import type { AnswerDisplay } from './answer-display.js';
import { CHAT_HELP, type CommandName, readTyped } from './chat-commands.js';
import type { ChatSession } from './chat-session.js';
import type { ChatSettings } from './chat-settings.js';
import { typedPath } from './saved-chat.js';

/** Failures after which a conversation goes on at a terminal: it is worth more than what did not work. */
const FORGIVEN = new Set(['BAD_USAGE', 'UNSUPPORTED', 'CONTEXT_OVERFLOW', 'NOT_FOUND', 'CORRUPT', 'NOT_WRITABLE']);
/** Of a command these are, whoever types. */
const FORGIVEN_OF_COMMANDS = new Set([...FORGIVEN, 'IO']);

interface LoopParts {
  session: ChatSession;
  settings: ChatSettings;
  contextSize: number;
  display: AnswerDisplay;
  /** Told of each answer. */
  onAnswer: (result: GenerationResult) => Promise<void>;
  /** Rejects for a picture, or a region of it, that cannot be read. */
  checkPicture: (image: string, region?: RegionInput) => Promise<void>;
}

/** The loop over messages, commands and answers, from a terminal or from a pipe. */
export class ChatLoop {
  readonly #parts: LoopParts;
  readonly #input = new ChatInput(() => this.#interrupt('SIGINT'), canRedraw(process.stderr));
  /** Somebody types, and sees what is said. */
  readonly #typed = process.stdin.isTTY === true;
  readonly #warned = new Set<string>();
  #answering = false;
  #interruptedBefore = false;
  #left = false;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  /** `banner`: what is said before the first message, where somebody types. */
  async run(banner: string): Promise<void> {
    const giveBack = takeInterrupts((signal) => this.#interrupt(signal));
    try {
      await this.#parts.session.check();
      if (this.#typed) notice(banner);
      while (!this.#left) {
        const message = await this.#input.next();
        if (message === null || this.#left) break;
        this.#interruptedBefore = false;
        const typed = readTyped(message);
        if (typed.kind === 'command') await this.#command(typed.name, typed.argument);
        else if (typed.kind === 'refused') notice(typed.reason);
        else if (typed.text.trim() !== '') await this.#message(typed.text);
      }
    } finally {
      giveBack();
      this.#input.close();
    }
  }

  #message(text: string): Promise<void> {
    return this.#try(FORGIVEN, () => this.#answer(() => this.#parts.session.ask(text)));
  }

  #command(name: CommandName, argument: string): Promise<void> {
    return this.#try(FORGIVEN_OF_COMMANDS, () => this.#commands[name](argument));
  }

  readonly #commands: Readonly<Record<CommandName, (argument: string) => void | Promise<void>>> = {
    system: (argument) => this.#system(argument),
    image: async (file) => {
      const { session, checkPicture } = this.#parts;
      const path = typedPath(required('/image', file, 'cat.png'));
      await checkPicture(path);
      session.show(path);
      notice('shown with the next message');
    },
    region: (part) => this.#region(part),
    retry: () => this.#retry(),
    continue: () => this.#answer(() => this.#parts.session.goOn()),
    clear: () => {
      this.#parts.session.clear();
      notice('forgotten');
    },
    save: (file) => {
      notice(`saved to ${this.#parts.session.save(required('/save', file))}`);
    },
    load: async (file) => {
      await this.#parts.session.load(required('/load', file));
      notice(`${plural(this.#parts.session.record.messages.length, 'message')} loaded`);
    },
    set: (argument) => this.#set(argument),
    stats: () => this.#stats(),
    help: () => notice(CHAT_HELP),
    exit: () => {
      this.#left = true;
    },
  };

  async #system(argument: string): Promise<void> {
    const { session } = this.#parts;
    if (argument !== '') await session.setSystem(argument === 'none' ? null : argument);
    notice(session.system === null ? 'no system message' : `system message: ${visibleText(session.system)}`);
  }

  async #region(part: string): Promise<void> {
    const { session, checkPicture } = this.#parts;
    if (part === '') throw new FlashrowError('BAD_USAGE', '/region needs a part, like /region 10,20,200,180');
    const given = parseRegion(part, '/region');
    const region = typeof given.mask === 'string' ? { mask: typedPath(given.mask) } : given;
    if (session.lastPicture !== null) await checkPicture(session.lastPicture, region);
    session.point(region);
    notice('<region> in the next message says where');
  }

  async #retry(): Promise<void> {
    const { session, settings } = this.#parts;
    const { draws } = settings;
    // Without a message there is nothing to say this of: the session refuses.
    if (!session.record.messages.some(({ role }) => role === 'user')) return session.retry();
    if (!draws) notice('note: the likeliest token each time gives the same answer again; /set temperature 0.7');
    else if (settings.options.seed !== undefined)
      notice('note: the same seed gives the same answer again; /set seed default');
    await this.#answer(() => session.retry());
  }

  #set(argument: string): void {
    const { settings } = this.#parts;
    const [, name, value] = /^(\S+)(?:\s+(.+))?$/s.exec(argument) ?? [];
    if (name !== undefined) {
      if (value === undefined) throw new FlashrowError('BAD_USAGE', `/set ${name} needs a value, or default`);
      settings.set(name, value);
    }
    notice(`answers are drawn by: ${settings.describe()}`);
  }

  #stats(): void {
    const { session, contextSize } = this.#parts;
    const last = session.record.turns.at(-1);
    if (last === undefined) {
      notice('nothing has been answered yet');
      return;
    }
    notice(formatUsage(last));
    notice(`${formatCount(session.tokensInUse)} of ${formatCount(contextSize)} tokens of context in use`);
    notice(formatReceipt(last.receipt));
  }

  /** Waits for an answer, and says what is to be said after it. */
  async #answer(work: () => Promise<void>): Promise<void> {
    const { session, display } = this.#parts;
    display.begin();
    this.#answering = true;
    try {
      await work();
    } finally {
      this.#answering = false;
    }
    const result = session.record.turns.at(-1)!;
    display.end();
    for (const warning of result.warnings) {
      if (!this.#warned.has(warning)) notice(`note: ${inCommandWords(warning)}`);
      this.#warned.add(warning);
    }
    const speed = this.#typed ? `, ${formatSpeed(result.receipt.decodeTokensPerSecond)}` : '';
    const more = this.#typed && result.finishReason === 'length' ? '; /continue goes on' : '';
    if (this.#typed || result.finishReason !== 'stop') notice(formatUsage(result) + speed + more);
    await this.#parts.onAnswer(result);
  }

  /** Does something that may fail. At a terminal the conversation goes on after it, and so it does after a command. */
  async #try(forgiven: ReadonlySet<string>, action: () => void | Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      const goesOn = this.#typed || forgiven === FORGIVEN_OF_COMMANDS;
      if (!(goesOn && error instanceof FlashrowError && forgiven.has(error.code))) throw error;
      notice(tellFailure(error).message);
    }
  }

  /**
   * Ctrl-C, or a signal that asks the program to end. Where nobody types, and for any but Ctrl-C, it ends the program
   * with the conversation so far. At a terminal Ctrl-C stops the answer; where none is under way it drops the
   * half-typed message, and a second one in a row leaves.
   */
  #interrupt(signal: EndingSignal): void {
    if (!this.#typed || signal !== 'SIGINT') {
      process.exitCode = interruptExitCode();
      this.#leave();
    } else if (this.#answering) {
      this.#parts.display.stop();
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
    this.#parts.display.stop();
    this.#input.close();
  }
}

function required(command: string, file: string, example = 'talk.json'): string {
  if (file === '') throw new FlashrowError('BAD_USAGE', `${command} needs a file, like ${command} ${example}`);
  return file;
}
