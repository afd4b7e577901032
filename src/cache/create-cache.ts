import { BundleCache, type BundleCacheOptions } from './bundle-cache.js';
import { FrequencyCache } from './frequency-cache.js';
import type { CachePolicyName } from './policy.js';
import type { UnitCache } from './unit-cache.js';

/**
 * Tokens after which `lfu` counts a use half. Better than no ageing on both recorded traces (bench/EXPERIMENTS.md,
 * CACHE-01).
 */
const HALF_LIFE = 16;

export interface CacheOptions extends Omit<BundleCacheOptions, 'policy'> {
  policy: CachePolicyName;
}

/** The cache of one layer under a policy. */
export function createCache({ policy, units, slots, window, hot }: CacheOptions): UnitCache {
  // A layer that fits whole never evicts. BundleCache then keeps no books.
  if (policy === 'lfu' && slots < units) return new FrequencyCache({ units, slots, halfLife: HALF_LIFE });
  return new BundleCache({ units, slots, policy: policy === 'lfu' ? 'lru' : policy, window, hot });
}
