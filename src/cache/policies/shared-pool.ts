import { FrequencyPool } from '../frequency-pool.js';
import { createPlacement } from '../unit-cache.js';
import type { PoolRequest } from './policies.js';
import type { Pool } from './pool.js';

/** The engine's pool of slots that layers share, asked as the engine asks it: one layer at a time, in waves of half the slots where not all fits. */
export function sharedPool({ units, offsets, slots }: PoolRequest): Pool {
  const sizes = offsets.map((offset, layer) => (offsets[layer + 1] ?? units) - offset);
  const { layers } = new FrequencyPool({ units: sizes, slots });
  const placement = createPlacement(Math.max(...sizes));
  return {
    use(asked, tokens) {
      if (asked.length === 0) return 0;
      const layer = offsets.findLastIndex((offset) => offset <= asked[0]);
      const local = asked.map((unit) => unit - offsets[layer]);
      const wave = local.length <= layers[layer].capacity ? local.length : Math.max(1, layers[layer].capacity >> 1);
      let missed = 0;
      for (let from = 0; from < local.length; from += wave) {
        const some = local.subarray(from, from + wave);
        layers[layer].place(some, some.length, placement, tokens?.subarray(from, from + wave));
        missed += placement.missed;
      }
      return missed;
    },
    endToken() {
      for (const layer of layers) layer.endToken();
    },
  };
}
