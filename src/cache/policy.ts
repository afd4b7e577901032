/** How a cache chooses the unit that goes. `CachePolicyName` names the same. */
export const CACHE_POLICIES = ['lru', 'lfu', 'window', 'pin', 'hot+lru'] as const;
/**
 * - `lru`: the unit that was used longest ago goes.
 * - `lfu`: the unit that was used least often goes; old uses count less.
 * - `window`: a unit goes once the last tokens did not use it.
 * - `pin`: the first units stay for good.
 * - `hot+lru`: the units that a calibration found used most stay for good, the others go as under `lru`.
 */
export type CachePolicyName = (typeof CACHE_POLICIES)[number];

export interface CachePolicy {
  kind: CachePolicyName;
  /** Under `window`, how many tokens it looks back over; 0 under the others. */
  window: number;
}
