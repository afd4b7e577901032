import type { SlidingWindowSpec } from './spec.js';

/** Positions that a token sees in a layer, its own included; 0 for all positions. */
export const windowOf = ({ size, fullEvery }: SlidingWindowSpec, layer: number): number =>
  fullEvery !== null && layer % fullEvery === fullEvery - 1 ? 0 : size;
