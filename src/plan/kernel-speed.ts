import type { Bridge, MatrixSource, ResidentMatrix } from '../../native-bridge/bridge.js';
import { rowBytes } from '../../native-bridge/formats.js';

const MIN_MS = 20;

/**
 * Bytes of weights per second, one token at a time. A model's weights come from memory. A few megabytes would come from
 * the processor's cache instead, at twice the speed. So `source` is loaded several times, up to `bytes` together, and
 * the copies are multiplied by in turn. Throws BridgeError.
 */
export function kernelSpeed(bridge: Bridge, source: MatrixSource, bytes: number): number {
  const { rows, columns, format } = source;
  const sourceBytes = rows * rowBytes(format, columns);
  const x = new Float32Array(columns).fill(1);
  const y = new Float32Array(rows);
  const matrices: ResidentMatrix[] = [];
  try {
    for (let held = 0; held === 0 || held + sourceBytes <= bytes; held += sourceBytes)
      matrices.push(bridge.loadMatrix(source));
    matrices[0].matmul(x, 1, y);
    const start = performance.now();
    let products = 0;
    for (; performance.now() - start < MIN_MS; products++) matrices[products % matrices.length].matmul(x, 1, y);
    return (products * sourceBytes * 1e3) / (performance.now() - start);
  } finally {
    for (const matrix of matrices) matrix.dispose();
  }
}
