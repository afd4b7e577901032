export const MIN_RING_SLOTS = 2;
/** Fewer do not keep the disk busy: until the ring has so many, nothing stays that could stream. */
export const GOOD_RING_SLOTS = 16;
/** More keep it busy while a pass computes what is in memory; where there are so many, none stays before. */
export const WIDE_RING_SLOTS = 32;
const MAX_RING_SLOTS = 64;
/** The share of the slots that reads ahead. */
const RING_SHARE = 0.25;

/**
 * The slots of the read-ahead ring, out of all the `slots` of a cache. This is for a model that asks for every unit in
 * every token and does not fit whole. The slots outside the ring keep their units for good.
 */
export const ringSlots = (slots: number): number =>
  clamp(Math.floor(slots * RING_SHARE), clamp(slots, MIN_RING_SLOTS, WIDE_RING_SLOTS), MAX_RING_SLOTS);

const clamp = (value: number, low: number, high: number) => Math.max(low, Math.min(high, value));
