import type { Key } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';

/**
 * Modes of xterm and its likes: with 2004 set, the terminal puts ESC [200~ before what is pasted, and ESC [201~ after.
 */
const ASK = '\x1b[?2004h';
const LEAVE = '\x1b[?2004l';

/**
 * Tells what is pasted from what is typed. Asks the terminal to mark it, and takes that back at the end, also where the
 * program ends without `close`.
 */
export class BracketedPaste {
  /** Whether the keys that arrive are those of a paste. */
  active = false;
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #onKey = (_text: string | undefined, { name }: Key) => {
    if (name === 'paste-start') this.active = true;
    if (name === 'paste-end') this.active = false;
  };
  /** Writes to a terminal are synchronous, so this reaches it in the last moment. */
  readonly #leave = () => this.#output.write(LEAVE);

  /** `input` emits its keys already, as it does for a readline interface. */
  constructor(input: ReadStream, output: WriteStream) {
    this.#input = input;
    this.#output = output;
    input.on('keypress', this.#onKey);
    process.once('exit', this.#leave);
    this.ask();
  }

  /** Asks again: whoever had the terminal meanwhile may have changed its mode. */
  ask(): void {
    this.#output.write(ASK);
  }

  close(): void {
    this.#input.off('keypress', this.#onKey);
    process.off('exit', this.#leave);
    this.#leave();
  }
}
