import type { LoadOptions, Model } from '../contract/api.js';
import { anonymousBytes } from '../plan/machine.js';
import { plainOptions, preparedStore } from './in-worker.js';
import { WorkerModel } from './model.js';
import { LOAD_OPTIONS, requireModelOptions } from './option-tables.js';
import { pathOf, type Source } from './source.js';
import { WorkerChannel } from './worker-channel.js';

/**
 * Loads a store folder, a GGUF file, a Hugging Face folder, or a model that was pulled. A checkpoint that cannot be
 * streamed in place is converted into the cache folder first.
 * Throws INSUFFICIENT_MEMORY (with the plan), NOT_FOUND, UNSUPPORTED, CORRUPT, BAD_USAGE, DISK_FULL, NOT_WRITABLE, IO,
 * or `signal.reason`.
 */
export async function loadModel(source: Source, options: LoadOptions = {}): Promise<Model> {
  const path = pathOf('the model', source);
  requireModelOptions('loadModel()', options, LOAD_OPTIONS);
  const { signal, onProgress } = options;
  const plain = plainOptions(options);
  const store = await preparedStore(path, plain, options);
  const args = { store, options: plain, anonymousBefore: anonymousBytes() };
  const channel = new WorkerChannel();
  try {
    const { info, plan } = await channel.call('open', args, { signal, onEvent: onProgress });
    return new WorkerModel(channel, info, plan);
  } catch (error) {
    await channel.dispose();
    throw error;
  }
}
