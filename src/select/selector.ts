/** The selectors that run a model. */
export const SELECTOR_NAMES = ['all', 'gate', 'low-rank', 'sign', 'router'] as const;
/** `trace` is for benchmarks alone: it reads what a recorded trace asked for, so the output means nothing. */
export type SelectorName = (typeof SELECTOR_NAMES)[number] | 'trace';

/** Says which units of a layer a token, or a prompt chunk, needs. */
export interface Selector {
  readonly name: SelectorName;
  /** Whether the output is the same as with all units. */
  readonly exact: boolean;
  /** Begins a pass over tokens of these ids. Absent: nothing depends on them. */
  begin?(ids: ArrayLike<number>): void;
  /** Writes the ids of the units that x[tokens, hiddenSize] needs, ascending, and returns how many. */
  select(layer: number, x: Float32Array, tokens: number, units: Uint32Array): number;
  /** Products with x that `select` computed on the way, [tokens, numNeurons]; null where the selector computes none. */
  readonly residentProducts: Float32Array | null;
  /**
   * What `select` chose for each token, [tokens, count]: unit i of those it wrote counts weights[t * count + i] times
   * for token t, 0 where the token does not ask for it. Null where every unit counts once for every token.
   */
  readonly weights: Float32Array | null;
  dispose(): void;
}
