import type { Bridge, ResidentMatrix } from '../../native-bridge/bridge.js';
import { rowBytes } from '../../native-bridge/formats.js';
import { checkHeld } from './checksum.js';
import type { TensorOnDisk } from './tensor-on-disk.js';

/** Holds a matrix [rows, columns] on the bridge, as its file has it. Throws CORRUPT where its checksum does not match, or BridgeError. */
export function loadMatrix(bridge: Bridge, tensor: TensorOnDisk): ResidentMatrix {
  const { path, offset, format, shape } = tensor;
  const [rows, columns] = shape;
  const matrix = bridge.loadMatrix({ path, offset, rowStride: rowBytes(format, columns), rows, columns, format });
  try {
    checkHeld(matrix, tensor);
  } catch (error) {
    matrix.dispose();
    throw error;
  }
  return matrix;
}
