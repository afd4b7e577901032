import type { Allocation } from '../plan/allocation.js';

/** What passes through the ring in one pass over the model, in order. */
export interface RingSchedule {
  /** Pairs of source and unit (`Ring.schedule` in bridge.ts). */
  pairs: Uint32Array;
  /** The entry of the head's first unit; null where the head stays in memory. */
  headEntry: number | null;
}

/** The order of use: a layer's matrices, its feed-forward network, what follows that, and at last the head. */
export function ringSchedule({ layers, streamed, selector, cache }: Allocation): RingSchedule {
  const pairs: number[] = [];
  const addMatrices = (layer: number, afterFeedForward: boolean) =>
    streamed.forEach((matrix, m) => {
      if (matrix.layer !== layer || matrix.afterFeedForward !== afterFeedForward) return;
      for (let unit = 0; unit < matrix.units; unit++) pairs.push(layers.length + m, unit);
    });
  const takesUnits = selector === 'all' && cache.kind === 'pin';
  layers.forEach(({ unit, slots }, layer) => {
    addMatrices(layer, false);
    if (takesUnits) for (let id = slots; id < unit.units; id++) pairs.push(layer, id);
    addMatrices(layer, true);
  });
  const entries = pairs.length / 2;
  addMatrices(layers.length, false);
  return { pairs: Uint32Array.from(pairs), headEntry: pairs.length / 2 > entries ? entries : null };
}
