import type { CachedModel, RemovedModels } from '../hub/cached-models.js';
import { expect, type OptionTable, requireOptions } from './checks/check-arguments.js';
import { inWorker } from './in-worker.js';
import { MODEL_OPTIONS } from './option-tables.js';

/** Options of `listModels` and `removeModel`. */
export interface CacheOptions {
  /**
   * The cache folder.
   * @default `FLASHROW_CACHE`, else the cache folder of the platform
   */
  cacheDir?: string | undefined;
}

const OPTIONS: OptionTable<CacheOptions> = { cacheDir: MODEL_OPTIONS.cacheDir };

/**
 * What is in the cache folder, the largest first: models that were pulled, stores that checkpoints were converted to,
 * and what was cut off of either.
 * @throws BAD_USAGE, or IO where the folder cannot be read
 */
export async function listModels(options: CacheOptions = {}): Promise<CachedModel[]> {
  requireOptions('listModels()', options, OPTIONS);
  return inWorker((channel) => channel.call('list', { cacheDir: options.cacheDir }));
}

/**
 * Removes from the cache folder, by a name that `listModels` gives: a pulled model with the stores made of it, or a
 * store, finished or not. `organization/repository` removes all of its models, with `:tag` that one. Touches nothing
 * outside the cache folder.
 * @throws NOT_FOUND, BAD_USAGE, BUSY while another process works on it, or IO
 */
export async function removeModel(name: string, options: CacheOptions = {}): Promise<RemovedModels> {
  expect(typeof name === 'string' && name !== '', 'name', name, 'the name of a model in the cache folder');
  requireOptions('removeModel()', options, OPTIONS);
  return inWorker((channel) => channel.call('remove', { name, cacheDir: options.cacheDir }));
}
