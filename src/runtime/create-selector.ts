import type { Bridge, MatrixSource, ResidentMatrix } from '../../native-bridge/bridge.js';
import { readTrace } from '../cache/trace-reader.js';
import { loadMatrix } from '../dense/load-matrix.js';
import { FlashrowError } from '../errors.js';
import { layerTensor } from '../model/tensor-names.js';
import type { Allocation } from '../plan/allocate.js';
import { selectAll } from '../select/all.js';
import { selectByGate } from '../select/gate.js';
import { selectByRouter } from '../select/router.js';
import type { Selector } from '../select/selector.js';
import { selectByTrace } from '../select/trace.js';
import type { LayerBundles } from '../store/manifest.js';
import type { Store } from '../store/reader.js';

/** The selector of a plan, with what it keeps resident loaded and checked. Throws CORRUPT, UNSUPPORTED or BridgeError. */
export function createSelector(
  store: Store,
  bridge: Bridge,
  { selector, layers }: Allocation,
  maxTokens: number,
  trace: string | null,
): Selector {
  if (trace !== null) {
    const unitsPerLayer = layers.map(({ unit }) => unit.units);
    return selectByTrace({ trace: readTrace(trace), unitsPerLayer, experts: store.spec.experts !== null, maxTokens });
  }
  if (selector === 'all') return selectAll(layers.map(({ unit }) => unit.units));
  if (selector === 'router') return createRouter(store, bridge, maxTokens);
  const matrices: ResidentMatrix[] = [];
  try {
    for (const [index, layer] of store.layers.entries()) {
      const part = residentPart(store, layer);
      matrices.push(bridge.loadMatrix(part));
      checkPart(matrices[index], part, index, layer);
    }
    return selectByGate({ matrices, neuronsPerUnit: store.layers.map((layer) => layer.neuronsPerBundle), maxTokens });
  } catch (error) {
    for (const matrix of matrices) matrix.dispose();
    throw error;
  }
}

function createRouter({ spec, tensors }: Store, bridge: Bridge, maxTokens: number): Selector {
  const matrices: ResidentMatrix[] = [];
  try {
    for (let layer = 0; layer < spec.numLayers; layer++) {
      matrices.push(loadMatrix(bridge, tensors.get(layerTensor(layer, 'router'))!));
    }
    return selectByRouter({ matrices, experts: spec.experts!, maxTokens });
  } catch (error) {
    for (const matrix of matrices) matrix.dispose();
    throw error;
  }
}

/** The first part of every bundle of a by-neuron layer, as one matrix [numNeurons, hiddenSize]. */
function residentPart(store: Store, layer: LayerBundles): MatrixSource {
  const { hiddenSize, numNeurons, neuronsPerBundle, formats, extents } = layer;
  if (neuronsPerBundle !== 1)
    throw new FlashrowError('UNSUPPORTED', 'the gate selector needs bundles of one neuron; convert the model again', {
      neuronsPerBundle,
    });
  const format = formats.gate ?? formats.up;
  const { file, offset, stride } = extents[0];
  return {
    path: store.files[file],
    offset,
    rowStride: stride,
    rows: numNeurons,
    columns: hiddenSize,
    format,
  };
}

/** Compares what was read with the first checksum of each bundle. Throws CORRUPT. */
function checkPart(
  matrix: ResidentMatrix,
  { path, offset, rowStride }: MatrixSource,
  layer: number,
  { checksums, segments }: LayerBundles,
): void {
  if (checksums === null) return;
  for (let bundle = 0; bundle < matrix.rows; bundle++) {
    if (matrix.checksum(bundle, 1) === checksums[bundle * segments.length]) continue;
    const at = offset + bundle * rowStride;
    const message = `${path} is damaged at ${at} (layer ${layer}, bundle ${bundle}); convert the model again`;
    throw new FlashrowError('CORRUPT', message, { path, offset: at, layer, bundle });
  }
}
