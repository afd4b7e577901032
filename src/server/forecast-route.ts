import { FlashrowError, type Model, type Plan, planModel, replayTrace } from '../index.js';
import { ServerError } from './failures.js';
import type { PooledModel } from './model-pool.js';
import { recentPasses } from './recent-passes.js';

/** With a cache of so much of the streamed half little or nothing is read: slots have room for aligned reads. */
const SLOTS_SHARE = 1.1;

/** One at a time: each reads the disk and times the kernels, beside the answers that run. */
let last: Promise<unknown> = Promise.resolve();

/**
 * What another budget would give: the plan in short, by measurements of the last hour, and a replay of the passes that
 * were just seen. `memory` is bytes; without it the budget is the model's own.
 */
export async function forecastOf(pooled: PooledModel, memory: string | undefined): Promise<object> {
  if (memory !== undefined && !/^\d{1,15}$/.test(memory))
    throw new ServerError(400, 'memory is a number of bytes, like 8000000', { code: 'invalid_value', param: 'memory' });
  const { source, options, model } = pooled;
  const budget = memory === undefined ? model?.plan.budgetBytes : Number(memory);
  const contextSize = options.contextSize ?? model?.info.contextSize;
  const work = last.then(async () => {
    const plan = await planModel(source, { ...options, contextSize, memory: budget });
    return { ...shortened(plan), replay: model && plan.fits ? await replayed(model, plan) : null };
  });
  last = work.catch(() => {});
  return work;
}

function shortened(plan: Plan) {
  const { fits, obstacle, minimumBytes, budgetBytes, cacheBytes, cachedShare, bytesPerToken } = plan;
  const { ffnBytes, residentBytes, denseStreamedBytes, stateBytes, scratchBytes, cachePolicy, selector } = plan;
  const { tokensPerSecond, diskBytesPerSecond, basis } = plan.forecast;
  const fixed = residentBytes + denseStreamedBytes + stateBytes + scratchBytes;
  return {
    ...{ fits, obstacle, minimumBytes, budgetBytes, cacheBytes, cachedShare, bytesPerToken, cachePolicy, selector },
    mostBytes: Math.round(Math.max(budgetBytes, fixed + SLOTS_SHARE * ffnBytes)),
    ...{ tokensPerSecond, diskBytesPerSecond, basis },
  };
}

/** What the plan's cache would have read of what was just seen; null where that says nothing about it. */
async function replayed(model: Model, { selector, cachePolicy, cacheBytes }: Plan): Promise<object | null> {
  const { passes, layers } = recentPasses(model);
  if (selector !== model.info.selector || passes.length === 0) return null;
  const { tokens, policies } = await replayTrace({ selector, layers, passes }, { memoryBytes: cacheBytes }).catch(
    (error) => {
      // No token was generated, or the cache is smaller than a unit for each layer.
      if (error instanceof FlashrowError) return { tokens: 0, policies: [] };
      throw error;
    },
  );
  const [name] = cachePolicy.split(':');
  const found = policies.find(({ cache }) => cache === name);
  return found ? { tokens, hitRate: found.hitRate, bytesPerToken: found.bytesPerToken } : null;
}
