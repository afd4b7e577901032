import { ringSlots } from '../../cache/ring-slots.js';
import type { Pool } from './pool.js';

/**
 * For models that ask for every unit in every token: the first units stay for good, the others pass through the
 * engine's ring.
 */
export function ringPool({ units, slots }: { units: number; slots: number }): Pool {
  const pinned = slots >= units ? units : Math.max(0, slots - ringSlots(slots));
  const present = new Uint8Array(pinned);
  return {
    use(asked) {
      let missed = 0;
      for (const unit of asked) {
        if (unit >= pinned || present[unit] === 0) missed += 1;
        if (unit < pinned) present[unit] = 1;
      }
      return missed;
    },
    endToken() {},
  };
}
