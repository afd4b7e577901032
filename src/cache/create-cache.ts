import { BundleCache } from './bundle-cache.js';
import { FrequencyCache } from './frequency-cache.js';
import type { UnitCache } from './unit-cache.js';

/** Tokens after which `lfu` counts a use half: better than never on both recorded traces (bench/EXPERIMENTS.md, CACHE-01). */
const HALF_LIFE = 16;

export interface CacheOptions {
  /** Units in the layer. */
  units: number;
  /** Units that fit at once. */
  slots: number;
  /** `window` lets go of what the last `window` tokens did not use; `pin` keeps the first units for good; `lfu` those used most, aged; `hot+lru` for good what `hot` names first. */
  policy: 'lru' | 'window' | 'pin' | 'lfu' | 'hot+lru';
  window: number;
  /** Units by how often they are used, most first; for `hot+lru`. */
  hot?: Uint32Array;
}

/** The cache of one layer under a policy. */
export function createCache({ policy, units, slots, window, hot }: CacheOptions): UnitCache {
  // A layer that fits whole never evicts: BundleCache does without bookkeeping there.
  if (policy === 'lfu' && slots < units) return new FrequencyCache({ units, slots, halfLife: HALF_LIFE });
  return new BundleCache({ units, slots, policy: policy === 'lfu' ? 'lru' : policy, window, hot });
}
