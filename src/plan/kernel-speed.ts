import type { MatrixSource, ResidentMatrix } from '../../native-bridge/bridge.js';
import { rowBytes } from '../../native-bridge/formats.js';

const LEAST_MS = 20;

/** Bytes of weights per second, one token at a time, of a matrix that is held already. */
export function timeMatrix(
  matrix: ResidentMatrix,
  { rows, columns, format }: Pick<MatrixSource, 'rows' | 'columns' | 'format'>,
): number {
  const x = new Float32Array(columns).fill(1);
  const y = new Float32Array(rows);
  matrix.matmul(x, 1, y);
  const start = performance.now();
  let rounds = 0;
  while (performance.now() - start < LEAST_MS) {
    matrix.matmul(x, 1, y);
    rounds += 1;
  }
  return (rounds * rows * rowBytes(format, columns) * 1e3) / (performance.now() - start);
}
