import type { Progress } from '../contract/progress.js';
import type { CalibrationResult, CalibrationSettings } from '../contract/protocol.js';
import { anonymousBytes } from '../plan/anonymous-bytes.js';
import type { ModelOptions } from '../plan/model-options.js';
import { type OptionTable, requireOptions, requireTexts } from './checks/check-arguments.js';
import { inWorker, plainOptions, preparedStore } from './in-worker.js';
import { CALLBACK, isWholeFrom0, MODEL_OPTIONS, SIGNAL } from './option-tables.js';
import { pathOf, type Source } from './source.js';

/** Options of `calibrateStore`. */
export interface CalibrateOptions extends Pick<ModelOptions, 'memory' | 'threads' | 'cacheDir'> {
  /**
   * Tokens of the texts to look at; default 20,000. A fifth of them is only for measuring. More take longer and train
   * better.
   */
  tokens?: number | undefined;
  /**
   * The share of active neurons that a predictor may miss, above 0 and below 1, on tokens that it was not trained on;
   * default 0.03. A smaller share costs more reads: more idle neurons are chosen too.
   */
  falseNegativeRate?: number | undefined;
  /**
   * The same rank for every layer, a multiple of 32. Default: each layer's own, the highest that pays, while all
   * predictors together stay within 3% of the model's bytes.
   */
  rank?: number | undefined;
  /** Same seed, same predictors; default 1. */
  seed?: number | undefined;
  /** Gives up; the promise then rejects with `signal.reason`. */
  signal?: AbortSignal | undefined;
  /** Told how far it has come: stages `convert`, `collect` and `train`. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

const isShare = (value: unknown) => typeof value === 'number' && value > 0 && value < 1;
const isRank = (value: unknown) => isWholeFrom0(value) && value > 0 && value % 32 === 0;

const OPTIONS: OptionTable<CalibrateOptions> = {
  memory: MODEL_OPTIONS.memory,
  threads: MODEL_OPTIONS.threads,
  cacheDir: MODEL_OPTIONS.cacheDir,
  tokens: [(value) => isWholeFrom0(value) && value > 0, 'a whole number from 1'],
  falseNegativeRate: [isShare, 'between 0 and 1'],
  rank: [isRank, 'a multiple of 32'],
  seed: [isWholeFrom0, 'a whole number from 0'],
  signal: SIGNAL,
  onProgress: CALLBACK,
};

/**
 * Trains predictors for a ReLU model on `documents`, and writes them beside its store. From then on `exact: false` lets
 * a load choose rows by them ("LLM in a flash", arXiv 2312.11514). The same call resumes a calibration that was
 * interrupted.
 * Throws UNSUPPORTED where no neuron is ever idle, BAD_USAGE for too little text, INSUFFICIENT_MEMORY, BUSY while
 * another process calibrates the same store, NOT_WRITABLE, DISK_FULL, or `signal.reason`.
 */
export async function calibrateStore(
  source: Source,
  documents: readonly string[],
  options: CalibrateOptions = {},
): Promise<CalibrationResult> {
  const path = pathOf('the model', source);
  requireTexts('documents', documents);
  requireOptions('calibrateStore()', options, OPTIONS);
  const settings = settingsOf(options);
  const { signal, onProgress } = options;
  const plain = { ...plainOptions(options), vision: null };
  const copies = [...documents];
  const { store } = await preparedStore(path, plain, options);
  const args = { store, documents: copies, options: plain, settings, anonymousBefore: anonymousBytes() };
  return inWorker((channel) => channel.call('calibrate', args, { signal, onEvent: onProgress }));
}

function settingsOf({
  tokens = 20_000,
  falseNegativeRate = 0.03,
  rank,
  seed = 1,
}: CalibrateOptions): CalibrationSettings {
  return { tokens, falseNegativeRate, rank: rank ?? null, seed };
}
