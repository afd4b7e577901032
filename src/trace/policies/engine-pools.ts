import { type CacheOptions, createCache } from '../../cache/create-cache.js';
import { FrequencyCache } from '../../cache/frequency-cache.js';
import { FrequencyPool } from '../../cache/frequency-pool.js';
import { createPlacement, type Placement, type UnitCache, waveSize } from '../../cache/unit-cache.js';
import type { Pool, PoolRequest } from './pool.js';

/** The engine's own cache of one layer. */
export function bundlePool(options: CacheOptions): Pool {
  const cache = createCache(options);
  const placement = createPlacement(options.units);
  return {
    use: (units) => useInWaves(cache, units, placement),
    endToken: () => cache.endToken(),
  };
}

/** The engine's pool of slots that layers share, asked one layer at a time. */
export function sharedPool({ units, offsets, slots }: PoolRequest): Pool {
  const sizes = offsets.map((offset, layer) => (offsets[layer + 1] ?? units) - offset);
  // A budget may buy more slots than there are units.
  const { layers } = new FrequencyPool({ units: sizes, slots: Math.min(units, slots) });
  const placement = createPlacement(Math.max(...sizes));
  return {
    use(asked, tokens) {
      if (asked.length === 0) return 0;
      const layer = offsets.findLastIndex((offset) => offset <= asked[0]);
      const local = asked.map((unit) => unit - offsets[layer]);
      return useInWaves(layers[layer], local, placement, tokens);
    },
    endToken() {
      for (const layer of layers) layer.endToken();
    },
  };
}

/**
 * The engine's LFU without ageing. A call is computed before the next one comes, so only the units of the call itself
 * are safe.
 */
export function lfuPool({ units, slots }: PoolRequest): Pool {
  const cache = new FrequencyCache({ units, slots: Math.min(units, slots), halfLife: Number.POSITIVE_INFINITY });
  const placement = createPlacement(units);
  return {
    use(asked) {
      let missed = 0;
      for (let from = 0; from < asked.length; from += cache.slots) {
        const wave = asked.subarray(from, from + cache.slots);
        cache.place(wave, wave.length, placement);
        cache.release();
        missed += placement.missed;
      }
      return missed;
    },
    endToken: () => cache.endToken(),
  };
}

/**
 * Asks a cache as the engine does: units that do not fit at once go in waves. Returns how many units had to be read.
 */
function useInWaves(cache: UnitCache, units: Uint32Array, placement: Placement, tokens?: Uint32Array | null): number {
  const wave = waveSize(units.length, cache.capacity);
  let missed = 0;
  for (let from = 0; from < units.length; from += wave) {
    const asked = units.subarray(from, from + wave);
    cache.place(asked, asked.length, placement, tokens?.subarray(from, from + wave));
    missed += placement.missed;
  }
  return missed;
}
