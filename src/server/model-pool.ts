import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlashrowError, loadModel, type Model, planModel, type Source } from '../index.js';
import { ServerError } from './failures.js';
import { FairQueue } from './fair-queue.js';
import type { ServedModel, ServerOptions } from './options.js';

/** A model of the server, loaded or not. */
export interface PooledModel {
  readonly name: string;
  readonly source: Source;
  readonly options: NonNullable<ServedModel['options']>;
  /** Undefined for the model's own. */
  readonly template: string | undefined;
  /** Tokens of reasoning at most where a request names no limit; undefined for no limit. */
  readonly maxReasoningTokens: number | undefined;
  readonly queue: FairQueue;
  /** Null while it is not loaded. */
  model: Model | null;
}

interface Entry extends PooledModel {
  loading: Promise<Model> | null;
  /** Requests that need it. It stays while there is one. */
  users: number;
  idleSince: number;
  shareBytes: number;
  /** The least that it works with; null before it was planned. */
  minimumBytes: number | null;
}

/** A loaded model that stays until it is released. */
export interface Lease {
  model: Model;
  release(): void;
}

/**
 * The models of a server, which share one budget. A model is loaded when it is asked for. Where it does not fit, those
 * go that have been idle longest; one that answers stays.
 */
export class ModelPool {
  readonly #entries: Entry[];
  readonly #memory: ServerOptions['memory'];
  readonly #loadMs: number;
  readonly #keepAliveMs: number;
  /** Loads run one after the other: each has to know what the others left. */
  #loads: Promise<unknown> = Promise.resolve();
  #totalBytes: number | null = null;
  readonly #onRelease = new Set<() => void>();
  readonly #timer: NodeJS.Timeout | null;
  #closed = false;

  constructor(options: ServerOptions) {
    const { maxReasoningTokens } = options;
    const { models, memory, maxQueue = 64, loadSeconds = 60, keepAliveSeconds = Number.POSITIVE_INFINITY } = options;
    this.#memory = memory;
    this.#loadMs = loadSeconds * 1000;
    this.#keepAliveMs = keepAliveSeconds * 1000;
    this.#entries = models.map((given) => newEntry(given, maxQueue, maxReasoningTokens));
    const names = this.#entries.map(({ name }) => name);
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined)
      throw new FlashrowError('BAD_USAGE', `two models have the name ${JSON.stringify(twice)}; give names`, {
        option: 'models',
      });
    this.#timer = Number.isFinite(this.#keepAliveMs)
      ? setInterval(() => this.#dropIdle(), Math.max(50, this.#keepAliveMs / 4)).unref()
      : null;
  }

  /** True from the call of `close` on. */
  get closed(): boolean {
    return this.#closed;
  }

  get models(): readonly PooledModel[] {
    return this.#entries;
  }

  /** The model that a request names; the first where it names none. Throws 404. */
  find(name: string | undefined | null): PooledModel {
    const found = name ? this.#entries.find((entry) => entry.name === name) : this.#entries[0];
    if (found) return found;
    const names = this.#entries.map((entry) => entry.name).join(', ');
    throw new ServerError(404, `the model ${JSON.stringify(name)} is not served here; there is ${names}`, {
      code: 'model_not_found',
      param: 'model',
    });
  }

  /** The model, loaded first where need be. Throws 503 where that takes too long, 500 where its options are wrong. */
  async lease(pooled: PooledModel, signal: AbortSignal): Promise<Lease> {
    try {
      return await this.#lease(pooled, signal);
    } catch (error) {
      throw notOfTheClient(pooled, error);
    }
  }

