import type { LoadOptions, Model } from '../contract/api.js';
import type { PlainOptions } from '../contract/protocol.js';
import { anonymousBytes } from '../plan/machine.js';
import type { ModelOptions } from '../plan/model-options.js';
import { requireModelOptions, requirePath } from './check-arguments.js';
import { WorkerModel } from './model.js';
import { WorkerChannel } from './worker-channel.js';

/**
 * Loads a store folder, a GGUF file or a Hugging Face folder; the latter two are converted into the cache folder first.
 * Throws INSUFFICIENT_MEMORY (with the plan), NOT_FOUND, UNSUPPORTED, CORRUPT, BAD_USAGE, IO, or `signal.reason`.
 */
export async function loadModel(source: string, options: LoadOptions = {}): Promise<Model> {
  requirePath('the model', source);
  requireModelOptions(options);
  const { signal, onProgress } = options;
  const plain = plainOptions(options);
  // In a worker of its own, so that what conversion leaves on the heap is gone before the engine's memory is counted.
  const store = await inWorker((channel) =>
    channel.call('prepare', { source, options: plain }, { signal, onEvent: onProgress }),
  );
  const anonymousBefore = anonymousBytes();
  const channel = new WorkerChannel();
  try {
    const { info, plan } = await channel.call(
      'open',
      { store, options: plain, anonymousBefore },
      { signal, onEvent: onProgress },
    );
    return new WorkerModel(channel, info, plan);
  } catch (error) {
    await channel.dispose();
    throw error;
  }
}

/** Lends a worker for one piece of work. */
export async function inWorker<T>(work: (channel: WorkerChannel) => Promise<T>): Promise<T> {
  const channel = new WorkerChannel();
  try {
    return await work(channel);
  } finally {
    await channel.dispose();
  }
}

/** What of the options can cross to a worker. */
export function plainOptions({ memory, contextSize, exact, threads, cacheDir, tuning }: ModelOptions): PlainOptions {
  return { memory, contextSize, exact, threads, cacheDir, tuning };
}
