import type { Bridge } from '../../native-bridge/bridge.js';
import { rowBytes } from '../../native-bridge/formats.js';
import type { LowRankLayer } from '../select/low-rank.js';
import {
  damagedPredictors,
  type LayerPredictor,
  type Predictors,
  readPredictors,
  readRun,
} from '../store/predictors.js';
import type { Store } from '../store/reader.js';

/** Loads a layer's predictor on the bridge. Throws CORRUPT if a checksum does not match, or BridgeError. */
export function loadPredictor(
  bridge: Bridge,
  predictors: Predictors,
  { rank, format, threshold, inner, outer, bias }: LayerPredictor,
  hiddenSize: number,
): LowRankLayer {
  const { path } = predictors;
  const floats = readRun(predictors, bias, (bytes, seed) => bridge.crc32c(bytes, seed));
  const numNeurons = floats.length / 4;
  const matrix = (run: LayerPredictor['inner'], rows: number, columns: number) => {
    const rowStride = rowBytes(format, columns);
    const loaded = bridge.loadMatrix({ path, offset: run.offset, rowStride, rows, columns, format });
    if (loaded.checksum(0, rows) === run.checksum) return loaded;
    loaded.dispose();
    throw damagedPredictors(path, `its checksum at ${run.offset} does not match`);
  };
  const loadedInner = matrix(inner, rank, hiddenSize);
  try {
    return {
      inner: loadedInner,
      outer: matrix(outer, numNeurons, rank),
      bias: new Float32Array(floats.buffer, floats.byteOffset, numNeurons),
      threshold,
      neuronsPerUnit: 1,
    };
  } catch (error) {
    loadedInner.dispose();
    throw error;
  }
}

/**
 * Per layer all its neurons, [numNeurons]: first those that calibration saw active most often. The plan has made sure
 * that the store is calibrated. Throws CORRUPT.
 */
export function readHotNeurons(store: Store, bridge: Bridge): Uint32Array[] {
  const predictors = readPredictors(store)!;
  return predictors.layers.map((layer) => {
    const bytes = readRun(predictors, layer.uses, (run, seed) => bridge.crc32c(run, seed));
    const uses = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    return Uint32Array.from(uses.keys()).sort((a, b) => uses[b] - uses[a] || a - b);
  });
}
