import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type ResourceLimits, Worker } from 'node:worker_threads';
import type { ActivitySample } from '../contract/activity.js';
import { fromShape } from '../contract/failure.js';
import type { ArgumentsOf, EventOf, MethodMap, Reply, Request, ResultOf, WorkerStart } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import { atCallSite, type CallSite, callSite } from './caller-stack.js';
import { warnOfSlowKernels } from './slow-kernels.js';

interface Pending {
  site: CallSite;
  resolve: (result: never) => void;
  reject: (error: unknown) => void;
  onEvent?: (event: never) => void;
  onFailure?: () => void;
  /** The error that `onEvent` threw. */
  failure?: { error: unknown };
}

/** What follows a call. */
export interface SendOptions<Event> {
  /** Where the app made the call; default where `send` is called. */
  site?: CallSite;
  /** The place of the flag that ends it, for the engine's thread. */
  flag?: number;
  onEvent?: (event: Event) => void;
  /** Told when `onEvent` has thrown. The call then rejects with that error, and nothing else is the worse for it. */
  onFailure?: () => void;
}

/** A worker thread, and the calls that it has not answered yet. */
export class WorkerThread<M extends MethodMap> {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  /** Is told what belongs to no call. */
  onActivity: ((sample: ActivitySample) => void) | null = null;
  #nextId = 1;
  #ending = false;
  /** Why there are no more answers. */
  #end: { message: string; cause?: unknown } | null = null;
  /** Resolves when the thread ends, with what ended it. */
  readonly ended: Promise<FlashrowError>;

  /** `name` is what messages call the thread, `limits` those of its heap. */
  constructor(name: string, start: WorkerStart, limits: ResourceLimits = {}) {
    this.#worker = startWorker(name, start, limits);
    this.#worker.on('message', (reply: Reply) => this.#receive(reply));
    this.ended = new Promise((resolve) => {
      this.#worker.on('error', (cause) => resolve(this.#fail({ message: failureOf(name, cause), cause })));
      this.#worker.on('exit', () => resolve(this.#fail({ message: `${name} has ended` })));
    });
    // A model that nobody waits for must not keep the process alive.
    this.#worker.unref();
  }

  /** The number of the call that `send` makes next. */
  get nextId(): number {
    return this.#nextId;
  }

  /** Makes a call. Rejects with a FlashrowError. */
  send<Name extends keyof M>(
    method: Name,
    args: ArgumentsOf<M, Name>,
    { site = callSite(this.send), flag, onEvent, onFailure }: SendOptions<EventOf<M, Name>> = {},
  ): Promise<ResultOf<M, Name>> {
    if (this.#end) return Promise.reject(atCallSite(this.#endError(), site));
    const id = this.#nextId++;
    return new Promise<ResultOf<M, Name>>((resolve, reject) => {
      this.post({ id, method, args, flag } as unknown as Request);
      this.#pending.set(id, { site, resolve, reject, onEvent, onFailure });
      this.#worker.ref();
    });
  }

  /** Sends a message. Throws BAD_USAGE where it holds what cannot cross to another thread. */
  post(request: Request): void {
    try {
      this.#worker.postMessage(request);
    } catch (cause) {
      throw new FlashrowError(
        'BAD_USAGE',
        `options, messages and prompts are plain data: ${(cause as Error).message}`,
        {},
        { cause },
      );
    }
  }

  /** Ends the thread. The process waits for that: an answer on its way must not let it go before. */
  async terminate(): Promise<void> {
    this.#ending = true;
    await this.#worker.terminate();
  }

  #receive(reply: Reply): void {
    if ('slowKernels' in reply) {
      warnOfSlowKernels(reply.slowKernels);
      return;
    }
    if ('activity' in reply) {
      this.onActivity?.(reply.activity);
      return;
    }
    if ('warning' in reply) {
      process.emitWarning(reply.warning, { type: 'FlashrowWarning' });
      return;
    }
    const call = this.#pending.get(reply.id);
    if (!call) return;
    if ('event' in reply) {
      tell(call, reply.event);
      return;
    }
    this.#forget(reply.id);
    if (call.failure) call.reject(call.failure.error);
    else if ('error' in reply) call.reject(atCallSite(fromShape(reply.error), call.site));
    else call.resolve(reply.result as never);
  }

  #forget(id: number): void {
    this.#pending.delete(id);
    if (this.#pending.size === 0 && !this.#ending) this.#worker.unref();
  }

  #fail(end: { message: string; cause?: unknown }): FlashrowError {
    this.#end ??= end;
    for (const [id, call] of this.#pending) {
      this.#forget(id);
      call.reject(atCallSite(this.#endError(), call.site));
    }
    return this.#endError();
  }

  #endError(): FlashrowError {
    const { message, cause } = this.#end!;
    return new FlashrowError('IO', message, {}, { cause });
  }
}

/** What helps where a bundler has taken the package apart. */
const BUNDLED =
  'if the app is bundled, keep flashrow external, or give its worker an entry point of its own (docs/bundlers.md of flashrow tells how)';

/**
 * Where a thread begins: in what the build makes of its modules, a few files in place of 300, or beside this module, as
 * in a bundle of an app.
 */
function workerEntry(): URL {
  const whole = join(dirname(fileURLToPath(import.meta.url)), '../../threads/worker.mjs');
  return existsSync(whole) ? pathToFileURL(whole) : new URL('./worker.js', import.meta.url);
}

function startWorker(name: string, start: WorkerStart, resourceLimits: ResourceLimits): Worker {
  try {
    // Node's flags for the app are not for this thread: with --input-type it would not even start.
    return new Worker(workerEntry(), { workerData: start, execArgv: [], resourceLimits });
  } catch (cause) {
    // A bundle in the format of CommonJS has no import.meta.url.
    throw new FlashrowError('IO', `${name} cannot start: ${(cause as Error).message}; ${BUNDLED}`, {}, { cause });
  }
}

function failureOf(name: string, cause: Error & { code?: string }): string {
  const isMissing = cause.code === 'MODULE_NOT_FOUND' || cause.code === 'ERR_MODULE_NOT_FOUND';
  return isMissing ? `${name} cannot start: ${cause.message}; ${BUNDLED}` : `${name} failed: ${cause.message}`;
}

/** Calls the callback. */
function tell(call: Pending, event: unknown): void {
  if (call.failure) return;
  try {
    call.onEvent?.(event as never);
  } catch (error) {
    call.failure = { error };
    call.onFailure?.();
  }
}
