import { FlashrowError } from '../errors.js';

/** A call's place in the queue. */
export interface Ticket {
  /** Resolves when its turn has come. Rejects where the queue is closed first. */
  readonly turn: Promise<void>;
  /** Calls that are before it; 0 once its turn has come. */
  readonly place: number;
  /** Passes the turn on, or leaves the queue before it has come. */
  leave(): void;
}

interface Entry {
  begin: () => void;
  fail: (error: unknown) => void;
}

/** Calls wait here for one of `places`; the first to come is the first to go. */
export class Queue {
  readonly #places: number;
  readonly #limit: number;
  readonly #waiting: Entry[] = [];
  #running = 0;
  readonly #whenEmpty: (() => void)[] = [];

  constructor(places: number, limit: number) {
    this.#places = places;
    this.#limit = limit;
  }

  /** Calls that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Joins the queue. Throws BUSY where `limit` calls wait already. */
  join(): Ticket {
    const waiting = this.#waiting.length;
    if (this.#running === this.#places && waiting >= this.#limit)
      throw new FlashrowError(
        'BUSY',
        `as many calls wait for their turn as \`maxQueue\` allows, which is ${this.#limit}; call again later`,
        { waiting },
      );
    const { promise, entry } = newEntry();
    if (this.#running < this.#places) {
      this.#running++;
      entry.begin();
    } else {
      this.#waiting.push(entry);
    }
    const place = () => this.#placeOf(entry);
    return {
      turn: promise,
      get place() {
        return place();
      },
      leave: once(() => this.#leave(entry)),
    };
  }

  /** Resolves once nobody runs and nobody waits. */
  async empty(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  /** Rejects the turn of everybody who waits. */
  close(error: unknown): void {
    for (const { fail } of this.#waiting) fail(error);
  }

  #placeOf(entry: Entry): number {
    const at = this.#waiting.indexOf(entry);
    return at < 0 ? 0 : this.#running + at;
  }

  #leave(entry: Entry): void {
    const at = this.#waiting.indexOf(entry);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
      return;
    }
    const next = this.#waiting.shift();
    if (next) next.begin();
    else this.#running--;
    if (this.#running === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }
}

function newEntry(): { promise: Promise<void>; entry: Entry } {
  let entry!: Entry;
  const promise = new Promise<void>((begin, fail) => {
    entry = { begin, fail };
  });
  // Who has left waits for its turn no longer.
  promise.catch(() => {});
  return { promise, entry };
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}
