import type { Bridge, MatrixSource, ResidentMatrix } from '../../native-bridge/bridge.js';
import { multiplied } from '../dense/load-tensor.js';
import { FlashrowError } from '../errors.js';
import type { LayerBundles } from '../store/manifest.js';
import type { Store } from '../store/reader.js';

/**
 * Loads the matrix [numNeurons, hiddenSize] whose products tell which neurons of a layer are active: the gate, or up
 * if the model has no gate. Its rows are the first part of each bundle of a by-neuron layer. Throws UNSUPPORTED
 * if a bundle holds more than one neuron, CORRUPT or BridgeError.
 */
export function loadResidentGate(store: Store, bridge: Bridge, index: number): ResidentMatrix {
  const layer = store.layers[index];
  const source = gateSource(store, layer);
  const matrix = bridge.loadMatrix(source);
  try {
    checkGate(matrix, source, index, layer);
  } catch (error) {
    matrix.dispose();
    throw error;
  }
  const factors = layer.factors?.[layer.formats.gate === null ? 'up' : 'gate'];
  return factors ? multiplied(matrix, factors[0]) : matrix;
}

function gateSource(store: Store, layer: LayerBundles): MatrixSource {
  const { hiddenSize, numNeurons, neuronsPerBundle, formats, extents } = layer;
  if (neuronsPerBundle !== 1)
    throw new FlashrowError('UNSUPPORTED', 'this selector needs bundles of one neuron; convert the model again', {
      option: 'tuning.selector',
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

/** Compares each row with the first checksum of its bundle. Throws CORRUPT. */
function checkGate(
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
