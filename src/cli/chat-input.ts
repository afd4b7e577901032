import { createInterface, type Interface } from 'node:readline';

const PROMPT = '> ';
const CONTINUED = '. ';
const BLOCK = '"""';

/**
 * Messages from the terminal, with history and editing, or from a pipe. A line that ends in a backslash goes on in the next one, and so
 * does all between lines of `"""`.
 */
export class ChatInput {
  private readonly lines: Interface;
  private readonly ready: string[] = [];
  private waiting: ((line: string | null) => void) | null = null;
  private closed = false;

  /** `onInterrupt`: Ctrl-C, which a terminal in raw mode hands over as a key. */
  constructor(onInterrupt: () => void) {
    const terminal = process.stdin.isTTY === true && process.stderr.isTTY === true;
    // Stdout is the answers alone.
    this.lines = createInterface({ input: process.stdin, output: terminal ? process.stderr : undefined, terminal });
    this.lines.on('line', (line) => {
      if (this.waiting) this.waiting(line);
      else this.ready.push(line);
      this.waiting = null;
    });
    this.lines.on('close', () => {
      this.closed = true;
      this.waiting?.(null);
    });
    this.lines.on('SIGINT', onInterrupt);
  }

  /** The next message; null at the end of the input. */
  async next(): Promise<string | null> {
    const message: string[] = [];
    let inBlock = false;
    for (;;) {
      const line = await this.line(message.length === 0 && !inBlock ? PROMPT : CONTINUED);
      if (line === null) return message.length > 0 ? message.join('\n') : null;
      if (line.trim() === BLOCK) {
        if (inBlock) return message.join('\n');
        inBlock = true;
      } else if (!inBlock && line.endsWith('\\')) {
        message.push(line.slice(0, -1));
      } else {
        message.push(line);
        if (!inBlock) return message.join('\n');
      }
    }
  }

  /** Throws away what has been typed of a line. */
  discardLine(): void {
    // Ctrl-U and Ctrl-K, as a user would: the interface has no other way.
    this.lines.write(null, { ctrl: true, name: 'e' });
    this.lines.write(null, { ctrl: true, name: 'u' });
  }

  /** Shows the prompt again after something was written over it. */
  promptAgain(): void {
    this.lines.prompt(true);
  }

  close(): void {
    this.lines.close();
  }

  private line(prompt: string): Promise<string | null> {
    const ready = this.ready.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.closed) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.waiting = resolve;
      if (!this.lines.terminal) return;
      this.lines.setPrompt(prompt);
      this.lines.prompt();
    });
  }
}
