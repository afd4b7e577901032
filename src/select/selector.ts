/** Says which units of a layer this token, or this prompt chunk, needs. */
export interface Selector {
  readonly name: string;
  /** Whether leaving out the others changes nothing. */
  readonly exact: boolean;
  /** Writes the unit ids needed for x[tokens, hiddenSize], ascending, and returns how many. */
  select(layer: number, x: Float32Array, tokens: number, units: Uint32Array): number;
  /** Products with x that `select` computed on the way, [tokens, numNeurons]; null where the selector computes none. */
  readonly given: Float32Array | null;
  dispose(): void;
}
