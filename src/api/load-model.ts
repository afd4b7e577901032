import type { LoadOptions, Model } from '../contract/api.js';
import { requirePath } from './check-arguments.js';
import { plainOptions, preparedStore } from './in-worker.js';
import { WorkerModel } from './model.js';
import { ModelThreads } from './model-threads.js';
import { LOAD_OPTIONS, requireModelOptions } from './option-tables.js';

/**
 * Loads a store folder, a GGUF file, a Hugging Face folder, or a model that was pulled. A checkpoint that cannot be
 * streamed in place is converted into the cache folder first.
 * Throws INSUFFICIENT_MEMORY (with the plan), NOT_FOUND, UNSUPPORTED, CORRUPT, BAD_USAGE, DISK_FULL, NOT_WRITABLE, IO,
 * or `signal.reason`.
 */
export async function loadModel(source: string, options: LoadOptions = {}): Promise<Model> {
  requirePath('the model', source);
  requireModelOptions('loadModel()', options, LOAD_OPTIONS);
  const plain = plainOptions(options);
  const store = await preparedStore(source, plain, options);
  const threads = new ModelThreads(options.maxQueue);
  try {
    return new WorkerModel(threads, await threads.open(store, plain, options));
  } catch (error) {
    await threads.dispose();
    throw error;
  }
}
