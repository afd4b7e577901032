import type { ModelOptions } from '../plan/model-options.js';
import type { Plan } from '../plan/plan.js';
import { inWorker, plainOptions } from './in-worker.js';
import { MODEL_OPTIONS, requireModelOptions } from './option-tables.js';
import { pathOf, type Source } from './source.js';

/**
 * Plans where a budget would go. It reads headers, and up to 64 MB to time the disk; nothing is loaded or converted. A
 * model that does not fit is an answer: `fits: false`.
 * Throws NOT_FOUND, UNSUPPORTED, CORRUPT or BAD_USAGE.
 */
export async function planModel(source: Source, options: ModelOptions = {}): Promise<Plan> {
  const path = pathOf('the model', source);
  requireModelOptions('planModel()', options, MODEL_OPTIONS);
  return inWorker((channel) => channel.call('plan', { source: path, options: plainOptions(options) }));
}
