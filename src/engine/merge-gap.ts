import type { Bridge } from '../../native-bridge/bridge.js';
import { READ_THREADS } from '../disk/read-threads.js';

/** Two sizes of reads, far enough apart to tell the cost of a read from the cost of its bytes. */
const SMALL_BYTES = 4 << 10;
const LARGE_BYTES = 64 << 10;
/** Bytes read at each size, at most: this takes some ten ms. */
const SMALL_TOTAL = 2 << 20;
const LARGE_TOTAL = 16 << 20;
/** A smaller file gives too few reads to learn from. */
const LEAST_FILE_BYTES = 256 << 20;
/** The gap for such a file, and the largest one that is believed. */
const DEFAULT_GAP = 16 << 10;
const MOST_GAP = 128 << 10;

/**
 * Measures the merge gap of a disk, in bytes: two wanted records at most that far apart are cheaper read as one, gap
 * included, than by two reads. A read of n bytes takes a + b n; two sizes give a and b, and the gap is a / b. The
 * measurement has as many reads at once as the stream has. Throws BridgeError.
 */
export function learnMergeGap(bridge: Bridge, path: string, fileBytes: number): number {
  if (fileBytes < LEAST_FILE_BYTES) return DEFAULT_GAP;
  const secondsPerRead = (recordBytes: number, totalBytes: number) => {
    const { bytes, seconds } = bridge.probeReads(path, recordBytes, totalBytes, READ_THREADS);
    return (seconds * recordBytes) / bytes;
  };
  // A disk that was idle answers the first reads late.
  secondsPerRead(SMALL_BYTES, SMALL_TOTAL);
  const small = secondsPerRead(SMALL_BYTES, SMALL_TOTAL);
  const large = secondsPerRead(LARGE_BYTES, LARGE_TOTAL);
  return gapBetween(small, large);
}

/** The gap in bytes, from the seconds that one read of SMALL_BYTES and one of LARGE_BYTES take. */
export function gapBetween(small: number, large: number): number {
  const perByte = (large - small) / (LARGE_BYTES - SMALL_BYTES);
  const perRead = small - perByte * SMALL_BYTES;
  // A disk that answers large reads as fast as small ones is bound by reads alone.
  const gap = perByte > 0 ? perRead / perByte : MOST_GAP;
  return Math.round(Math.max(0, Math.min(MOST_GAP, gap)));
}
