import { ServerError } from './failures.js';

interface Waiting {
  client: string;
  begin: () => void;
}

/**
 * Requests wait here for one of `places`. Clients take turns: one that sent many waits for its own, and not the others
 * for them.
 */
export class FairQueue {
  readonly #places: number;
  readonly #limit: number;
  /** By client, the one whose turn is next first. */
  readonly #lines = new Map<string, Waiting[]>();
  #running = 0;
  #waiting = 0;

  constructor(places: number, limit: number) {
    this.#places = places;
    this.#limit = limit;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Joins the queue. `leave` passes the turn on. Throws 429 where the queue is full. */
  join(client: string): { turn: Promise<void>; leave: () => void } {
    if (this.#running < this.#places) {
      this.#running++;
      return { turn: Promise.resolve(), leave: this.#leaving(null) };
    }
    if (this.#waiting >= this.#limit)
      throw new ServerError(429, `${this.#waiting} requests wait for this model already; try again later`, {
        type: 'rate_limit_error',
        code: 'queue_full',
        headers: { 'retry-after': '2' },
      });
    let waiting!: Waiting;
    const turn = new Promise<void>((begin) => {
      waiting = { client, begin };
    });
    this.#waiting++;
    const line = this.#lines.get(client);
    if (line) line.push(waiting);
    else this.#lines.set(client, [waiting]);
    return { turn, leave: this.#leaving(waiting) };
  }

  /** A place that is free, and that nobody waits for, as what gives it back; null where there is none. */
  takeFree(): (() => void) | null {
    if (this.#running >= this.#places) return null;
    this.#running++;
    return this.#leaving(null);
  }

  #leaving(waiting: Waiting | null): () => void {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      if (waiting && this.#remove(waiting)) return;
      this.#running--;
      this.#next();
    };
  }

  /** False where its turn has come already. */
  #remove(waiting: Waiting): boolean {
    const line = this.#lines.get(waiting.client) ?? [];
    const at = line.indexOf(waiting);
    if (at < 0) return false;
    line.splice(at, 1);
    if (line.length === 0) this.#lines.delete(waiting.client);
    this.#waiting--;
    return true;
  }

  #next(): void {
    const [next] = this.#lines;
    if (!next) return;
    const [client, line] = next;
    const waiting = line.shift()!;
    // The client goes to the end of the round.
    this.#lines.delete(client);
    if (line.length > 0) this.#lines.set(client, line);
    this.#waiting--;
    this.#running++;
    waiting.begin();
  }
}
