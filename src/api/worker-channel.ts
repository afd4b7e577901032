import { Worker } from 'node:worker_threads';
import { fromShape } from '../contract/failure.js';
import { FLAGS, type Method, type Methods, type Reply, type Request, type WorkerStart } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import { restAtExit } from './at-exit.js';

/** ms that the end of the process may wait for a running call. A layer of a large prompt takes a second. */
const REST_MS = 5000;

interface Pending {
  resolve: (result: never) => void;
  reject: (error: unknown) => void;
  onEvent?: (event: never) => void;
  /** The error that a callback threw. */
  failure?: { error: unknown };
}

export interface CallOptions<M extends Method> {
  /** Ends the call; the promise then rejects with `signal.reason`. */
  signal?: AbortSignal;
  /** Ends the call early, with what there is. */
  leave?: AbortSignal;
  onEvent?: (event: Methods[M]['event']) => void;
}

/** The caller's end of a worker. Calls wait in a queue and run one at a time. */
export class WorkerChannel {
  readonly #worker: Worker;
  readonly #flags = new Int32Array(new SharedArrayBuffer(8));
  readonly #forgetExit = restAtExit(() => this.#rest());
  readonly #pending = new Map<number, Pending>();
  #queue: Promise<unknown> = Promise.resolve();
  #nextId = 1;
  #running = 0;
  #ended: FlashrowError | null = null;

  constructor() {
    const start: WorkerStart = { flags: this.#flags.buffer as SharedArrayBuffer };
    // Node's flags for the app are not for this thread: with --input-type it would not even start.
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: start, execArgv: [] });
    this.#worker.on('message', (reply: Reply) => this.#receive(reply));
    this.#worker.on('error', (error) =>
      this.#fail(new FlashrowError('IO', `the engine's thread failed: ${error.message}`, {}, { cause: error })),
    );
    this.#worker.on('exit', () => {
      // There is nothing left to wait for when the process ends.
      this.#forgetExit();
      this.#fail(new FlashrowError('IO', "the engine's thread has ended"));
    });
    // A model that nobody waits for must not keep the process alive.
    this.#worker.unref();
  }

  /** Queues a call. Rejects with a FlashrowError, or with `signal.reason`. */
  call<M extends Method>(
    method: M,
    args: Methods[M]['args'],
    options: CallOptions<M> = {},
  ): Promise<Methods[M]['result']> {
    const { signal } = options;
    let begun = false;
    const run = this.#queue.then(() => {
      begun = true;
      return this.#run(method, args, options);
    });
    this.#queue = run.catch(() => undefined);
    if (!signal) return run;
    // A call that still waits for its turn is rejected at once.
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        if (!begun) reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort);
      run.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
      if (signal.aborted) onAbort();
    });
  }

  /** Ends what runs and what waits with ABORTED, lets the worker free everything, and ends it. */
  async dispose(): Promise<void> {
    this.#ended ??= new FlashrowError('ABORTED', 'the model has been disposed');
    this.#abortRunning();
    await this.#queue;
    await this.#send('close', {}).catch(() => undefined);
    await this.#worker.terminate();
  }

  /**
   * Called where the process ends. A thread that is stopped inside ONNX Runtime would abort the process, so the running
   * call first comes to its next layer.
   */
  #rest(): void {
    Atomics.store(this.#flags, FLAGS.abort, 1);
    Atomics.wait(this.#flags, FLAGS.busy, 1, REST_MS);
  }

  /** Asks the running call to end, which it does at the next layer. */
  #abortRunning(): void {
    if (this.#running === 0) return;
    Atomics.store(this.#flags, FLAGS.abort, 1);
    this.#worker.postMessage({ abort: this.#running } satisfies Request);
  }

  async #run<M extends Method>(
    method: M,
    args: Methods[M]['args'],
    options: CallOptions<M>,
  ): Promise<Methods[M]['result']> {
    const { signal, leave } = options;
    signal?.throwIfAborted();
    if (this.#ended) throw this.#ended;
    const stop = () => this.#abortRunning();
    signal?.addEventListener('abort', stop);
    leave?.addEventListener('abort', stop);
    try {
      const call = this.#send(method, args, options.onEvent);
      if (leave?.aborted) stop();
      const result = await call;
      signal?.throwIfAborted();
      if (this.#ended) throw this.#ended;
      return result;
    } catch (error) {
      signal?.throwIfAborted();
      throw this.#ended ?? error;
    } finally {
      signal?.removeEventListener('abort', stop);
      leave?.removeEventListener('abort', stop);
    }
  }

  #send<M extends Method>(
    method: M,
    args: Methods[M]['args'],
    onEvent?: (event: Methods[M]['event']) => void,
  ): Promise<Methods[M]['result']> {
    const id = this.#nextId++;
    this.#running = id;
    this.#worker.ref();
    Atomics.store(this.#flags, FLAGS.abort, 0);
    return new Promise<Methods[M]['result']>((resolve, reject) => {
      this.#post({ id, method, args } as Request);
      this.#pending.set(id, { resolve, reject, onEvent });
    }).finally(() => {
      this.#running = 0;
      this.#worker.unref();
    });
  }

  #post(request: Request): void {
    try {
      this.#worker.postMessage(request);
    } catch (cause) {
      throw new FlashrowError(
        'BAD_USAGE',
        `options and prompts are plain data: ${(cause as Error).message}`,
        {},
        { cause },
      );
    }
  }

  #receive(reply: Reply): void {
    const call = this.#pending.get(reply.id);
    if (!call) return;
    if ('event' in reply) {
      this.#tell(call, reply.event);
      return;
    }
    this.#pending.delete(reply.id);
    if (call.failure) call.reject(call.failure.error);
    else if ('error' in reply) call.reject(fromShape(reply.error));
    else call.resolve(reply.result as never);
  }

  /** Calls the callback. One that throws ends its own call, and nothing else. */
  #tell(call: Pending, event: unknown): void {
    try {
      call.onEvent?.(event as never);
    } catch (error) {
      call.onEvent = undefined;
      call.failure = { error };
      this.#abortRunning();
    }
  }

  #fail(error: FlashrowError): void {
    this.#ended ??= error;
    for (const call of this.#pending.values()) call.reject(this.#ended);
    this.#pending.clear();
  }
}
