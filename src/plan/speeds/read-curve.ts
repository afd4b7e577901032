import type { Bridge } from '../../../native-bridge/bridge.js';

/** From the size of a device block to that of the largest slots, in bytes. */
export const RECORD_BYTES: readonly number[] = [12, 14, 16, 18, 20, 22].map((power) => 2 ** power);
/** Reads in flight: one, and up to twice as many as a stream has. */
export const DEPTHS: readonly number[] = [1, 4, 16, 32];
/** Each point reads so much, or for 200 ms. */
const POINT_BYTES = 128e6;

export interface ReadPoint {
  recordBytes: number;
  /** Reads in flight. */
  depth: number;
  bytesPerSecond: number;
  /** Whether the reads passed the page cache by. */
  direct: boolean;
}

/** Times reads of a file, point by point. A point takes up to 200 ms. Throws BridgeError IO. */
export function* readCurve(bridge: Bridge, path: string): Generator<ReadPoint> {
  for (const recordBytes of RECORD_BYTES) {
    for (const depth of DEPTHS) {
      const { bytes, seconds, direct } = bridge.probeReads(path, recordBytes, POINT_BYTES, depth);
      yield { recordBytes, depth, bytesPerSecond: bytes / Math.max(seconds, 1e-9), direct };
    }
  }
}
