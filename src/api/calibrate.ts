import type { Progress } from '../contract/api.js';
import type { CalibrationProgress, CalibrationResult, CalibrationSettings } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import { anonymousBytes } from '../plan/machine.js';
import type { ModelOptions } from '../plan/model-options.js';
import { requireModelOptions, requirePath, requireTexts } from './check-arguments.js';
import { inWorker, plainOptions } from './load-model.js';

export interface CalibrateOptions extends Pick<ModelOptions, 'memory' | 'threads' | 'cacheDir'> {
  /** Tokens of the texts to look at, a fifth of them only for measuring; default 20,000. */
  tokens?: number;
  /** The share of active neurons that a predictor may miss, on tokens it was not trained on; default 0.03. */
  falseNegativeRate?: number;
  /** The same rank for every layer, a multiple of 32; default: each layer's own, as high as it pays, all within 3% of the model's bytes. */
  rank?: number;
  /** Same seed, same predictors; default 1. */
  seed?: number;
  signal?: AbortSignal;
  onProgress?: (progress: Progress | CalibrationProgress) => void;
}

/**
 * Trains predictors for a ReLU model on `documents`, and writes them beside its store: from then on `exact: false` lets a model choose its rows by them
 * ("LLM in a flash", arXiv 2312.11514). An interrupted calibration is resumed by the same call. Throws UNSUPPORTED where no neuron is ever idle, BAD_USAGE for
 * too little text, INSUFFICIENT_MEMORY, NOT_WRITABLE, DISK_FULL, or `signal.reason`.
 */
export async function calibrate(
  source: string,
  documents: readonly string[],
  options: CalibrateOptions = {},
): Promise<CalibrationResult> {
  requirePath('the model', source);
  requireTexts('documents', documents);
  requireModelOptions(options);
  const settings = settingsOf(options);
  const { signal, onProgress } = options;
  const plain = plainOptions(options);
  const store = await inWorker((channel) =>
    channel.call('prepare', { source, options: plain }, { signal, onEvent: onProgress }),
  );
  const args = { store, documents, options: plain, settings, anonymousBefore: anonymousBytes() };
  return inWorker((channel) => channel.call('calibrate', args, { signal, onEvent: onProgress }));
}

function settingsOf({
  tokens = 20_000,
  falseNegativeRate = 0.03,
  rank,
  seed = 1,
}: CalibrateOptions): CalibrationSettings {
  const expect = (holds: boolean, option: string, value: unknown, accepted: string) => {
    if (!holds) throw new FlashrowError('BAD_USAGE', `${option} is ${accepted}, not ${String(value)}`, { option });
  };
  expect(Number.isSafeInteger(tokens) && tokens >= 1, 'tokens', tokens, 'a whole number from 1');
  expect(falseNegativeRate > 0 && falseNegativeRate < 1, 'falseNegativeRate', falseNegativeRate, 'between 0 and 1');
  const rankHolds = rank === undefined || (Number.isSafeInteger(rank) && rank > 0 && rank % 32 === 0);
  expect(rankHolds, 'rank', rank, 'a multiple of 32');
  expect(Number.isSafeInteger(seed) && seed >= 0, 'seed', seed, 'a whole number from 0');
  return { tokens, falseNegativeRate, rank: rank ?? null, seed };
}
