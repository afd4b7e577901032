import { describe, expect, it } from 'vitest';
import { gapBetween } from '../../dist/src/engine/merge-gap.js';

const KIB = 1024;
/** Seconds of a read of n bytes on a disk whose reads cost `perRead` seconds and bytes come at `speed` bytes/s. */
const readOn = (perRead: number, speed: number) => (bytes: number) => perRead + bytes / speed;

describe('the gap that is worth reading through', () => {
  it.each([
    [14e-6, 1.2e9],
    [80e-6, 0.5e9],
    [2e-6, 7e9],
  ])('is what a read costs more than its bytes: %d s a read, %d bytes/s', (perRead, speed) => {
    const seconds = readOn(perRead, speed);
    expect(gapBetween(seconds(4 * KIB), seconds(64 * KIB)) / (perRead * speed)).toBeCloseTo(1, 2);
  });

  it('is bounded where large reads are as fast as small ones, and nothing where reads cost no more than their bytes', () => {
    expect(gapBetween(1e-3, 1e-3)).toBe(128 * KIB);
    expect(gapBetween(1e-3, 0.9e-3)).toBe(128 * KIB);
    const seconds = readOn(0, 1e9);
    expect(gapBetween(seconds(4 * KIB), seconds(64 * KIB))).toBe(0);
  });
});
