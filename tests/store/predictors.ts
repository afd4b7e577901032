import { storeIdentity } from '../../dist/src/store/predictors.js';
import { openStore } from '../../dist/src/store/reader.js';
import { writePredictors } from '../../dist/src/store/write/predictors-writer.js';
import { crc32c, random } from './support.js';

const RANK = 2;
const STATISTICS = {
  activeShare: 0.1,
  hotShare: 0.2,
  reuse: Array.from({ length: 8 }, () => ({ hitRate: 0.5, newShare: 0.1, unionShare: 0.2 })),
  falseNegativeRate: 0.03,
  falsePositiveRate: 0.1,
  chosenShare: 0.2,
};
const SIGN = { threshold: 1, falseNegativeRate: 0.1, chosenShare: 0.3 };

/**
 * Gives a store predictors of random weights; `model` is what they say they were trained on, and the measures are what
 * they say of it.
 */
export function addPredictors(
  store: string,
  model = storeIdentity(store),
  { heldOutTokens = 2, activeShare = STATISTICS.activeShare } = {},
): { path: string; bytes: number } {
  const { hiddenSize, intermediateSize, numLayers } = openStore(store).spec;
  const next = random(9);
  const floats = (count: number) => Buffer.from(Float32Array.from({ length: count }, next).buffer);
  const layers = Array.from({ length: numLayers }, () => ({
    rank: RANK,
    format: 'f32' as const,
    threshold: 0.5,
    statistics: { ...STATISTICS, activeShare },
    sign: SIGN,
    inner: floats(RANK * hiddenSize),
    outer: floats(intermediateSize * RANK),
    bias: floats(intermediateSize),
    uses: Buffer.alloc(4 * intermediateSize),
  }));
  return writePredictors(store, { model, tokens: 10, heldOutTokens, seed: 1 }, layers, crc32c);
}
