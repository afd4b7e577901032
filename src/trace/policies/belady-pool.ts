import { EvictionHeap } from '../../cache/eviction-heap.js';
import type { Pool } from './pool.js';

const NEVER = 0xffffffff;

/**
 * The optimum, for comparison (Belady, "A study of replacement algorithms for a virtual-storage computer", 1966). It
 * knows the future: it keeps the units that are asked for again soonest, and may let go of a unit that was just read.
 * No policy with as many slots hits more often. `future` has every call of `use`, in order.
 */
export function beladyPool(units: number, slots: number, future: readonly Uint32Array[]): Pool {
  const nextUses = nextUsesOf(units, future);
  const soonest = new Float64Array(units);
  const resident = new EvictionHeap(soonest, new Float64Array(units));
  let at = 0;
  return {
    use(asked) {
      let missed = 0;
      for (const unit of asked) {
        if (resident.has(unit)) resident.remove(unit);
        else missed += 1;
      }
      for (const unit of asked) {
        soonest[unit] = -nextUses[at++];
        resident.add(unit);
      }
      while (resident.size > slots) resident.pop();
      return missed;
    },
    endToken() {},
  };
}

/** For each unit of each call, in order, the number of the next call that asks for it. */
function nextUsesOf(units: number, calls: readonly Uint32Array[]): Uint32Array {
  const nextUses = new Uint32Array(calls.reduce((sum, { length }) => sum + length, 0));
  const next = new Uint32Array(units).fill(NEVER);
  let at = nextUses.length;
  for (let call = calls.length - 1; call >= 0; call--) {
    for (let i = calls[call].length - 1; i >= 0; i--) {
      const unit = calls[call][i];
      nextUses[--at] = next[unit];
      next[unit] = call;
    }
  }
  return nextUses;
}
