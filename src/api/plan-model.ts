import type { ModelOptions } from '../plan/model-options.js';
import type { Plan } from '../plan/plan.js';
import { requireModelOptions, requirePath } from './check-arguments.js';
import { inWorker, plainOptions } from './in-worker.js';

/**
 * Where a budget would go, from headers alone and a short reading of the file: nothing is loaded or converted. Not
 * fitting is `fits: false`. Throws NOT_FOUND, UNSUPPORTED, CORRUPT or BAD_USAGE.
 */
export async function plan(source: string, options: ModelOptions = {}): Promise<Plan> {
  requirePath('the model', source);
  requireModelOptions(options);
  return inWorker((channel) => channel.call('plan', { source, options: plainOptions(options) }));
}