  /** Loads a model. Throws what `loadModel` throws. */
  async load(pooled: PooledModel): Promise<void> {
    (await this.#lease(pooled, new AbortController().signal)).release();
  }

  async #lease(pooled: PooledModel, signal: AbortSignal): Promise<Lease> {
    const entry = pooled as Entry;
    if (this.#closed) throw ending();
    entry.users++;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      entry.users--;
      entry.idleSince = Date.now();
      for (const tell of this.#onRelease) tell();
    };
    try {
      const model = entry.model ?? (await this.#within(this.#loadOf(entry), signal));
      return { model, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Ends all models. With `drain` what runs and waits is answered first. */
  async close(drain: boolean): Promise<void> {
    this.#closed = true;
    if (this.#timer) clearInterval(this.#timer);
    while (drain && this.#entries.some(({ users }) => users > 0)) await this.#released(1000);
    await this.#loads.catch(() => {});
    await Promise.all(this.#entries.map((entry) => this.#drop(entry)));
  }

  #loadOf(entry: Entry): Promise<Model> {
    entry.loading ??= this.#queued(() => this.#load(entry)).finally(() => {
      entry.loading = null;
    });
    // A request that has left waits for it no longer.
    entry.loading.catch(() => {});
    return entry.loading;
  }

  #queued<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#loads.then(work, work);
    this.#loads = done.catch(() => {});
    return done;
  }

  async #load(entry: Entry): Promise<Model> {
    if (this.#closed) throw ending();
    const memory = this.#entries.length === 1 ? this.#memory : await this.#makeRoom(entry);
    const model = await loadModel(entry.source, { ...entry.options, memory });
    entry.model = model;
    // A model whose thread failed is loaded anew.
    model.closed.catch(() => {
      if (entry.model === model) entry.model = null;
    });
    return model;
  }

  /** Bytes for the model, once they are free. */
  async #makeRoom(entry: Entry): Promise<number> {
    const first = this.#entries[0];
    this.#totalBytes ??= (await planModel(first.source, { ...first.options, memory: this.#memory })).budgetBytes;
    const total = this.#totalBytes;
    entry.minimumBytes ??= (await planModel(entry.source, { ...entry.options, memory: total })).minimumBytes;
    const share = Math.max(entry.minimumBytes, Math.floor(total / this.#entries.length));
    const deadline = Date.now() + this.#loadMs;
    for (;;) {
      const loaded = this.#entries.filter(({ model }) => model);
      const used = loaded.reduce((sum, { shareBytes }) => sum + shareBytes, 0);
      // Where the minimum is above the whole budget the load refuses, and says so.
      if (used + share <= total || loaded.length === 0) break;
      const idle = loaded.filter(({ users }) => users === 0).sort((a, b) => a.idleSince - b.idleSince);
      if (idle.length > 0) await this.#drop(idle[0]);
      else if (Date.now() >= deadline) throw notNow('the other models answer, and there is no room beside them');
      else await this.#released(deadline - Date.now());
    }
    entry.shareBytes = share;
    return Math.min(share, total);
  }

  /** Resolves when a model was released, or after `ms`. */
  #released(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#onRelease.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#onRelease.add(done);
    });
  }

  async #within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
    let stop!: () => void;
    const ended = new Promise<never>((_, reject) => {
      const timer = setTimeout(() => reject(notNow('the model is being loaded')), this.#loadMs);
      const leave = () => reject(signal.reason);
      signal.addEventListener('abort', leave);
      stop = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
      };
    });
    try {
      return await Promise.race([work, ended]);
    } finally {
      stop();
    }
  }

  async #drop(entry: Entry): Promise<void> {
    const { model } = entry;
    entry.model = null;
    await model?.dispose();
  }

  #dropIdle(): void {
    const before = Date.now() - this.#keepAliveMs;
    for (const entry of this.#entries)
      if (entry.model && entry.users === 0 && entry.idleSince <= before)
        void this.#queued(() => this.#dropIfIdle(entry));
  }

  async #dropIfIdle(entry: Entry): Promise<void> {
    if (entry.users === 0) await this.#drop(entry);
  }
}

/** What the operator's options did wrong is no fault of the request. */
function notOfTheClient({ name }: PooledModel, error: unknown): unknown {
  if (!(error instanceof FlashrowError) || (error.code !== 'BAD_USAGE' && error.code !== 'UNSUPPORTED')) return error;
  return new ServerError(500, `the model ${JSON.stringify(name)} cannot be loaded: ${error.message}`, {
    ...{ code: 'model_not_loadable', headers: { 'x-should-retry': 'false' } },
  });
}

/** 503 for what may go well later. */
const notNow = (why: string) =>
  new ServerError(503, `${why}; try again later`, { code: 'model_not_ready', headers: { 'retry-after': '5' } });

export const ending = () => notNow('the server is ending');

function newEntry(given: ServedModel | Source, maxQueue: number, maxReasoningTokens: number | undefined): Entry {
  const served = typeof given === 'object' && 'source' in given ? given : { source: given };
  const { source, name = nameOf(source), options = {}, template }: ServedModel = served;
  return {
    ...{ name, source, options, template, maxReasoningTokens, queue: new FairQueue(options.sequences ?? 1, maxQueue) },
    ...{ model: null, loading: null, users: 0, idleSince: Date.now(), shareBytes: 0, minimumBytes: null },
  };
}

/** A path's last part; the name of a pulled model, like `org/repo:Q4_K_M`, as it is. */
function nameOf(source: Source): string {
  const text = source instanceof URL ? fileURLToPath(source) : source;
  const isPath = text.startsWith('.') || text.startsWith('/') || text.includes('\\') || /\.gguf$/i.test(text);
  if (!isPath && /^[^/]+\/[^/]+:[^/]+$/.test(text)) return text;
  return basename(text).replace(/\.gguf$/i, '');
}
