import type { SelectorName } from '../select/selector.js';

/** Where a budget goes, and what speed to expect. All sizes are bytes. */
export interface Plan {
  /** Whether the budget is enough. */
  fits: boolean;
  /** The smallest budget with which a run succeeds under the same options. */
  minimumBytes: number;
  /** The budget, as `memory` said or by default. */
  budgetBytes: number;
  /** Weights that stay in memory: the dense half, and what a selector keeps. */
  residentBytes: number;
  /** Keys and values at full context. */
  stateBytes: number;
  /** Working buffers. */
  scratchBytes: number;
  /** Slots for bundles, allocated once. */
  cacheBytes: number;
  /** Memory beside the budget: worker, tokenizer, sessions. */
  overheadBytes: number;
  /** The streamed half as it lies on disk. */
  ffnBytes: number;
  /** Share of the streamed half that the cache holds, 0 to 1. */
  cachedShare: number;
  /** Bytes that a generated token is expected to read. */
  bytesPerToken: number;
  /** Whether the model has to be converted first, and how large the store will be. */
  conversion: { needed: boolean; bytes: number };
  /** What speed to expect, and by what measurement. */
  forecast: { tokensPerSecond: number | null; firstTokenSeconds: number | null; basis: string };
  /** The selector in use; `reason` says why. */
  selector: SelectorName;
  /** The cache policy in use. */
  cachePolicy: string;
  /** Why the selector was chosen. */
  reason: string;
}
