import { resolve } from 'node:path';
import type { LoadOptions, Model } from '../contract/model.js';
import { parseBytes } from '../plan/bytes.js';
import { plainOptions, preparedDraft, preparedStore } from './in-worker.js';
import { WorkerModel } from './model.js';
import { ModelThreads } from './model-threads.js';
import { LOAD_OPTIONS, requireModelOptions } from './option-tables.js';
import { pathOf, type Source } from './source.js';

/**
 * Loads a store folder, a GGUF file, a Hugging Face folder, or a model that was pulled. A checkpoint that cannot be
 * streamed in place is converted into the cache folder first.
 * Throws INSUFFICIENT_MEMORY (with the plan), NOT_FOUND, UNSUPPORTED, CORRUPT, BAD_USAGE, DISK_FULL, NOT_WRITABLE, IO,
 * or `signal.reason`.
 */
export function loadModel(source: Source, options: LoadOptions = {}): Promise<Model> {
  return loadForWork(source, options, undefined);
}

/**
 * Loads a model for work that needs no more than `usualContextSize` tokens of context, which is then the default. For
 * the command line, which knows a prompt before it loads; `loadModel` tells the rest.
 */
export async function loadForWork(
  source: Source,
  options: LoadOptions,
  usualContextSize: number | undefined,
): Promise<Model> {
  const path = pathOf('the model', source);
  requireModelOptions('loadModel()', options, LOAD_OPTIONS);
  const plain = { ...plainOptions(options), usualContextSize };
  const { maxQueue, signal, onProgress } = options;
  const sessions = sessionSettings(options);
  const { store, vision } = await preparedStore(path, plain, { signal, onProgress });
  const draft = await preparedDraft(path, store, { ...plain, vision }, { signal, onProgress });
  const threads = new ModelThreads(maxQueue);
  try {
    const followed = { signal, onProgress, sessions };
    return new WorkerModel(threads, await threads.open(store, { ...plain, draft, vision }, followed));
  } catch (error) {
    await threads.dispose();
    throw error;
  }
}

/** Bytes of `sessionsSize` where it is left open. */
const SESSIONS_BYTES = 4e9;

/** Null where conversations are not kept. Throws BAD_USAGE for a size that is none. */
function sessionSettings({ sessionsDir, sessionsSize = SESSIONS_BYTES }: LoadOptions) {
  if (sessionsDir === undefined) return null;
  const mostBytes = typeof sessionsSize === 'string' ? parseBytes(sessionsSize) : sessionsSize;
  return { folder: resolve(pathOf('sessionsDir', sessionsDir, 'sessionsDir')), mostBytes };
}
