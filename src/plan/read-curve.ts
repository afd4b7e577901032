import type { Bridge } from '../../native-bridge/bridge.js';

/** Records as small as a device block and as large as the largest slot, and reads in flight from one to as many as a stream has. */
export const RECORD_BYTES: readonly number[] = [12, 14, 16, 18, 20, 22].map((power) => 2 ** power);
export const DEPTHS: readonly number[] = [1, 4, 16, 32];
/** So much is read for each point, or as much as goes in 200 ms. */
const POINT_BYTES = 128e6;

export interface ReadPoint {
  recordBytes: number;
  /** Reads in flight. */
  depth: number;
  bytesPerSecond: number;
  /** Whether they passed the page cache by. */
  direct: boolean;
}

/** Times reads of a file, point by point: each takes up to 200 ms. Throws BridgeError IO. */
export function* readCurve(bridge: Bridge, path: string): Generator<ReadPoint> {
  for (const recordBytes of RECORD_BYTES) {
    for (const depth of DEPTHS) {
      const { bytes, seconds, direct } = bridge.probeReads(path, recordBytes, POINT_BYTES, depth);
      yield { recordBytes, depth, bytesPerSecond: bytes / Math.max(seconds, 1e-9), direct };
    }
  }
}
