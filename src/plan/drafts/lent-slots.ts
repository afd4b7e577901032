import type { Allocation, Lent } from '../allocation.js';
import { moreSlots } from '../arena.js';
import { streamedBytes } from '../units.js';

/**
 * The slots that a cache gets while its draft model, of `draftBytes`, is let go. Null where all is in memory anyway,
 * and for selectors that pick: only a model whose every unit is read in every pass saves the same bytes in each.
 */
export function lentSlots({ selector, cache, layers, ring }: Allocation, draftBytes: number): Lent | null {
  if (draftBytes === 0 || ring === null || selector !== 'all' || cache.kind !== 'pin') return null;
  const extension = moreSlots(layers, draftBytes);
  const savedBytes = layers.reduce((sum, { unit, slots }, layer) => {
    const bundlesIn = (units: number) => Math.min(unit.bundles, units * unit.bundlesPerUnit);
    const more = bundlesIn(slots + extension.layers[layer].slots) - bundlesIn(slots);
    return sum + (streamedBytes(unit) * more) / unit.bundles;
  }, 0);
  return savedBytes > 0 ? { ...extension, savedBytes } : null;
}
