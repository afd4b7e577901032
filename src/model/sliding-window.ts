import type { SlidingWindowSpec } from './spec.js';

/** Positions that a token sees in a layer, its own included; 0 for all positions. */
export function windowOf({ size, fullEvery, layers }: SlidingWindowSpec, layer: number): number {
  if (layers) return layers[layer] ? size : 0;
  return fullEvery !== null && layer % fullEvery === fullEvery - 1 ? 0 : size;
}
