import type { CachePolicyName } from '../cache/policy.js';
import type { SelectorName } from '../select/selector.js';

/** `auto` is exact, unless `exact: false` permits more. */
export type SelectorChoice = 'auto' | SelectorName;
/**
 * `window:k` keeps the units that the last k tokens used, `window:0` none, and `window` is `window:4`. `hot+lru` needs
 * a calibration, which says which neurons are used most.
 */
export type CacheChoice = 'auto' | CachePolicyName | `window:${number}`;

/** Options as a plan takes them. */
export interface PlanOptions extends ModelOptions {
  /** Tokens of context where `contextSize` names none and the usual default would be more. */
  usualContextSize?: number;
}

/** The options that shape a plan and a load alike. */
export interface ModelOptions {
  /**
   * Budget for everything that grows with the model: bytes, or a text like `"2GB"` (10^9), `"1.5GiB"`, `"6G"`
   * (2^30) or `"50%"` of what the control groups and the machine have left. Default: `"60%"`; where the model does not
   * run in that, 90% less the overhead. `plan.warnings` says so.
   */
  memory?: number | string;
  /**
   * Tokens of context; default min(trained, 4096), or fewer (256 at least) where `memory` is left open too and no more
   * fit; `plan.warnings` says so.
   */
  contextSize?: number;
  /** Permits only selectors that compute the same as every row; default true. */
  exact?: boolean;
  /** Compute threads; default the cores that affinity and CPU quotas leave, rounded down, at most 8. */
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
