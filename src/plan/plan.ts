import type { SelectorName } from '../select/selector.js';
import type { MemoryLeft } from './memory-left.js';

/**
 * The speed to expect, from a short reading of the model's file, a timing of the kernels, and what earlier runs
 * measured. All are null where the plan does not fit, or nothing was timed.
 */
export interface Forecast {
  /** Generated tokens per second, once the cache is full. */
  tokensPerSecond: number | null;
  /** Tokens of a long prompt per second, once the cache is full. */
  prefillTokensPerSecond: number | null;
  /** Seconds of the load. */
  loadSeconds: number | null;
  /** Tokens of the prompt that `firstTokenSeconds` is for; 0 where nothing was timed. */
  promptTokens: number;
  /** Seconds from the beginning of the load to the first token: the load, the filling of the cache, and the prompt. */
  firstTokenSeconds: number | null;
  /** What was measured, and how far it can be trusted, in words. */
  basis: string;
}

/** Where a budget goes, and what speed to expect. All sizes are bytes. */
export interface Plan {
  /** Whether a load succeeds: the budget is enough, and no limit of a control group is in the way. */
  fits: boolean;
  /** Why it does not fit, and what would; null where it fits. */
  obstacle: string | null;
  /** The smallest budget with which a run succeeds under the same options, and a context of `contextSize`. */
  minimumBytes: number;
  /** The budget: `memory`, or the default that the plan chose. */
  budgetBytes: number;
  /** Tokens of context: `contextSize`, or the default that the plan chose. */
  contextSize: number;
  /** The most tokens of context that the budget holds, in steps of 64; 0 where it holds none. */
  largestContextSize: number;
  /** What this process could still take when the plan was made. */
  left: MemoryLeft;
  /** Weights that stay in memory: the dense half, and what a selector keeps. */
  residentBytes: number;
  /** Keys and values at full context, and states that do not grow, with the copies that let a prompt be told again. */
  stateBytes: number;
  /** Working buffers. */
  scratchBytes: number;
  /** Slots for bundles, allocated once. */
  cacheBytes: number;
  /** Memory beside the budget: worker threads, tokenizer, read threads. */
  overheadBytes: number;
  /** The streamed half as it lies on disk. Gates that stay in memory are not part of it. */
  ffnBytes: number;
  /** `cacheBytes` / `ffnBytes`, at most 1. */
  cachedShare: number;
  /** Bytes that a generated token is expected to read. */
  bytesPerToken: number;
  /** Whether the model has to be converted first, and how large the store will be. */
  conversion: { needed: boolean; bytes: number };
  /** What speed to expect. A load needs no forecast, and times nothing. */
  forecast: Forecast;
  /** The selector in use; `reason` says why. */
  selector: SelectorName;
  /** The cache policy in use. */
  cachePolicy: string;
  /** Why the selector was chosen. */
  reason: string;
  /**
   * What a caller should know, in plain sentences: a default that was changed to fit, memory or a disk that is too
   * small.
   */
  readonly warnings: readonly string[];
}
