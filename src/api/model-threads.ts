import type { LoadOptions } from '../contract/model.js';
import type { Methods, PlainOptions, ResultOf, TextMethods } from '../contract/protocol.js';
import type { FlashrowError } from '../errors.js';
import { anonymousBytes } from '../plan/anonymous-bytes.js';
import type { VocabularyTable } from '../text/vocabulary-table.js';
import { orAborted } from './abort-listeners.js';
import { WorkerChannel } from './worker-channel.js';
import { WorkerThread } from './worker-thread.js';

/** What a model is loaded with. */
type Loading = Pick<LoadOptions, 'signal' | 'onProgress'> & Pick<Methods['open']['args'], 'sessions'>;

/** The threads of a loaded model: the engine's, whose calls queue, and the one beside it that knows text alone. */
export class ModelThreads {
  readonly engine: WorkerChannel;
  readonly text = new WorkerThread<TextMethods>(
    'the thread for text',
    { takes: 'text', flags: new SharedArrayBuffer(0) },
    // What a tokenizer's loading leaves behind is collected at once. Else it would cost 20 MB more with 50,000 tokens,
    // and no text would be faster for it.
    { maxYoungGenerationSizeMb: 2 },
  );
  /** Resolves when they were disposed of, rejects with IO if one of them failed before. */
  readonly closed: Promise<void>;
  #disposed = false;

  constructor(maxQueue: number | undefined) {
    this.engine = new WorkerChannel(maxQueue);
    const failed = (error: FlashrowError) => {
      if (!this.#disposed) throw error;
    };
    this.closed = Promise.race([this.engine.ended, this.text.ended]).then(failed);
    // Who does not ask is not told.
    this.closed.catch(() => {});
  }

  /** True from the call of `dispose` on. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** Loads a store, and its text side beside it. */
  async open(
    store: string,
    options: PlainOptions,
    { signal, onProgress, sessions }: Loading,
  ): Promise<ResultOf<Methods, 'open'> & { vocabulary: VocabularyTable }> {
    const args = { store, options, anonymousBefore: anonymousBytes(), sessions };
    const text = this.text.send('open', { store, cacheDir: options.cacheDir, vision: options.vision ?? null });
    // Of a model with eyes the engine has to know what they stand for: files of eyes may leave that to the vocabulary.
    const image = options.vision ? (await orAborted(text, signal)).image : null;
    const engine = this.engine.call('open', { ...args, image }, { signal, onEvent: onProgress });
    // The first that fails is told; the other one may fail too.
    engine.catch(() => {});
    const { vocabulary } = await orAborted(text, signal);
    const opened = await engine;
    this.engine.places = options.sequences ?? 1;
    return { ...opened, vocabulary };
  }

  /** Ends both; with `drain` once what was asked for is answered. */
  async dispose(drain = false): Promise<void> {
    this.#disposed = true;
    const engine = this.engine.dispose(drain);
    // Calls that wait for their turn may not have their ids yet.
    if (drain) await engine;
    await this.text.terminate();
    await engine;
  }
}
