import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openBridge } from '../../native-bridge/index.js';
import { loadPredictor } from '../../src/engine/load-predictors.js';
import {
  type CalibrationResult,
  type ComparisonResult,
  calibrateStore,
  compareSelectors,
  loadModel,
  planModel,
} from '../../src/index.js';
import { selectByLowRank } from '../../src/select/low-rank.js';
import { readPredictors } from '../../src/store/predictors.js';
import { openStore } from '../../src/store/reader.js';
import { median } from '../statistics.js';

export interface SparseOptions {
  /** A store; it is copied before anything is trained. */
  store: string;
  folder: string;
  calibration: readonly string[];
  judged: readonly string[];
  tokens: number;
  ranks: readonly number[];
  context: number;
  /** Shares of the streamed half that the cache may hold. */
  cacheShares: readonly number[];
  prompt: string;
  newTokens: number;
  threads: number;
}

type Selected = 'gate' | 'low-rank' | 'sign';

/** A generation under one selector and budget. */
export interface Decoding {
  selector: Selected;
  cacheShare: number;
  hitRate: number;
  tokensPerSecond: number;
  bytesPerToken: number;
  recordsPerToken: number;
}

export interface SparseMeasurement {
  modelBytes: number;
  calibration: CalibrationResult;
  /** For each rank, the same in all layers: chosen over active neurons, and bytes of the predictors. */
  ranks: { rank: number; load: number; bytes: number }[];
  comparisons: Record<'low-rank' | 'sign', ComparisonResult>;
  decodings: Decoding[];
  /** ms that choosing takes for a token, in all layers together. */
  predictorMs: number;
}

/** Measures everything that the predictors of a ReLU model are judged by. */
export async function measureSparse(options: SparseOptions, log: (line: string) => void): Promise<SparseMeasurement> {
  const { folder, calibration: documents, tokens, threads, context } = options;
  const store = join(folder, 'store');
  cpSync(options.store, store, { recursive: true });
  const modelBytes = openStore(store).bytes;
  const ranks: SparseMeasurement['ranks'] = [];
  for (const rank of options.ranks) {
    log(`calibrating, rank ${rank}`);
    const { layers, bytes } = await calibrateStore(store, documents, { tokens, rank, threads });
    ranks.push({ rank, load: loadOf(layers), bytes });
  }
  log('calibrating, each layer with its own rank');
  const calibration = await calibrateStore(store, documents, { tokens, threads });
  const judge = (selector: 'low-rank' | 'sign') => {
    log(`comparing ${selector} with every row`);
    const tuning = { selector };
    return compareSelectors(
      store,
      { documents: options.judged },
      { exact: false, threads, contextSize: context, tuning },
    );
  };
  const comparisons = { 'low-rank': await judge('low-rank'), sign: await judge('sign') };
  const decodings: Decoding[] = [];
  for (const cacheShare of options.cacheShares) {
    for (const selector of ['gate', 'low-rank'] as const) {
      log(`writing with ${selector}, ${Math.round(100 * cacheShare)}% of the FFN in memory`);
      decodings.push(await decode(store, selector, cacheShare, options));
    }
  }
  const predictorMs = timePredictor(store, threads);
  rmSync(store, { recursive: true });
  return { modelBytes, calibration, ranks, comparisons, decodings, predictorMs };
}

/** Chosen over active, all layers together. */
export const loadOf = (layers: readonly { activeShare: number; chosenShare: number }[]): number =>
  layers.reduce((sum, { chosenShare }) => sum + chosenShare, 0) /
  layers.reduce((sum, { activeShare }) => sum + activeShare, 0);

async function decode(
  store: string,
  selector: Selected,
  cacheShare: number,
  { context, threads, prompt, newTokens }: SparseOptions,
): Promise<Decoding> {
  const tuning = { selector, cache: 'lru' as const };
  const shared = { exact: selector === 'gate', contextSize: context, threads, tuning };
  const { minimumBytes, ffnBytes, residentBytes, stateBytes, scratchBytes } = await planModel(store, {
    ...shared,
    memory: '1TB',
  });
  const memory = Math.max(minimumBytes, Math.ceil(residentBytes + stateBytes + scratchBytes + cacheShare * ffnBytes));
  const model = await loadModel(store, { ...shared, memory });
  try {
    const { receipt, usage } = await model.generate(prompt, { maxTokens: newTokens, ignoreEos: true }).result;
    return {
      selector,
      cacheShare,
      hitRate: receipt.bundlesHit / (receipt.bundlesHit + receipt.bundlesMissed),
      tokensPerSecond: receipt.decodeTokensPerSecond ?? 0,
      bytesPerToken: receipt.payloadBytesRead.decode / usage.completion,
      recordsPerToken: receipt.recordsRead.decode / usage.completion,
    };
  } finally {
    await model.dispose();
  }
}

/** Median over passes of one token through every layer's predictor. */
function timePredictor(path: string, threads: number): number {
  const store = openStore(path);
  const bridge = openBridge({ threads });
  const predictors = readPredictors(store)!;
  const { hiddenSize, intermediateSize } = store.spec;
  const layers = predictors.layers.map((layer) => loadPredictor(bridge, predictors, layer, hiddenSize));
  const selector = selectByLowRank({ layers, maxTokens: 1 });
  try {
    const x = Float32Array.from({ length: hiddenSize }, (_, i) => Math.sin(i));
    const units = new Uint32Array(intermediateSize);
    const times = Array.from({ length: 400 }, () => {
      const start = performance.now();
      for (let layer = 0; layer < layers.length; layer++) selector.select(layer, x, 1, units);
      return performance.now() - start;
    });
    return median(times.slice(100));
  } finally {
    selector.dispose();
    bridge.dispose();
  }
}
