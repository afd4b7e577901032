import { type CacheOptions, createCache } from '../../cache/create-cache.js';
import { createPlacement } from '../../cache/unit-cache.js';
import type { Pool } from './pool.js';
import { useInWaves } from './use-in-waves.js';

/** The engine's own cache of one layer. */
export function bundlePool(options: CacheOptions): Pool {
  const cache = createCache(options);
  const placement = createPlacement(options.units);
  return {
    use: (units) => useInWaves(cache, units, placement),
    endToken: () => cache.endToken(),
  };
}
