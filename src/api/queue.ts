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
  /** Whether nothing else may run meanwhile. */
  alone: boolean;
  begin: () => void;
  fail: (error: unknown) => void;
}

/**
 * Calls wait here for one of `places`, or for all of them; the first to come is the first to go, so that nobody passes
 * a call that waits for all.
 */
export class Queue {
  /** Calls that may run at once. More may be added at any time. */
  places: number;
  readonly #limit: number;
  readonly #waiting: Entry[] = [];
  #running = 0;
  /** Whether the one that runs does so alone. */
  #isAlone = false;
  readonly #whenEmpty: (() => void)[] = [];

  constructor(places: number, limit: number) {
    this.places = places;
    this.#limit = limit;
  }

  /** Calls that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Joins the queue; `alone` waits until nothing runs, and has nothing run beside it. Throws BUSY where `limit` calls
   * wait already.
   */
  join(alone = false): Ticket {
    const waiting = this.#waiting.length;
    const { promise, entry } = newEntry(alone);
    const mayBegin = waiting === 0 && this.#admits(entry);
    if (!mayBegin && waiting >= this.#limit)
      throw new FlashrowError(
        'BUSY',
        `as many calls wait for their turn as \`maxQueue\` allows, which is ${this.#limit}; call again later`,
        { waiting },
      );
    if (mayBegin) this.#begin(entry);
    else this.#waiting.push(entry);
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

  #admits({ alone }: Entry): boolean {
    return alone ? this.#running === 0 : this.#running < this.places && !this.#isAlone;
  }

  #begin(entry: Entry): void {
    this.#running++;
    this.#isAlone = entry.alone;
    entry.begin();
  }

  #leave(entry: Entry): void {
    const at = this.#waiting.indexOf(entry);
    if (at >= 0) this.#waiting.splice(at, 1);
    else {
      this.#running--;
      this.#isAlone = false;
    }
    while (this.#waiting.length > 0 && this.#admits(this.#waiting[0])) this.#begin(this.#waiting.shift()!);
    if (this.#running === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }
}

function newEntry(alone: boolean): { promise: Promise<void>; entry: Entry } {
  let entry!: Entry;
  const promise = new Promise<void>((begin, fail) => {
    entry = { alone, begin, fail };
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
