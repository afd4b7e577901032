/** One cache under one policy, for a replay: it keeps the books, and reads nothing. Units are numbered from 0. */
export interface Pool {
  /**
   * Asks for distinct units, all at once, and returns how many of them had to be read. `tokens` says how many tokens of
   * a prompt chunk ask for each unit.
   */
  use(units: Uint32Array, tokens?: Uint32Array | null): number;
  /** Ends a token, or a prompt chunk. */
  endToken(): void;
}

/** The cache that a policy is asked to make. What it allocates is bounded by the units, not by the slots. */
export interface PoolRequest {
  units: number;
  /** The number of the first unit of each layer in the cache. */
  offsets: readonly number[];
  slots: number;
  /** All calls to come; for what knows the future. */
  future: () => readonly Uint32Array[];
}
