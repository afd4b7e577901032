import { DEVICE_BLOCK, roundUp } from '../../native-bridge/memory.js';

/**
 * Records of this size or more begin on a device block, so each is read directly into its slot
 * (native-bridge/slots.ts).
 */
const ALIGNED_RECORD = 64 * 1024;

/**
 * Device blocks that a record of `bytes` bytes touches: the mean over records at every `stride` bytes from a block's
 * start.
 */
function blocksTouched(bytes: number, stride: number): number {
  let step = DEVICE_BLOCK;
  while (stride % step !== 0) step /= 2;
  // Offsets inside a device block repeat after 4096 / step records and pass through each multiple of `step` once.
  let blocks = 0;
  for (let start = 0; start < DEVICE_BLOCK; start += step) blocks += Math.ceil((start + bytes) / DEVICE_BLOCK);
  return blocks / (DEVICE_BLOCK / step);
}

/**
 * Bytes from one record's start to the next one's. The result touches the fewest device blocks with at most a quarter
 * of padding. Among equals it has the least padding.
 */
export function chooseStride(bytes: number): number {
  if (bytes >= ALIGNED_RECORD) return roundUp(bytes, DEVICE_BLOCK);
  let best = bytes;
  let fewest = blocksTouched(bytes, bytes);
  for (let alignment = 2; alignment <= DEVICE_BLOCK; alignment *= 2) {
    const stride = roundUp(bytes, alignment);
    const blocks = blocksTouched(bytes, stride);
    if (stride * 4 <= bytes * 5 && blocks < fewest) {
      best = stride;
      fewest = blocks;
    }
  }
  return best;
}
