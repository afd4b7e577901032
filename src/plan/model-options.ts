import type { CachePolicyName } from '../cache/policy.js';
import type { SelectorName } from '../select/selector.js';

/** `auto` is exact, unless `exact: false` permits more. */
export type SelectorChoice = 'auto' | SelectorName;
/**
 * `window:k` keeps the units that the last k tokens used, `window:0` none, and `window` is `window:4`. `hot+lru` needs
 * a calibration, which says which neurons are used most.
 */
export type CacheChoice = 'auto' | CachePolicyName | `window:${number}`;

/** The options that shape a plan and a load alike. */
export interface ModelOptions {
  /**
   * Budget for everything that grows with the model: bytes, or a text like `"2GB"` (10^9), `"1.5GiB"`, `"6G"`
   * (2^30) or `"50%"` of what the cgroup or the machine has left. Default: `"60%"`.
   */
  memory?: number | string;
  /** Tokens of context; default min(trained, 4096). */
  contextSize?: number;
  /** Permits only selectors that compute the same as every row; default true. */
  exact?: boolean;
  /** Compute threads; default the cores available, at most 8. */
  threads?: number;
  /** The folder for converted checkpoints; default `FLASHROW_CACHE`, else the platform's cache folder. */
  cacheDir?: string;
  tuning?: {
    /** Default `auto`. */
    selector?: SelectorChoice;
    /** The file that the selector `trace` replays; needs `exact: false`. */
    trace?: string;
    /** Default `auto`. */
    cache?: CacheChoice;
    /** Keys and values in 16 bits (default; kept as scaled integers, which are finer than half floats) or f32. */
    state?: 'f16' | 'f32';
    /** Reads pass the page cache by; default true. */
    direct?: boolean;
  };
}
