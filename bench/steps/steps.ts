import type { ModelOptions } from '../../src/index.js';

export interface Step {
  name: string;
  what: string;
  tuning: NonNullable<ModelOptions['tuning']>;
  /** Runs with the smallest budget that works, so that as good as nothing stays from token to token. */
  least: boolean;
}

/**
 * The ablation of "LLM in a flash" (arXiv 2312.11514, table 2), one step at a time. flashrow's stores are bundled from the start: what bundling gives is
 * estimated beside the table.
 */
export const STEPS: readonly Step[] = [
  {
    name: 'naive',
    what: 'every FFN byte read for each token, in order',
    tuning: { selector: 'all', cache: 'pin' },
    least: true,
  },
  {
    name: 'hybrid',
    what: 'what fits stays in memory, the rest is read',
    tuning: { selector: 'all', cache: 'pin' },
    least: false,
  },
  {
    name: 'predictor',
    what: 'only active neurons are read, and forgotten after each token',
    tuning: { selector: 'trace', cache: 'window:0' },
    least: true,
  },
  {
    name: 'windowing',
    what: 'what the last 5 tokens used stays in memory',
    tuning: { selector: 'trace', cache: 'window:5' },
    least: false,
  },
  {
    name: 'lru',
    what: 'memory that is left keeps what was used last',
    tuning: { selector: 'trace', cache: 'lru' },
    least: false,
  },
];
