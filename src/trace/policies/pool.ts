/** One cache under one policy, as a replay drives it: the books alone, no bytes. Units are 0 to some count below. */
export interface Pool {
  /**
   * Asks for distinct units, all at once; returns how many of them had to be read. `tokens`: of a prompt chunk, how
   * many tokens ask for each.
   */
  use(units: Uint32Array, tokens?: Uint32Array | null): number;
  /** Ends a token, or a prompt chunk. */
  endToken(): void;
}

/** What a policy needs to know to make a cache. */
export interface PoolRequest {
  units: number;
  /** Of each layer in the cache the number of its first unit. */
  offsets: readonly number[];
  slots: number;
  /** All calls to come, for the optimum. */
  future: () => readonly Uint32Array[];
}
