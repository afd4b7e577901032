/** Where a budget goes, and what to expect of it. Bytes throughout. */
export interface Plan {
  fits: boolean;
  /** The smallest budget with which a run succeeds under the same options. */
  minimumBytes: number;
  budgetBytes: number;
  /** Weights that stay in memory: the dense half, and what a selector keeps. */
  residentBytes: number;
  /** Keys and values at full context. */
  stateBytes: number;
  scratchBytes: number;
  /** What is left for bundles: slots, allocated once. */
  cacheBytes: number;
  /** Fixed cost beside the budget: worker, tokenizer, sessions. */
  overheadBytes: number;
  /** The streamed half as it lies on disk. */
  ffnBytes: number;
  /** Share of the streamed half that the cache holds, 0 to 1. */
  cachedShare: number;
  /** Expected read per generated token. */
  bytesPerToken: number;
  conversion: { needed: boolean; bytes: number };
  forecast: { tokensPerSecond: number | null; firstTokenSeconds: number | null; basis: string };
  /** Choices that `auto` came to, with the reason. */
  selector: string;
  cachePolicy: string;
  reason: string;
}
