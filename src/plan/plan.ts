import type { SelectorName } from '../select/selector.js';
import type { MemoryLeft } from './memory-left.js';
import type { StateFormat } from './state-format.js';

/**
 * The speed to expect, from a short reading of the model's file, a timing of the kernels, and what earlier runs
 * measured. All are null where the plan does not fit, or nothing was timed.
 */
export interface Forecast {
  /** Generated tokens per second, once the cache is full. */
  tokensPerSecond: number | null;
  /**
   * The same with drafts, by how much of what they foretell is right: nothing, or all of it. The first is no less than
   * 0.97 of `tokensPerSecond`. Null without drafts.
   */
  withDrafts: { least: number; most: number } | null;
  /** Tokens of a first prompt of `promptTokens` per second. It fills the cache; later prompts find it full. */
  prefillTokensPerSecond: number | null;
  /** Seconds of the load. */
  loadSeconds: number | null;
  /** Tokens of the prompt that these two are for; 0 where nothing was timed. */
  promptTokens: number;
  /** Seconds from the beginning of the load to the first token: the load, and the prompt. */
  firstTokenSeconds: number | null;
  /** Bytes per second that the model's file was read with, in records of the model's size. */
  diskBytesPerSecond: number | null;
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
  /** Weights that stay in memory: the dense half, or as much of it as fits, and what a selector keeps. */
  residentBytes: number;
  /** The rest of the dense half: matrices that every token reads, beside its computing. 0 where all stay in memory. */
  denseStreamedBytes: number;
  /** Keys and values at full context, and states that do not grow, with the copies that let a prompt be told again. */
  stateBytes: number;
  /** How keys and values are kept: `f16`, `f32` or `q8`. */
  stateFormat: StateFormat;
  /** Working buffers. */
  scratchBytes: number;
  /** Slots for what streams, allocated once. */
  cacheBytes: number;
  /** The draft model, all of it in memory: its weights, state and buffers; 0 without one. */
  draftBytes: number;
  /** Memory beside the budget: worker threads, tokenizer, read threads. */
  overheadBytes: number;
  /** The streamed half as it lies on disk. Gates that stay in memory are not part of it. */
  ffnBytes: number;
  /** The share of `ffnBytes` that the cache holds, 0 to 1. What only passes through memory does not count. */
  cachedShare: number;
  /** Bytes that a generated token is expected to read. */
  bytesPerToken: number;
  /** Whether the model has to be converted first, and how large the store will be. */
  conversion: { needed: boolean; bytes: number };
  /** What speed to expect. A load needs no forecast, and times nothing. */
  forecast: Forecast;
  /** Whether the tokens are those that every row gives, over keys and values that are not coarser than 16 bits. */
  exact: boolean;
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
