import type { Model } from '../../contract/api.js';
import type { Progress } from '../../contract/progress.js';
import type { ModelOptions } from '../../plan/model-options.js';
import { conversionNotice } from '../output/conversion-notice.js';
import { noteAll, notice } from '../output/output.js';
import { progressBar } from '../output/progress.js';

/**
 * Loads a model and lends it to `work`. Progress and notices go to stderr. The model is freed whatever happens.
 */
export async function withModel<T>(
  source: string,
  options: ModelOptions,
  signal: AbortSignal,
  work: (model: Model) => Promise<T>,
): Promise<T> {
  // Loaded late, here and in the commands, so that help and bad usage do not wait for the engine.
  const [{ loadModel }, { nativeUnavailableReason }] = await Promise.all([
    import('../../api/load-model.js'),
    import('../../../native-bridge/index.js'),
  ]);
  const reason = nativeUnavailableReason();
  if (reason) notice(`note: running without the native addon, so slower and with plain reads: ${reason}`);

  const bar = progressBar('bytes');
  let announced = false;
  const onProgress = (progress: Progress) => {
    const { stage, done, total } = progress;
    if (stage === 'convert' && !announced) {
      announced = true;
      notice(conversionNotice(progress));
    }
    bar.update(stage === 'convert' ? 'converting' : 'loading', done, total);
  };
  const model = await loadModel(source, { ...options, signal, onProgress }).finally(() => bar.stop());
  noteAll(model.info.warnings);
  try {
    return await work(model);
  } finally {
    await model.dispose();
  }
}
