import type { StateFormat } from '../plan/state-format.js';

/** A number of bytes or of reads, for the prompt (prefill) and for the generated tokens (decode). */
export interface PerPhase {
  /** For the prompt. */
  prefill: number;
  /** For the generated tokens. */
  decode: number;
}

/** What drafts did for a generation. Its tokens are those that would have come without. */
export interface SpeculationReceipt {
  /**
   * What was to foretell tokens: `lookup`, or `model`, `self` or `mtp` beside it; `off` where nothing was. A draft that
   * was not worth its memory leaves all of it to `lookup`.
   */
  draft: 'off' | 'lookup' | 'model' | 'self' | 'mtp';
  /**
   * Foretold tokens that were verified. Of several for one place one at most can be right. Those that were not worth it
   * are not counted.
   */
  drafted: number;
  /** Those of them that were right. */
  accepted: number;
  /** Tokens that the format of the answer left no choice about, and that shared a pass with the token before them. */
  forced: number;
  /**
   * Tokens that a pass over the model brought: 1 without drafts and forced tokens, more with these and where drafts
   * were right; null without passes.
   */
  tokensPerPass: number | null;
  /** Bytes of bundles that were read for a generated token; null where there was none. */
  bytesPerToken: number | null;
  /**
   * The same without drafts, as the passes over one token show that were among these: the first pass is always one, and
   * now and then others. Null where there was none. It leaves out what a draft itself takes.
   */
  without: { tokensPerSecond: number | null; bytesPerToken: number | null };
}

/**
 * The work and the cost of a generation or an evaluation. Where several generations run at once, bytes, reads and
 * bundles of a pass are divided among them by their tokens: all receipts together say what was read, and no more. Times
 * are those of the whole passes in which this one took part.
 */
export interface Receipt {
  /** The selector in use: which rows are read. */
  selector: string;
  /** True where the selector computes the same as every row would, and keys and values are not kept in 8 bits. */
  exact: boolean;
  /** The share of active neurons that the selector missed at calibration, 0 to 1; null for exact selectors. */
  falseNegativeRate: number | null;
  /** The cache policy in use. */
  cachePolicy: string;
  /** The instruction set of the compiled kernels in use. */
  kernels: string;
  /** The budget, bytes. */
  budgetBytes: number;
  /** Weights that stay in memory, bytes. */
  residentBytes: number;
  /**
   * Keys and values that are held now, and states that do not grow, with their copies, bytes. Keys and values grow
   * with the conversation, up to `stateBytes` of the plan.
   */
  stateBytes: number;
  /** How keys and values are kept: `f16`, `f32` or `q8`. */
  stateFormat: StateFormat;
  /** Working buffers, bytes. */
  scratchBytes: number;
  /**
   * The cache of bundles, with slots that are empty yet, and those in place of a draft model that was let go, bytes.
   */
  cacheBytes: number;
  /**
   * The draft model, as planned: weights, state at full context, buffers; 0 without one, or while it is let go, bytes.
   */
  draftBytes: number;
  /**
   * What the budget's parts hold: `residentBytes` + `stateBytes` + `scratchBytes` + `cacheBytes` + `draftBytes`, bytes.
   */
  memoryBytes: number;
  /** Fixed memory beside the budget (worker, tokenizer, sessions), as planned, bytes. */
  overheadBytes: number;
  /** Growth of the process's anonymous and shared memory since just before the load, bytes. */
  rssGrowthBytes: number;
  /** Bytes of bundles that were read, without what alignment adds. */
  payloadBytesRead: PerPhase;
  /** Bytes that the disk delivered. */
  deviceBytesRead: PerPhase;
  /** Reads, after neighbouring bundles were merged into one. */
  recordsRead: PerPhase;
  /** Bundles that were asked for and lay in the cache. */
  bundlesHit: number;
  /** Bundles that were asked for and had to be read. */
  bundlesMissed: number;
  /** Speed of the prompt, tokens/s; null where there was nothing to measure. */
  prefillTokensPerSecond: number | null;
  /** Speed of the generated tokens, tokens/s; null where there was nothing to measure. */
  decodeTokensPerSecond: number | null;
  /** What drafts did: tokens that were foretold, and verified several in a pass. */
  speculation: SpeculationReceipt;
  /**
   * ms that a generated token took, by percentile; null where there was nothing to measure. A pass that brought several
   * tokens counts for each of them with its part of the time.
   */
  tokenMs: { p50: number | null; p95: number | null; p99: number | null };
  /** ms of prefill and decode spent waiting for reads. The three fields below are the rest of the time. */
  readWaitMs: number;
  /** The feed-forward part, ms. */
  ffnMs: number;
  /** Attention, norms, embedding and head, ms. */
  denseMs: number;
  /** Everything else, ms: sampling, text, messages between threads. */
  otherMs: number;
}
