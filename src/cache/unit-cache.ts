/** The slot of a unit that is in none. */
export const ABSENT = 0xffffffff;

/**
 * Units of one layer that a call asks for together, and where they are. The arrays are allocated once and longer than
 * needed.
 */
export interface Placement {
  /** The slot of each unit, in the order of the call. */
  slots: Uint32Array;
  /** The units that have to be read, in the order of the call, and their slots. The first `missed` entries count. */
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
 * Says which units of one layer are in which arena slot. A cache only keeps the books; the caller reads. It must read
 * every miss before a later `place` can give the slot away. A call evicts none of its own units, and none of the call
 * before where both together ask for at most `slots` units.
 */
export interface UnitCache {
  readonly slots: number;
  /** The most units that one call may ask for. A caller that needs more asks in waves. */
  readonly capacity: number;
  /**
   * Finds the first `count` units, or makes room for them. They are ascending and distinct, at most `capacity`.
   * `tokens` says how many tokens of a prompt chunk ask for each unit; without it one does.
   */
  place(units: Uint32Array, count: number, into: Placement, tokens?: Uint32Array | null): void;
  /** Ends a token (or a prompt chunk). */
  endToken(): void;
  /** Empties the layer. A failed read leaves it unknown which unit is where. */
  forget(): void;
}

/** A cache that goes by uses long ago: it chooses better where it knows the uses of earlier runs. */
export interface RememberingCache extends UnitCache {
  readonly units: number;
  /** How often each unit was used, [units]; old uses count less. A later run may begin with these. */
  uses(): Float64Array;
  /** Begins with the uses of an earlier run. The cache must still be empty. */
  remember(uses: ArrayLike<number>): void;
}

export const remembers = (cache: UnitCache): cache is RememberingCache => 'remember' in cache;

/**
 * How many of `count` units a call asks for at once. These are all where all fit. Else they are half of what fits, so
 * that one wave can be read while another is computed.
 */
export const waveSize = (count: number, capacity: number): number =>
  Math.max(1, count <= capacity ? count : capacity >> 1);
