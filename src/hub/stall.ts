import { FlashrowError } from '../errors.js';

/**
 * Watches over one connection: `signal` ends it once nothing came for `ms`, or where the caller's own signal says so.
 */
export class Stall {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #what: string;
  readonly #ms: number;
  #timer: NodeJS.Timeout;

  constructor(what: string, ms: number, signal: AbortSignal | undefined) {
    this.#what = what;
    this.#ms = ms;
    this.signal = AbortSignal.any([this.#controller.signal, ...(signal ? [signal] : [])]);
    this.#timer = this.#start();
  }

  /** Something came. */
  touch(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #start(): NodeJS.Timeout {
    return setTimeout(() => {
      const message = `${this.#what}: nothing came for ${this.#ms / 1000} s`;
      this.#controller.abort(new FlashrowError('IO', message, { what: this.#what, retry: true }));
    }, this.#ms);
  }
}
