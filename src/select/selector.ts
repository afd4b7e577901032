/** Says which units of a layer this token, or this prompt chunk, needs. */
export interface Selector {
  readonly name: string;
  /** Whether leaving out the others changes nothing. */
  readonly exact: boolean;
  /** Writes the unit ids needed for x[tokens, hiddenSize], ascending, and returns how many. */
  select(layer: number, x: Float32Array, tokens: number, units: Uint32Array): number;
  /** Products with x that `select` computed on the way, [tokens, numNeurons]; null where the selector computes none. */
  readonly given: Float32Array | null;
  /**
   * What `select` chose for each token, [tokens, count]: unit i of those it wrote counts weights[t * count + i] times for token t, 0 where that token
   * does not ask for it. Null where every unit counts once for every token.
   */
  readonly weights: Float32Array | null;
  dispose(): void;
}
