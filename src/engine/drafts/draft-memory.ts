/**
 * The memory of a draft, which the cache of the model has while the draft is not worth it. It moves between passes,
 * while no other call runs.
 */
export interface DraftMemory {
  /** Whether the draft has it. */
  readonly isDrafts: boolean;
  /** ms that loading the draft takes, as timed. */
  readonly loadMs: number;
  /** Lets go of the draft, and gives its memory to the cache. */
  giveBack(): Promise<void>;
  /** Takes the memory from the cache, and loads the draft. Throws as a load does; neither then has the memory. */
  take(): Promise<void>;
}
