import { createInterface, type Interface } from 'node:readline';
import { BracketedPaste } from './bracketed-paste.js';

const PROMPT = '> ';
const CONTINUED = '. ';
const BLOCK = '"""';
const MAX_HISTORY = 1000;

/** `typedAlone`: the message was one line, so it can be a command. A block, or a line that goes on, cannot. */
export interface TypedMessage {
  text: string;
  typedAlone: boolean;
}

/**
 * Messages from the terminal, with history and editing, or from a pipe. A line that ends in a backslash goes on in the
 * next one. Everything between two lines of `"""` is one message, and so is everything that is pasted at once.
 */
export class ChatInput {
  readonly #lines: Interface;
  readonly #paste: BracketedPaste | null;
  readonly #onResize: () => void;
  readonly #ready: TypedMessage[] = [];
  /** The lines so far of the message that is being typed. */
  #begun: string[] = [];
  /** Whether a block is open, whether the message was written as several lines, and whether the last one was pasted. */
  #inBlock = false;
  #block = false;
  #pastedLast = false;
  /** What readline looks back at: lines, where we want messages. The newest comes first. */
  #history: string[] = [];
  readonly #messages: string[] = [];
  #waiting: ((message: TypedMessage | null) => void) | null = null;
  #closed = false;

  /**
   * `onInterrupt` is called for Ctrl-C, which a terminal in raw mode hands over as a key. `knowsEscapes`: the terminal
   * takes more than plain text.
   */
  constructor(onInterrupt: () => void, knowsEscapes: boolean) {
    const terminal = process.stdin.isTTY === true && process.stderr.isTTY === true;
    const before = process.stderr.listeners('resize');
    this.#lines = createInterface({
      input: process.stdin,
      // Stdout is kept for the answers.
      output: terminal ? process.stderr : undefined,
      terminal,
      crlfDelay: Number.POSITIVE_INFINITY,
      historySize: MAX_HISTORY,
    });
    // Readline draws its line again when the terminal is resized: over an answer, where one is under way.
    const redraws = process.stderr.listeners('resize').filter((listener) => !before.includes(listener));
    for (const redraw of redraws) process.stderr.off('resize', redraw as () => void);
    this.#onResize = () => {
      if (this.#waiting) for (const redraw of redraws) redraw.call(process.stderr);
    };
    if (terminal) process.stderr.on('resize', this.#onResize);
    this.#paste = terminal && knowsEscapes ? new BracketedPaste(process.stdin, process.stderr) : null;
    this.#lines.on('line', (line) => this.#take(line));
    this.#lines.on('close', () => this.#end(terminal));
    this.#lines.on('SIGINT', onInterrupt);
    this.#lines.on('SIGCONT', () => this.#paste?.ask());
    this.#lines.on('history', (history) => {
      this.#history = history;
    });
  }

  /** The next message; null at the end of the input. */
  next(): Promise<TypedMessage | null> {
    const ready = this.#ready.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#closed) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#showPrompt();
    });
  }

  #take(line: string): void {
    const pasted = this.#paste?.active === true;
    if (this.#completes(line, pasted)) {
      this.#finish();
    } else {
      this.#pastedLast = pasted;
      this.#showPrompt();
    }
  }

  /** Adds a line to the message that is being typed, and says whether that was the last one. */
  #completes(line: string, pasted: boolean): boolean {
    if (!pasted && line.trim() === BLOCK && (this.#inBlock || !this.#pastedLast)) {
      this.#inBlock = !this.#inBlock;
      this.#block = true;
      return !this.#inBlock;
    }
    // A line with a break in it is a message that the arrow keys brought back.
    const goesOn = !pasted && !this.#inBlock && !line.includes('\n') && line.endsWith('\\');
    if (goesOn) this.#block = true;
    // An empty line after a paste is the return key behind its last line break.
    if (line !== '' || !this.#pastedLast) this.#begun.push(goesOn ? line.slice(0, -1) : line);
    return !pasted && !goesOn && !this.#inBlock;
  }

  #finish(): void {
    const text = this.#begun.join('\n');
    const typedAlone = !text.includes('\n') && !this.#block;
    this.#forget();
    if (text.trim() !== '' && text !== this.#messages[0]) this.#messages.unshift(text);
    this.#history.splice(0, this.#history.length, ...this.#messages.slice(0, MAX_HISTORY));
    const message = { text, typedAlone };
    if (this.#waiting) this.#waiting(message);
    else this.#ready.push(message);
    this.#waiting = null;
  }

  #forget(): void {
    this.#begun = [];
    this.#inBlock = false;
    this.#block = false;
    this.#pastedLast = false;
  }

  #end(terminal: boolean): void {
    this.#closed = true;
    process.stderr.off('resize', this.#onResize);
    this.#paste?.close();
    // The shell's prompt, or a last notice, begins on a line of its own.
    if (terminal && this.#waiting) process.stderr.write('\n');
    if (this.#begun.length > 0) this.#finish();
    this.#waiting?.(null);
    this.#waiting = null;
  }

  /** Throws away a half-typed message with its earlier lines. False where nothing was typed. */
  discard(): boolean {
    const something = this.#inBlock || this.#begun.length > 0 || this.#lines.line !== '';
    this.#forget();
    // Presses Ctrl-E and Ctrl-U as a user would: the interface has no other way.
    this.#lines.write(null, { ctrl: true, name: 'e' });
    this.#lines.write(null, { ctrl: true, name: 'u' });
    return something;
  }

  /** Shows the prompt again after something was written over it. */
  promptAgain(): void {
    this.#lines.setPrompt(PROMPT);
    this.#lines.prompt(true);
  }

  close(): void {
    this.#lines.close();
  }

  #showPrompt(): void {
    if (!this.#waiting || !this.#lines.terminal) return;
    this.#lines.setPrompt(this.#inBlock || this.#begun.length > 0 ? CONTINUED : PROMPT);
    this.#lines.prompt();
  }
}
