import { textGoesOn } from '../output/output.js';
import { writeAnswer } from '../output/write-answer.js';
import type { ShowAnswer } from './chat-session.js';

/** Writes answers to stdout as they come, and stops them. */
export class AnswerDisplay {
  readonly #quiet: boolean;
  #abort = new AbortController();

  /** `quiet`: nothing is written, as everything comes in JSON at the end. */
  constructor(quiet: boolean) {
    this.#quiet = quiet;
  }

  /** Comes before each answer: what stopped the one before does not stop this one. */
  begin(): void {
    this.#abort = new AbortController();
  }

  /** Stops the answer that was begun, also where it has not come to its first token, or to its prompt. */
  stop(): void {
    this.#abort.abort();
  }

  readonly show: ShowAnswer = (begin) => writeAnswer(begin, { quiet: this.#quiet, signal: this.#abort.signal });

  /** Ends the line of an answer. */
  end(): void {
    if (this.#quiet) return;
    process.stdout.write('\n');
    textGoesOn('\n');
  }
}
