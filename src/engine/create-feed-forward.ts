import type { RowStream } from '../../native-bridge/bridge.js';
import { createCache } from '../cache/create-cache.js';
import { FrequencyPool } from '../cache/frequency-pool.js';
import type { UnitCache } from '../cache/unit-cache.js';
import type { Allocation } from '../plan/allocation.js';
import type { Selector } from '../select/selector.js';
import { CachedFeedForward } from './cached-feed-forward.js';
import type { StreamedFeedForward } from './feed-forward.js';
import { PinnedFeedForward } from './pinned-feed-forward.js';

/**
 * Makes the streamed half that the plan chose: a pinned share with a read-ahead ring, or slots that turn over.
 * `hot`: per layer its units, those used most first; null unless the policy asks for them. `unitBiases`: per layer
 * [units, hiddenSize], what each unit adds to y, weighed as the unit is; null if units add nothing.
 */
export function createFeedForward(
  stream: RowStream,
  selector: Selector,
  allocation: Allocation,
  hot: readonly Uint32Array[] | null,
  unitBiases: readonly Float32Array[] | null,
): StreamedFeedForward {
  if (selector.name === 'all' && allocation.cache.kind === 'pin')
    return new PinnedFeedForward(stream, selector, allocation);
  return new CachedFeedForward(stream, selector, allocation, createCaches(allocation, hot), unitBiases);
}

/** Makes a cache for each layer. A layer that shares slots with others gets its part of their pool. */
function createCaches({ layers, cache }: Allocation, hot: readonly Uint32Array[] | null): UnitCache[] {
  const { kind: policy, window } = cache;
  const pools = new Map<number, number[]>();
  const caches: UnitCache[] = [];
  layers.forEach(({ unit, slots, pool }, layer) => {
    if (pool === null) caches[layer] = createCache({ units: unit.units, slots, policy, window, hot: hot?.[layer] });
    else pools.set(pool, [...(pools.get(pool) ?? []), layer]);
  });
  for (const members of pools.values()) {
    const units = members.map((layer) => layers[layer].unit.units);
    const pool = new FrequencyPool({ units, slots: layers[members[0]].slots });
    members.forEach((layer, i) => {
      caches[layer] = pool.layers[i];
    });
  }
  return caches;
}
