import { describe, expect, it } from 'vitest';
import { chooseStride } from '../../dist/src/store/stride.js';
import { random } from './support.js';

/** Device blocks touched by many records, counted one record at a time. */
function countBlocks(bytes: number, stride: number, records = 4096): number {
  let blocks = 0;
  for (let i = 0; i < records; i++) {
    blocks += Math.floor((i * stride + bytes - 1) / 4096) - Math.floor((i * stride) / 4096) + 1;
  }
  return blocks / records;
}

describe('the stride of records', () => {
  const next = random(7);
  const sizes = [
    2,
    544,
    816,
    1536,
    4096,
    4098,
    13056,
    33024,
    ...Array.from({ length: 40 }, () => 2 * Math.ceil(next() * 30000)),
  ];

  it.each(sizes)('touches the fewest blocks of all strides that pad %i bytes by a quarter at most', (bytes) => {
    const stride = chooseStride(bytes);
    expect(stride).toBeGreaterThanOrEqual(bytes);
    expect(stride).toBeLessThanOrEqual(1.25 * bytes);
    const fewest = countBlocks(bytes, stride);
    // Every even stride in the range, thinned out where there are thousands.
    const step = 2 * Math.max(1, Math.floor(bytes / 8 / 300));
    for (let other = bytes; other <= 1.25 * bytes; other += step) {
      expect(countBlocks(bytes, other)).toBeGreaterThanOrEqual(fewest);
    }
  });

  it.each([65536, 65538, 1024 * 1024 + 20, 983040])('begins every record of %i bytes on a block', (bytes) => {
    expect(chooseStride(bytes) % 4096).toBe(0);
    expect(chooseStride(bytes) - bytes).toBeLessThan(4096);
  });
});
