import type { Selector } from './selector.js';

/**
 * Every unit, in order: for dense models, and as the measure of the other selectors. Layer l has `unitsPerLayer[l]`
 * units.
 */
export function selectAll(unitsPerLayer: readonly number[]): Selector {
  return {
    name: 'all',
    exact: true,
    residentProducts: null,
    weights: null,
    select(layer, _x, _tokens, units) {
      const count = unitsPerLayer[layer];
      for (let i = 0; i < count; i++) units[i] = i;
      return count;
    },
    dispose() {},
  };
}
