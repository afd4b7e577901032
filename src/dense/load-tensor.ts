import type { Bridge, ResidentMatrix } from '../../native-bridge/bridge.js';
import { rowBytes } from '../../native-bridge/formats.js';
import { checkHeld, checkOnDisk } from './checksum.js';
import type { DenseMatrix, StreamedMatrices } from './dense-matrix.js';
import { readVector, type TensorOnDisk } from './tensor-on-disk.js';
import { scaleBy } from './vectors.js';

/**
 * Holds a matrix [rows, columns] on the bridge, in its file's own format. Throws CORRUPT if its checksum does not
 * match, or BridgeError.
 */
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
  return tensor.factor === undefined ? matrix : multiplied(matrix, tensor.factor);
}

/** A matrix that streams, with the number that its products are multiplied by; null for one that stays in memory. */
export function streamedMatrix(
  streamed: StreamedMatrices | null,
  { factor }: TensorOnDisk,
  name: string,
): DenseMatrix | null {
  const matrix = streamed?.matrix(name) ?? null;
  if (matrix === null || factor === undefined) return matrix;
  return {
    ...matrix,
    matmul(x, tokens, y) {
      matrix.matmul(x, tokens, y);
      scaleBy(y, tokens * matrix.rows, factor);
    },
  };
}

/** A matrix whose products and rows are multiplied by a number, which takes a thousandth of a product's time. */
export function multiplied(matrix: ResidentMatrix, factor: number): ResidentMatrix {
  return {
    rows: matrix.rows,
    columns: matrix.columns,
    bytes: matrix.bytes,
    matmul(x, tokens, y) {
      matrix.matmul(x, tokens, y);
      scaleBy(y, tokens * matrix.rows, factor);
    },
    multiplyFirst(x, rows, y) {
      matrix.multiplyFirst(x, rows, y);
      scaleBy(y, rows, factor);
    },
    multiplyHeads(x, tokens, heads, transposed, y) {
      matrix.multiplyHeads(x, tokens, heads, transposed, y);
      scaleBy(y, tokens * (transposed ? heads * matrix.columns : matrix.rows), factor);
    },
    row(index, into) {
      matrix.row(index, into);
      scaleBy(into, matrix.columns, factor);
    },
    checksum: (firstRow, rows) => matrix.checksum(firstRow, rows),
    dispose: () => matrix.dispose(),
  };
}

/** Reads a whole vector [length], widened to f32. Throws CORRUPT if its checksum does not match, NOT_FOUND or IO. */
export function loadVector(bridge: Bridge, tensor: TensorOnDisk): Float32Array {
  checkOnDisk(tensor, bridge);
  return readVector(tensor);
}
