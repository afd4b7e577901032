import { type CacheOptions, createCache } from '../create-cache.js';
import { createPlacement } from '../unit-cache.js';
import type { Pool } from './pool.js';

/** The engine's own cache, asked as the engine asks it: what does not fit at once goes in waves of half the slots. */
export function bundlePool(options: CacheOptions): Pool {
  const cache = createCache(options);
  const placement = createPlacement(options.units);
  return {
    use(units) {
      const wave = units.length <= cache.capacity ? Math.max(1, units.length) : Math.max(1, cache.capacity >> 1);
      let missed = 0;
      for (let from = 0; from < units.length; from += wave) {
        const asked = units.subarray(from, from + wave);
        cache.place(asked, asked.length, placement);
        missed += placement.missed;
      }
      return missed;
    },
    endToken: () => cache.endToken(),
  };
}
