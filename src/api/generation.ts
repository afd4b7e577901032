import type { Generation, GenerationResult } from '../contract/generation.js';
import type { Piece } from '../contract/piece.js';
import { onAbort } from './abort-listeners.js';
import { Pieces } from './pieces.js';
import type { Ticket } from './queue.js';

/** What ended a generation from outside, and the option or the act that did it. */
export class Leaving {
  readonly #controller = new AbortController();
  /** Null while nothing has. */
  by: 'signal' | 'loop' | null = null;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  leave(by: 'signal' | 'loop'): void {
    this.by ??= by;
    this.#controller.abort(this);
  }
}

/** What the caller's side of a generation has to know, and what it has to say. */
export interface Follow {
  leaving: Leaving;
  onPiece: (piece: Piece) => void;
  onTicket: (ticket: Ticket) => void;
}

/** A generation, from the caller's side. */
export class WorkerGeneration implements Generation {
  readonly result: Promise<GenerationResult>;
  readonly #pieces = new Pieces();
  readonly #leaving = new Leaving();
  readonly #signal: AbortSignal | undefined;
  #ticket: Ticket | null = null;

  constructor(signal: AbortSignal | undefined, begin: (follow: Follow) => Promise<GenerationResult>) {
    this.#signal = signal;
    const forget = signal && onAbort(signal, () => this.#abort(signal));
    this.result = this.#follow(begin).finally(() => forget?.());
    this.result.then(
      () => this.#pieces.close({}),
      (error) => this.#pieces.close({ error }),
    );
  }

  async #follow(begin: (follow: Follow) => Promise<GenerationResult>): Promise<GenerationResult> {
    const result = await begin({
      leaving: this.#leaving,
      onPiece: (piece) => this.#pieces.push(piece),
      onTicket: (ticket) => {
        this.#ticket = ticket;
      },
    });
    // The engine does not know who ended it.
    return result.finishReason === 'abort' ? { ...result, endedBy: this.#leaving.by ?? 'signal' } : result;
  }

  get place(): number {
    return this.#ticket?.place ?? 0;
  }

  async text(): Promise<string> {
    const { text } = await this.result;
    if (this.#leaving.by === 'signal') throw this.#signal!.reason;
    return text;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Piece> {
    // To leave the loop is no failure: the generation ends early, and its result says so.
    return this.#pieces.read(() => this.#leaving.leave('loop'));
  }

  #abort(signal: AbortSignal): void {
    this.#pieces.close({ error: signal.reason });
    this.#leaving.leave('signal');
  }
}
