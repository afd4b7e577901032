import { DEVICE_BLOCK, roundUp } from '../../native-bridge/memory.js';

/** From this size on every record begins on a device block, so that it can be read straight into its slot (native-bridge/slots.ts). */
const ALIGNED_RECORD = 64 * 1024;

/** Device blocks that a record of `bytes` touches, on average over all records laid out at `stride` from a block's start. */
function blocksTouched(bytes: number, stride: number): number {
  let step = DEVICE_BLOCK;
  while (stride % step !== 0) step /= 2;
  // Offsets inside a device block repeat after 4096 / step records and pass through each multiple of `step` once.
  let blocks = 0;
  for (let start = 0; start < DEVICE_BLOCK; start += step) blocks += Math.ceil((start + bytes) / DEVICE_BLOCK);
  return blocks / (DEVICE_BLOCK / step);
}

/**
 * Bytes from one record's start to the next's: those that touch the fewest device blocks without padding by more than a
 * quarter; of equals, the least padding.
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
