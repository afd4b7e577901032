import { statSync } from 'node:fs';
import type { Bridge, RowStream, StreamedMatrix, StreamLayer } from '../../native-bridge/bridge.js';
import { tensorNamed } from '../dense/check-tensors.js';
import type { TensorOnDisk } from '../dense/tensor-on-disk.js';
import { READ_THREADS } from '../disk/read-threads.js';
import type { Allocation } from '../plan/allocation.js';
import type { MatrixUnits } from '../plan/dense/matrix-units.js';
import type { Store } from '../store/reader.js';
import { readNeuronBiases } from './biases.js';
import { learnMergeGap } from './merge-gap.js';

/**
 * Opens the streamed half of a store, with slots as the plan laid them out; its ring is not started. Throws CORRUPT or
 * BridgeError.
 */
export function createStream(
  store: Store,
  bridge: Bridge,
  { layers, arenaBytes, selector, streamed }: Allocation,
  direct: boolean,
): RowStream {
  const paths = [...store.files];
  const streamLayers: StreamLayer[] = store.layers.map((layer, i) => ({
    ...layer,
    bundlesPerUnit: layers[i].unit.bundlesPerUnit,
    residentPart: layers[i].unit.residentPart,
    arenaOffset: layers[i].arenaOffset,
    slots: layers[i].slots,
    biases: readNeuronBiases(store, i, bridge),
    activationLimit: store.spec.activationLimits?.network,
  }));
  return bridge.createStream({
    paths,
    arenaBytes,
    readThreads: READ_THREADS,
    direct,
    mergeGapBytes: mergeGap(store, bridge, selector),
    filledAtOnce: selector === 'all',
    layers: streamLayers,
    matrices: streamed.map((matrix) => streamedMatrix(tensorNamed(store.tensors, matrix.name), matrix, paths)),
  });
}

/** A matrix where it lies. Its file joins `paths` if it is not among them. */
function streamedMatrix(tensor: TensorOnDisk, { rowsPerUnit }: MatrixUnits, paths: string[]): StreamedMatrix {
  const { path, offset, format, checksum = null } = tensor;
  const [rows, columns] = tensor.shape;
  if (!paths.includes(path)) paths.push(path);
  return { file: paths.indexOf(path), offset, rows, columns, format, rowsPerUnit, checksum };
}

/**
 * The gap between two records, in bytes, up to which one read for both is cheaper. Experts and slices are read whole:
 * the bytes between two of them are never worth reading. Between two neurons they may be.
 */
function mergeGap({ files, layers }: Store, bridge: Bridge, selector: Allocation['selector']): number {
  if (selector === 'all' || selector === 'router') return 0;
  const path = files[layers[0].extents[0].file];
  return learnMergeGap(bridge, path, statSync(path).size);
}
