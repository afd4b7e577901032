import { createInterface, type Interface } from 'node:readline';

const PROMPT = '> ';
const CONTINUED = '. ';
const BLOCK = '"""';

/** `typedAlone`: the message was one line, so it can be a command. A block, or a line that goes on, cannot. */
export interface TypedMessage {
  text: string;
  typedAlone: boolean;
}

/**
 * Messages from the terminal, with history and editing, or from a pipe. A line that ends in a backslash goes on in the
 * next one. Everything between two lines of `"""` is one message.
 */
export class ChatInput {
  readonly #lines: Interface;
  readonly #ready: string[] = [];
  /** The lines so far of the message that is being typed, and whether it is a block. */
  #begun: string[] = [];
  #inBlock = false;
  #waiting: ((line: string | null) => void) | null = null;
  #closed = false;

  /** `onInterrupt` is called for Ctrl-C, which a terminal in raw mode hands over as a key. */
  constructor(onInterrupt: () => void) {
    const terminal = process.stdin.isTTY === true && process.stderr.isTTY === true;
    // Stdout is kept for the answers.
    this.#lines = createInterface({ input: process.stdin, output: terminal ? process.stderr : undefined, terminal });
    this.#lines.on('line', (line) => {
      if (this.#waiting) this.#waiting(line);
      else this.#ready.push(line);
      this.#waiting = null;
    });
    this.#lines.on('close', () => {
      this.#closed = true;
      // The shell's prompt, or a last notice, begins on a line of its own.
      if (terminal && this.#waiting) process.stderr.write('\n');
      this.#waiting?.(null);
    });
    this.#lines.on('SIGINT', onInterrupt);
  }

  /** The next message; null at the end of the input. */
  async next(): Promise<TypedMessage | null> {
    for (;;) {
      const line = await this.#line(this.#hasBegun ? CONTINUED : PROMPT);
      if (line === null) return this.#begun.length > 0 ? this.#finish(false) : null;
      if (line.trim() === BLOCK) {
        if (this.#inBlock) return this.#finish(false);
        this.#inBlock = true;
      } else if (!this.#inBlock && line.endsWith('\\')) {
        this.#begun.push(line.slice(0, -1));
      } else {
        this.#begun.push(line);
        if (!this.#inBlock) return this.#finish(this.#begun.length === 1);
      }
    }
  }

  get #hasBegun(): boolean {
    return this.#inBlock || this.#begun.length > 0;
  }

  #finish(typedAlone: boolean): TypedMessage {
    const text = this.#begun.join('\n');
    this.#begun = [];
    this.#inBlock = false;
    return { text, typedAlone };
  }

  /** Throws away a half-typed message with its earlier lines. False where nothing was typed. */
  discard(): boolean {
    const something = this.#hasBegun || this.#lines.line !== '';
    this.#finish(false);
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

  #line(prompt: string): Promise<string | null> {
    const ready = this.#ready.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#closed) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#waiting = resolve;
      if (!this.#lines.terminal) return;
      this.#lines.setPrompt(prompt);
      this.#lines.prompt();
    });
  }
}
