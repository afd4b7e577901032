import type { ActiveSet } from './active-set.js';

/** Figures that tell how far the last k tokens foretell the active neurons of the next. */
export interface WindowReuse {
  /** Active neurons that one of the last k tokens activated too, over the active ones. */
  hitRate: number;
  /** Active neurons that none of them activated, over all neurons. */
  newShare: number;
  /** Neurons that the last k tokens activated together, over all neurons. */
  unionShare: number;
}

/** The mean share of the neurons that a token of [first, end) activates. */
export function activeShareOf(active: ActiveSet, first: number, end: number): number {
  return active.activations(first, end) / ((end - first) * active.numNeurons);
}

/**
 * The smallest share of the neurons that has 80% of all activations. `uses`: the activations of each neuron,
 * [numNeurons].
 */
export function hotShareOf(uses: Uint32Array): number {
  const falling = Uint32Array.from(uses).sort().reverse();
  const wanted = 0.8 * falling.reduce((sum, count) => sum + count, 0);
  let carried = 0;
  let neurons = 0;
  while (carried < wanted) carried += falling[neurons++];
  return neurons / uses.length;
}

/**
 * Measures the reuse in tokens [first, end) for each window of k tokens in `windows`, ascending. The first tokens,
 * which no full window precedes, are left out.
 */
export function reuseOver(active: ActiveSet, first: number, end: number, windows: readonly number[]): WindowReuse[] {
  const { numNeurons } = active;
  const longest = windows[windows.length - 1];
  /** Per neuron the last token that activated it, counted from `first`. */
  const last = new Int32Array(numNeurons).fill(-longest - 1);
  /**
   * By the number of tokens since a neuron was last active: such neurons that are active again, and all such neurons.
   */
  const gaps = new Float64Array(longest + 1);
  const unions = new Float64Array(longest + 1);
  let asked = 0;
  let measured = 0;
  for (let token = first; token < end; token++) {
    const counts = token - first >= longest;
    if (counts) measured += 1;
    for (let n = 0; n < numNeurons; n++) {
      const gap = token - first - last[n];
      if (counts && gap <= longest) unions[gap] += 1;
      if (!active.has(token, n)) continue;
      last[n] = token - first;
      if (!counts) continue;
      asked += 1;
      if (gap <= longest) gaps[gap] += 1;
    }
  }
  const all = Math.max(1, measured * numNeurons);
  return windows.map((k) => {
    const hits = gaps.subarray(1, k + 1).reduce((sum, count) => sum + count, 0);
    const union = unions.subarray(1, k + 1).reduce((sum, count) => sum + count, 0);
    return { hitRate: asked === 0 ? 0 : hits / asked, newShare: (asked - hits) / all, unionShare: union / all };
  });
}
