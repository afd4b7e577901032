import type { Pool } from './pool.js';

/** What reads ahead instead of staying, as the planner divides a cache that everything passes through in order. */
const RING_SHARE = 0.25;
const RING_SLOTS = { least: 2, most: 32 };

/** For models that ask for everything every token: the first units stay for good, the others pass through a ring. */
export function ringPool({ units, slots }: { units: number; slots: number }): Pool {
  const ring = Math.max(RING_SLOTS.least, Math.min(RING_SLOTS.most, Math.floor(slots * RING_SHARE)));
  const pinned = slots >= units ? units : Math.max(0, slots - ring);
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
