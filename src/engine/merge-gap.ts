import type { Bridge } from '../../native-bridge/bridge.js';
import { READ_THREADS } from '../disk/read-threads.js';

/** Two sizes far enough apart to tell what a read costs from what its bytes cost. */
const SMALL_BYTES = 4 << 10;
const LARGE_BYTES = 64 << 10;
/** Read of each, at most: some ten ms. */
const SMALL_TOTAL = 2 << 20;
const LARGE_TOTAL = 16 << 20;
/** Of smaller files too little would be read to learn from. */
const LEAST_FILE_BYTES = 256 << 20;
const DEFAULT_GAP = 16 << 10;
const MOST_GAP = 128 << 10;

/**
 * Up to how many bytes between two wanted records are cheaper read through than skipped, bytes: what one more read costs this disk, over what a byte costs, with
 * as many reads at once as the stream has. A read of n bytes takes a + b n; two sizes give a and b, and the gap is a / b.
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

/** The gap from the seconds that reads of SMALL_BYTES and LARGE_BYTES take. */
export function gapBetween(small: number, large: number): number {
  const perByte = (large - small) / (LARGE_BYTES - SMALL_BYTES);
  const perRead = small - perByte * SMALL_BYTES;
  // A disk that answers large reads as fast as small ones is bound by reads alone.
  const gap = perByte > 0 ? perRead / perByte : MOST_GAP;
  return Math.round(Math.max(0, Math.min(MOST_GAP, gap)));
}
