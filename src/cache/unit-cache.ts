/** Units of one layer that are asked for together, and where they are. Preallocated; `count` entries are valid. */
export interface Placement {
  /** Slot of each unit asked for, in the same order. */
  slots: Uint32Array;
  /** The units that have to be read, ascending if the request was, and the slots they go to. */
  missedUnits: Uint32Array;
  missedSlots: Uint32Array;
  missed: number;
}

export const createPlacement = (capacity: number): Placement => ({
  slots: new Uint32Array(capacity),
  missedUnits: new Uint32Array(capacity),
  missedSlots: new Uint32Array(capacity),
  missed: 0,
});

/**
 * Which units of one layer are in which arena slot. It only keeps the books; reading is up to the caller, who must read every miss before a
 * later `place` could give its slot away: within one call, and in the following one if both together ask for at most `slots` units, nothing asked for is evicted.
 */
export interface UnitCache {
  readonly slots: number;
  /** Units one call may ask for: beyond that, ask in waves. */
  readonly capacity: number;
  /**
   * Finds or makes room for the first `count` units, ascending and distinct, at most `capacity`. `tokens`: of a prompt chunk, how many tokens ask
   * for each; without it, one does.
   */
  place(units: Uint32Array, count: number, into: Placement, tokens?: Uint32Array | null): void;
  /** Ends a token (or a prompt chunk). */
  endToken(): void;
  /** Empties the layer, after a failed read left it unknown what is where. */
  forget(): void;
}

/** A cache whose choice hangs on what was used long ago, and is better where it knows of earlier runs. */
export interface RememberingCache extends UnitCache {
  readonly units: number;
  /** How often each unit was used, aged, [units]: what a later run may begin with. */
  uses(): Float64Array;
  /** Begins with the uses of an earlier run. Nothing may be held yet. */
  remember(uses: ArrayLike<number>): void;
}

export const remembers = (cache: UnitCache): cache is RememberingCache => 'remember' in cache;

/** Units that a call asks for at once, of `count` that are wanted: all, or waves of half of what fits, so that one can be read while another is computed. */
export const waveSize = (count: number, capacity: number): number =>
  Math.max(1, count <= capacity ? count : capacity >> 1);

export const ABSENT = 0xffffffff;
