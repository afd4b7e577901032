import { FrequencyPool } from '../../cache/frequency-pool.js';
import { createPlacement } from '../../cache/unit-cache.js';
import type { Pool, PoolRequest } from './pool.js';
import { useInWaves } from './use-in-waves.js';

/** The engine's pool of slots that layers share, asked one layer at a time. */
export function sharedPool({ units, offsets, slots }: PoolRequest): Pool {
  const sizes = offsets.map((offset, layer) => (offsets[layer + 1] ?? units) - offset);
  const { layers } = new FrequencyPool({ units: sizes, slots });
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
