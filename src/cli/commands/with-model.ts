import type { Model } from '../../contract/api.js';
import type { ModelOptions } from '../../plan/model-options.js';
import { convertedNotice } from '../output/conversion-notice.js';
import { noteAll, notice } from '../output/output.js';
import { IN_CACHE, withProgress } from '../output/task-progress.js';
import { namedModel } from './named-model.js';

/**
 * Loads a model and lends it to `work`. Progress and notices go to stderr. The model is freed whatever happens.
 */
export async function withModel<T>(
  given: string,
  options: ModelOptions,
  signal: AbortSignal,
  work: (model: Model) => Promise<T>,
): Promise<T> {
  // Loaded late, here and in the commands, so that help and bad usage do not wait for the engine.
  const [{ loadModel }, { nativeUnavailableReason }] = await Promise.all([
    import('../../api/load-model.js'),
    import('../../../native-bridge/index.js'),
  ]);
  const source = await namedModel(given, options.cacheDir);
  const reason = nativeUnavailableReason();
  if (reason) notice(`note: running without the native addon, so slower and with plain reads: ${reason}`);

  const { result: model, convertedMs } = await withProgress(IN_CACHE, (onProgress) =>
    loadModel(source, { ...options, signal, onProgress }),
  );
  if (convertedMs !== null)
    notice(await convertedNotice(model.info.path, { ms: convertedMs, source, cacheDir: options.cacheDir }));
  noteAll(model.info.warnings);
  try {
    return await work(model);
  } finally {
    await model.dispose();
  }
}
