import { AsyncResource } from 'node:async_hooks';
import {
  type ArgumentsOf,
  type EventOf,
  FLAG_COUNT,
  FLAGS,
  type Methods,
  type ResultOf,
} from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import { onAbort, orAborted } from './abort-listeners.js';
import { ActivityFeed } from './activity/feed.js';
import { restAtExit } from './at-exit.js';
import { atCallSite, type CallSite, callSite } from './caller-stack.js';
import { Queue, type Ticket } from './queue.js';
import { WorkerThread } from './worker-thread.js';

/** ms that the end of the process may wait for a running call. A layer of a large prompt takes a second. */
const REST_MS = 5000;

export interface CallOptions<Name extends keyof Methods> {
  /** Whether others of its kind may run at the same time; default false. */
  beside?: boolean;
  /** Ends the call; the promise then rejects with `signal.reason`. */
  signal?: AbortSignal | undefined;
  /** Ends the call early, with what there is. Where its turn has not come the promise rejects with `leave.reason`. */
  leave?: AbortSignal;
  /** Is given the call's place in the queue. */
  onTicket?: (ticket: Ticket) => void;
  /** Called when the call's turn has come; may change the arguments. */
  onTurn?: (args: ArgumentsOf<Methods, Name>) => Promise<ArgumentsOf<Methods, Name>>;
  onEvent?: ((event: EventOf<Methods, Name>) => void) | undefined;
}

/** The caller's end of the engine's thread. Calls wait in a queue, and run one at a time or several at once. */
export class WorkerChannel {
  /** What the engine does, for all who look. */
  readonly activity = new ActivityFeed();
  readonly #flags = new Int32Array(new SharedArrayBuffer(4 * FLAG_COUNT));
  readonly #thread = new WorkerThread<Methods>("the engine's thread", {
    takes: 'engine',
    flags: this.#flags.buffer as SharedArrayBuffer,
    watchers: this.activity.watchers,
  });
  readonly #queue: Queue;
  readonly #forgetExit = restAtExit(() => this.#rest());
  /** The numbers of the running calls, by the place of the flag that ends each. */
  readonly #running = new Map<number, number>();
  #refuses = false;
  #disposed = false;
  #disposal: Promise<void> | null = null;

  /** `maxQueue`: calls that may wait. */
  constructor(maxQueue = Number.POSITIVE_INFINITY) {
    this.#queue = new Queue(1, maxQueue);
    this.#thread.onActivity = (sample) => this.activity.receive(sample);
    // There is nothing left to wait for when the process ends.
    this.#thread.ended.then(this.#forgetExit);
  }

  /** How many of the calls that may run beside others run at once; 1 at first. */
  set places(places: number) {
    this.#queue.places = places;
  }

  /** Calls that wait for their turn. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Resolves when the thread ends, with what ended it. */
  get ended(): Promise<FlashrowError> {
    return this.#thread.ended;
  }

  /**
   * Queues a call, whose arguments may still be in the making. Rejects with a FlashrowError, or with `signal.reason`;
   * at once where the arguments reject.
   */
  async call<Name extends keyof Methods>(
    method: Name,
    args: ArgumentsOf<Methods, Name> | Promise<ArgumentsOf<Methods, Name>>,
    options: CallOptions<Name> = {},
  ): Promise<ResultOf<Methods, Name>> {
    const { signal, leave, onTicket, onTurn, beside = false } = options;
    const site = callSite(this.call);
    // They may fail after the call has failed by itself.
    Promise.resolve(args).catch(() => {});
    // Made here, where the caller's context is: its AsyncLocalStorage holds in the callback.
    const onEvent = options.onEvent && AsyncResource.bind(options.onEvent);
    signal?.throwIfAborted();
    if (this.#refuses) throw disposedError(site);
    const ticket = this.#queue.join(!beside);
    try {
      onTicket?.(ticket);
      const ready = Promise.all([args, ticket.turn]).then(([given]) => onTurn?.(given) ?? given);
      const settled = await orAborted(orAborted(ready, signal), leave);
      if (this.#disposed) throw disposedError(site);
      return await this.#run(method, settled, { ...options, onEvent }, site);
    } catch (error) {
      signal?.throwIfAborted();
      throw this.#disposed ? disposedError(site) : error;
    } finally {
      ticket.leave();
    }
  }

  /**
   * Lets the worker free everything, and ends it. What runs and what waits ends with ABORTED, or is done first with
   * `drain`. Later calls are refused.
   */
  dispose(drain = false): Promise<void> {
    this.#refuses = true;
    if (!drain) {
      this.#disposed = true;
      this.#queue.close(new FlashrowError('ABORTED', 'the model has been disposed'));
      for (const place of this.#running.keys()) this.#abort(place);
    }
    this.#disposal ??= this.#end();
    return this.#disposal;
  }

  async #end(): Promise<void> {
    await this.#queue.empty();
    await this.#thread.send('close', {}).catch(() => undefined);
    await this.#thread.terminate();
  }

  /**
   * Called where the process ends. A thread that is stopped inside native code may abort the process, so the running
   * calls first come to their next layer.
   */
  #rest(): void {
    for (const place of this.#running.keys()) Atomics.store(this.#flags, place, 1);
    const until = Date.now() + REST_MS;
    for (let busy = 1; busy > 0 && Date.now() < until; ) {
      busy = Atomics.load(this.#flags, FLAGS.busy);
      if (busy > 0) Atomics.wait(this.#flags, FLAGS.busy, busy, Math.max(0, until - Date.now()));
    }
  }

  /** Asks a running call to end, which it does at the next layer. */
  #abort(place: number): void {
    Atomics.store(this.#flags, place, 1);
    this.#thread.post({ abort: this.#running.get(place)! });
  }

  /** A flag that no running call has. */
  #freeFlag(): number {
    let place: number = FLAGS.aborts;
    while (this.#running.has(place)) place++;
    return place;
  }

  async #run<Name extends keyof Methods>(
    method: Name,
    args: ArgumentsOf<Methods, Name>,
    { signal, leave, onEvent }: CallOptions<Name>,
    site: CallSite,
  ): Promise<ResultOf<Methods, Name>> {
    const flag = this.#freeFlag();
    const stop = () => this.#abort(flag);
    this.#running.set(flag, this.#thread.nextId);
    Atomics.store(this.#flags, flag, 0);
    const call = this.#thread.send(method, args, { site, flag, onEvent, onFailure: stop });
    const forget = [signal, leave].map((ending) => ending && onAbort(ending, stop));
    try {
      const result = await call;
      signal?.throwIfAborted();
      if (this.#disposed) throw disposedError(site);
      return result;
    } finally {
      this.#running.delete(flag);
      for (const each of forget) each?.();
    }
  }
}

const disposedError = (site: CallSite) => atCallSite(new FlashrowError('ABORTED', 'the model has been disposed'), site);
