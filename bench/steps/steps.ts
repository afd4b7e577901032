import type { ReplayTuning } from '../../src/plan/model-options.js';

export interface Step {
  name: string;
  what: string;
  tuning: ReplayTuning;
  /** Whether the rows of a neuron lie together (the paper's row-column bundling). Else each matrix lies by itself. */
  bundled: boolean;
  /** Runs with the smallest budget that works, so that next to nothing stays from token to token. */
  smallest: boolean;
}

/**
 * The ablation of "LLM in a flash" (arXiv 2312.11514, table 2), step by step and in its order. The last step is
 * flashrow's default.
 */
export const STEPS: readonly Step[] = [
  {
    name: 'naive',
    what: 'every FFN byte read for each token, in order',
    tuning: { selector: 'all', cache: 'pin' },
    bundled: true,
    smallest: true,
  },
  {
    name: 'hybrid',
    what: 'what fits stays in memory, the rest is read',
    tuning: { selector: 'all', cache: 'pin' },
    bundled: true,
    smallest: false,
  },
  {
    name: 'predictor',
    what: 'only active neurons are read, row by row, and forgotten after each token',
    tuning: { selector: 'trace', cache: 'window:0' },
    bundled: false,
    smallest: true,
  },
  {
    name: 'windowing',
    what: 'what the last 5 tokens used stays in memory',
    tuning: { selector: 'trace', cache: 'window:5' },
    bundled: false,
    smallest: false,
  },
  {
    name: 'bundling',
    what: 'what a neuron needs lies together, and takes one read',
    tuning: { selector: 'trace', cache: 'window:5' },
    bundled: true,
    smallest: false,
  },
  {
    name: 'lru',
    what: 'memory that is left keeps what was used last',
    tuning: { selector: 'trace', cache: 'lru' },
    bundled: true,
    smallest: false,
  },
];
