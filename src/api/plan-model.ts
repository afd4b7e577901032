import type { ModelOptions } from '../plan/model-options.js';
import type { Plan } from '../plan/plan.js';
import { requirePath } from './check-arguments.js';
import { inWorker, plainOptions } from './in-worker.js';
import { MODEL_OPTIONS, requireModelOptions } from './option-tables.js';

/**
 * Plans where a budget would go. It reads headers, and up to 64 MB to time the disk; nothing is loaded or converted. A
 * model that does not fit is an answer: `fits: false`.
 * Throws NOT_FOUND, UNSUPPORTED, CORRUPT or BAD_USAGE.
 */
export async function planModel(source: string, options: ModelOptions = {}): Promise<Plan> {
  requirePath('the model', source);
  requireModelOptions('planModel()', options, MODEL_OPTIONS);
  return inWorker((channel) => channel.call('plan', { source, options: plainOptions(options) }));
}
