import type { Model } from '../../contract/model.js';
import type { ModelOptions } from '../../plan/model-options.js';
import { convertedNotice } from '../output/conversion-notice.js';
import { noteAll, notice } from '../output/output.js';
import { IN_CACHE, withProgress } from '../output/task-progress.js';
import { namedModel } from './named-model.js';

/**
 * Loads a model and lends it to `work`, which needs no more than `usualContextSize` tokens of context. Progress and
 * notices go to stderr. The model is freed whatever happens.
 */
export async function withModel<T>(
  given: string,
  options: ModelOptions,
  signal: AbortSignal,
  work: (model: Model) => Promise<T>,
  usualContextSize?: number,
): Promise<T> {
  // Loaded late, here and in the commands, so that help and bad usage do not wait for the engine.
  const { loadForWork } = await import('../../api/load-model.js');
  const source = await namedModel(given, options.cacheDir);
  const { result: model, convertedMs } = await withProgress(IN_CACHE, (onProgress) =>
    loadForWork(source, { ...options, signal, onProgress }, usualContextSize),
  );
  if (convertedMs !== null)
    notice(await convertedNotice(model.info.path, { ms: convertedMs, source, cacheDir: options.cacheDir }));
  noteAll(model.info.warnings);
  noteAll(model.plan.warnings);
  try {
    return await work(model);
  } finally {
    await model.dispose();
  }
}
