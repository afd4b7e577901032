/** `trace` is for benchmarks: it reads what a recorded trace asked for, so the output is meaningless. */
export type SelectorChoice = 'auto' | 'all' | 'gate' | 'low-rank' | 'sign' | 'router' | 'trace';
/** `window:k` keeps what the last k tokens used, `window:0` nothing; `hot+lru` needs a calibration, which told the neurons used most. */
export type CacheChoice = 'auto' | 'lru' | 'lfu' | 'pin' | 'hot+lru' | 'window' | `window:${number}`;

/** What shapes a plan and a load alike. */
export interface ModelOptions {
  /** Budget for everything that grows with the model: bytes, or `"1.5GiB"`. Default: 60% of what the cgroup or the machine has left. */
  memory?: number | string;
  /** Tokens of context; default min(trained, 4096). */
  contextSize?: number;
  /** Permits only selectors that compute the same as every row; default true. */
  exact?: boolean;
  /** Compute threads; default the cores available, at most 8. */
  threads?: number;
  /** Where checkpoints are converted to; default `FLASHROW_CACHE`, else the platform's cache folder. */
  cacheDir?: string;
  tuning?: {
    selector?: SelectorChoice;
    /** The file that `trace` replays; needs `exact: false`. */
    trace?: string;
    cache?: CacheChoice;
    /** Keys and values in 16 bits (default; kept as scaled integers, which are finer than half floats) or f32. */
    state?: 'f16' | 'f32';
    /** Bypass the page cache; default true. */
    direct?: boolean;
  };
}
