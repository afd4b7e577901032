import type { ExaminedModel } from '../contract/examined-model.js';
import { type OptionTable, requireOptions } from './checks/check-arguments.js';
import { inWorker } from './in-worker.js';
import { MODEL_OPTIONS, SIGNAL } from './option-tables.js';
import { pathOf, refuseTilde, type Source } from './source.js';

/** Options of `examineModel`. */
export interface ExamineOptions {
  /**
   * The folder in which pulled models and stores are looked up by name.
   * @default `FLASHROW_CACHE`, else the cache folder of the platform
   */
  cacheDir?: string | undefined;
  /** Gives up; the promise then rejects with `signal.reason`. */
  signal?: AbortSignal | undefined;
}

const OPTIONS: OptionTable<ExamineOptions> = { cacheDir: MODEL_OPTIONS.cacheDir, signal: SIGNAL };

/**
 * Says what a source is, from its headers: nothing is loaded or converted, and no budget is needed.
 * @throws NOT_FOUND, UNSUPPORTED, CORRUPT, BAD_USAGE, IO, or `signal.reason`
 */
export async function examineModel(source: Source, options: ExamineOptions = {}): Promise<ExaminedModel> {
  const path = pathOf('the model', source);
  requireOptions('examineModel()', options, OPTIONS);
  const { cacheDir, signal } = options;
  if (cacheDir !== undefined) refuseTilde('cacheDir', cacheDir);
  return inWorker((channel) => channel.call('examine', { source: path, cacheDir }, { signal }));
}
