import { statSync } from 'node:fs';
import type { Bridge } from '../../native-bridge/bridge.js';

/**
 * Bytes/s of raw reads of `recordBytes` from a file, `readThreads` at once, past the page cache. Each `turn` reads at
 * other places, so that no cache inside the disk answers.
 */
export function diskBandwidth(
  bridge: Bridge,
  path: string,
  recordBytes: number,
  readThreads: number,
  turn: number,
): number {
  const totalBytes = Math.ceil(statSync(path).size / (1 + turn));
  const { bytes, seconds } = bridge.probeReads(path, recordBytes, totalBytes, readThreads);
  return bytes / Math.max(seconds, 1e-6);
}
