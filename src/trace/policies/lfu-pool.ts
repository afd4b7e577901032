import { EvictionHeap } from '../../cache/eviction-heap.js';
import type { Pool } from './pool.js';

/** Beyond this, scores are scaled down together. */
const LARGEST_WEIGHT = 1e100;

export interface LfuOptions {
  units: number;
  slots: number;
  /** After this many tokens a use counts half; Infinity never forgets. */
  halfLife: number;
}

/**
 * Lets go of what was used least often, of equals the one used longest ago; what is asked for now stays. Uses are remembered of units that are
 * not held, too. Ageing weighs the present up instead of everything past down, which comes to the same order.
 */
export function lfuPool({ units, slots, halfLife }: LfuOptions): Pool {
  const score = new Float64Array(units);
  const lastUse = new Float64Array(units);
  const evictable = new EvictionHeap(score, lastUse);
  const growth = 2 ** (1 / halfLife);
  let weight = 1;
  let clock = 0;
  let held = 0;

  const place = (asked: Uint32Array) => {
    let missed = 0;
    for (const unit of asked) {
      if (evictable.has(unit)) evictable.remove(unit);
      else missed += 1;
      score[unit] += weight;
      lastUse[unit] = ++clock;
    }
    const room = Math.min(missed, slots - held);
    held += room;
    for (let i = room; i < missed; i++) evictable.pop();
    for (const unit of asked) evictable.add(unit);
    return missed;
  };

  return {
    use(asked) {
      let missed = 0;
      for (let from = 0; from < asked.length; from += slots) missed += place(asked.subarray(from, from + slots));
      return missed;
    },
    endToken() {
      weight *= growth;
      if (weight < LARGEST_WEIGHT) return;
      for (let unit = 0; unit < units; unit++) score[unit] /= weight;
      weight = 1;
    },
  };
}
