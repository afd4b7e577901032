import type { CachePolicyName } from '../cache/policy.js';
import type { SelectorName } from '../select/selector.js';
import type { StateFormat } from './state-format.js';

/** How rows are chosen. `auto` is exact, unless `exact: false` permits more. */
export type SelectorChoice = 'auto' | Exclude<SelectorName, 'trace'>;
/**
 * What stays in memory. `window:k` keeps the units that the last k tokens used, `window:0` none, and `window` is
 * `window:4`. `hot+lru` needs a calibration, which says which neurons are used most.
 */
export type CacheChoice = 'auto' | CachePolicyName | `window:${number}`;

/**
 * What foretells tokens. `lookup` looks for the last tokens earlier in prompt and answer, and says what followed there.
 * `auto` takes it. `{ model }` is a small model with the same vocabulary, by its path or name: it is held in memory
 * whole, within the same budget. `mtp` is the model's own block that predicts further tokens, where its GGUF file has
 * one: it is held in memory whole, too. `self` is a dense model itself, with its networks in 2 bits, as far as they fit
 * into the budget. A draft is used where it wins time, pass by pass; `off` uses none. More will be added.
 */
export type DraftChoice = 'auto' | 'off' | 'lookup' | 'self' | 'mtp' | { model: string };

/** A draft model that was prepared: what a caller named, and its store. */
export interface PreparedDraft {
  model: string;
  store: string;
}

/** Finer choices of a load; default all of them `auto`. */
export interface Tuning {
  /** Which rows a token reads; default `auto`. */
  selector?: SelectorChoice | undefined;
  /** Which units stay in memory; default `auto`. */
  cache?: CacheChoice | undefined;
  /**
   * Keys and values in 16 bits (`f16`, the default; kept as scaled integers, which are finer than half floats), in
   * `f32`, or in 8 bits (`q8`, integers with a scale for each head and token): about twice the context in the same
   * memory, but not exact.
   */
  state?: StateFormat | undefined;
  /** Reads pass the page cache by; default true. */
  direct?: boolean | undefined;
}

/** For benchmarks alone: reads what a recorded trace asked for, whatever the text, so that the output means nothing. */
export interface ReplayTuning extends Omit<Tuning, 'selector'> {
  selector?: SelectorChoice | 'trace' | undefined;
  /** The file that the selector `trace` replays; needs `exact: false`. */
  trace?: string | undefined;
}

/** Options as a plan takes them. */
export interface PlanOptions extends Omit<ModelOptions, 'tuning' | 'draft' | 'vision'> {
  /** The path of the model's eyes; null or absent for none. */
  vision?: string | null;
  draft?: DraftChoice | PreparedDraft | undefined;
  /** Tokens of context where `contextSize` names none and the usual default would be more. */
  usualContextSize?: number;
  tuning?: ReplayTuning | undefined;
}

/** The most `sequences`. */
export const MAX_SEQUENCES = 64;

/** The options that shape a plan and a load alike. */
export interface ModelOptions {
  /**
   * Budget for everything that grows with the model: bytes, or a text like `"2GB"` (10^9), `"1.5GiB"`, `"6G"` (2^30) or
   * `"50%"` of what the control groups and the machine have left. Default: 60% of that. Where the model does not run in
   * 60%, it is 90% less the overhead; `plan.warnings` says so.
   */
  memory?: number | string | undefined;
  /**
   * Tokens of context; default min(trained, 4096), or fewer (256 at least) where `memory` is left open too and no more
   * fit; `plan.warnings` says so.
   */
  contextSize?: number | undefined;
  /**
   * Conversations whose state is held side by side, from 1 to 64; default 1. Each has a context of its own, and takes
   * the state of a whole context. As many generations run at once, in the same passes over the weights. A prompt goes
   * on with the one that it continues, or else takes the place of the one that was used longest ago.
   */
  sequences?: number | undefined;
  /**
   * What foretells tokens, so that one pass over the model brings several; default `auto`. See `DraftChoice`. The text
   * is the same with every draft, and without.
   */
  draft?: DraftChoice | undefined;
  /** Permits only selectors that compute the same as every row; default true. */
  exact?: boolean | undefined;
  /** Compute threads; default the cores that affinity and CPU quotas leave, rounded down, at most 8. */
  threads?: number | undefined;
  /**
   * The model's vision tower, by which it takes pictures: the path of an mmproj file, or of its Hugging Face folder.
   * Default: that which comes with the model, if it has one. `false`: none, so that pictures take no memory and are
   * refused.
   */
  vision?: string | URL | false | undefined;
  /** The folder for converted checkpoints; default `FLASHROW_CACHE`, else the platform's cache folder. */
  cacheDir?: string | undefined;
  /** Finer choices; default all of them `auto`. */
  tuning?: Tuning | undefined;
}
