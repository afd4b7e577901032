import type { LoadOptions } from '../contract/model.js';
import type { ModelOptions } from '../plan/model-options.js';
import type { Plan } from '../plan/plan.js';
import type { OptionTable } from './checks/check-arguments.js';
import { inWorker, plainOptions } from './in-worker.js';
import { isWholeFrom0, LOAD_OPTIONS, requireModelOptions } from './option-tables.js';
import { pathOf, type Source } from './source.js';

/** Options of `planModel`: those of the load that it is for. It has no use for what only a load does. */
export interface PlanModelOptions extends LoadOptions {
  /** Tokens of the prompt that `forecast.firstTokenSeconds` is for; default 128, or the context where that is less. */
  promptTokens?: number | undefined;
  /**
   * Bytes per second that the disk of another machine reads, to forecast for that one. Default: this machine's,
   * measured.
   */
  diskSpeed?: number | undefined;
  /**
   * Bytes per second of weights that lie in the memory of another machine, to forecast for that one. Default: this
   * machine's, measured.
   */
  memorySpeed?: number | undefined;
}

const SPEED = [
  (value: unknown) => typeof value === 'number' && value > 0 && Number.isFinite(value),
  'bytes per second, above 0',
] as const;

const PLAN_OPTIONS: OptionTable<PlanModelOptions> = {
  ...LOAD_OPTIONS,
  promptTokens: [(value) => isWholeFrom0(value) && value > 0, 'a whole number from 1'],
  diskSpeed: SPEED,
  memorySpeed: SPEED,
};

/**
 * Plans where a budget would go. It reads headers, and up to 72 MB to time the disk; nothing is loaded or converted. A
 * model that does not fit is an answer: `fits: false`.
 * Throws NOT_FOUND, UNSUPPORTED, CORRUPT, BAD_USAGE, or `signal.reason`.
 */
export async function planModel(source: Source, options: PlanModelOptions = {}): Promise<Plan> {
  requireModelOptions('planModel()', options, PLAN_OPTIONS);
  const [plan] = await planBudgets(source, [options.memory], options);
  return plan;
}

/** The same for several budgets, which go by the same measurements. */
export async function planBudgets(
  source: Source,
  budgets: readonly ModelOptions['memory'][],
  options: PlanModelOptions = {},
): Promise<Plan[]> {
  const path = pathOf('the model', source);
  requireModelOptions('planModel()', options, PLAN_OPTIONS);
  const { promptTokens, diskSpeed, memorySpeed, signal } = options;
  const speeds = { disk: diskSpeed, memory: memorySpeed };
  return inWorker((channel) =>
    channel.call('plan', { source: path, options: plainOptions(options), budgets, promptTokens, speeds }, { signal }),
  );
}
