import { planModel } from '../index.js';
import { ServerError } from './failures.js';
import type { PooledModel } from './model-pool.js';

/** With a cache of so much of the streamed half little or nothing is read: slots have room for aligned reads. */
const SLOTS_SHARE = 1.1;

/** One plan at a time: each reads the disk and times the kernels, beside the answers that run. */
let last: Promise<unknown> = Promise.resolve();

/**
 * What another budget would give: the plan in short, by measurements of the last hour. `memory` is bytes; without it
 * the budget is the model's own.
 */
export async function forecastOf({ source, options, model }: PooledModel, memory: string | undefined): Promise<object> {
  if (memory !== undefined && !/^\d{1,15}$/.test(memory))
    throw new ServerError(400, '`memory` is a number of bytes', { code: 'invalid_value', param: 'memory' });
  const budget = memory === undefined ? model?.plan.budgetBytes : Number(memory);
  const contextSize = options.contextSize ?? model?.info.contextSize;
  const planning = last.then(() => planModel(source, { ...options, contextSize, memory: budget }));
  last = planning.catch(() => {});
  const { fits, obstacle, minimumBytes, budgetBytes, cacheBytes, cachedShare, bytesPerToken, ffnBytes, ...rest } =
    await planning;
  const { residentBytes, denseStreamedBytes, stateBytes, scratchBytes, cachePolicy, selector, forecast } = rest;
  const { tokensPerSecond, diskBytesPerSecond, basis } = forecast;
  const fixed = residentBytes + denseStreamedBytes + stateBytes + scratchBytes;
  return {
    ...{ fits, obstacle, minimumBytes, budgetBytes, cacheBytes, cachedShare, bytesPerToken, cachePolicy, selector },
    mostBytes: Math.round(Math.max(budgetBytes, fixed + SLOTS_SHARE * ffnBytes)),
    ...{ tokensPerSecond, diskBytesPerSecond, basis },
  };
}
