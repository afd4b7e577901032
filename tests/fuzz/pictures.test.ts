import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlashrowError } from '../../dist/src/errors.js';
import { decodePicture } from '../../dist/src/vision/decode/decode.js';
import { pixelsOf } from '../../dist/src/vision/regions/region.js';
import { bytesOf, golden } from '../vision/golden.js';
import { mutate, mutations } from './mutations.js';

/** As in readers.test.ts. */
const RUNS = Number(process.env.FLASHROW_FUZZ ?? 300);
const SEED = process.env.FLASHROW_FUZZ ? undefined : 1;
const MOST_BYTES = 300e6;
const FILES = golden.cases.map(({ data }) => bytesOf(data));

/** CRC-32, as PNG's chunks have it. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** The chunks of a PNG with their checksums put right, as far as there are whole ones. */
function withChecksums(file: Uint8Array): Uint8Array {
  const bytes = Buffer.from(file);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 12 + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    bytes.writeUInt32BE(crc32(bytes.subarray(at + 4, end - 4)), end - 4);
    at = end;
  }
  return bytes;
}

/** What comes of a file is there, or it is refused, in little memory. */
function expectSound(read: () => number, codes = ['CORRUPT', 'UNSUPPORTED']): void {
  const before = process.memoryUsage().rss;
  try {
    expect(read()).toBeGreaterThan(0);
  } catch (error) {
    if (!(error instanceof FlashrowError)) throw error;
    expect(codes).toContain(error.code);
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(MOST_BYTES);
}

describe('a damaged picture', { timeout: 3_600_000 }, () => {
  it(`is a picture, or refused (${RUNS} files)`, () => {
    const property = fc.property(fc.nat(FILES.length - 1), mutations, fc.boolean(), (which, changes, repaired) => {
      const changed = mutate(FILES[which], changes);
      const bytes = repaired && changed[0] === 0x89 ? withChecksums(changed) : changed;
      expectSound(() => {
        const { width, height } = decodePicture(bytes, 'picture');
        return width * height;
      });
    });
    fc.assert(property, { numRuns: RUNS, ...(SEED !== undefined && { seed: SEED }) });
  });

  it(`is a mask with a pixel, or refused (${RUNS} files)`, () => {
    const pngs = golden.cases.filter(({ name }) => name.endsWith('.png'));
    const property = fc.property(fc.nat(pngs.length - 1), mutations, (which, changes) => {
      const { data, width, height } = pngs[which];
      const bytes = withChecksums(mutate(bytesOf(data), changes));
      // A mask of another size, or an empty one, is a mistake of whoever gives it.
      const codes = ['CORRUPT', 'UNSUPPORTED', 'BAD_USAGE'];
      expectSound(() => pixelsOf({ mask: { name: 'mask', bytes } }, { width, height }).count, codes);
    });
    fc.assert(property, { numRuns: RUNS, ...(SEED !== undefined && { seed: SEED }) });
  });

  it('is refused where little data unpacks to much', () => {
    const bomb = deflateSync(new Uint8Array(2 ** 28));
    for (const interlaced of [0, 1]) {
      const header = Buffer.from([0, 0, 0, 8, 0, 0, 0, 8, 8, 2, 0, 0, interlaced]);
      const chunk = (type: string, data: Uint8Array) => {
        const bytes = Buffer.alloc(data.length + 12);
        bytes.writeUInt32BE(data.length);
        bytes.write(type, 4, 'latin1');
        bytes.set(data, 8);
        return bytes;
      };
      const start = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
      const parts = [start, chunk('IHDR', header), chunk('IDAT', bomb), chunk('IEND', new Uint8Array(0))];
      const before = process.memoryUsage().rss;
      expect(() => decodePicture(withChecksums(Buffer.concat(parts)), 'bomb')).toThrow(/unpacks to more than its/);
      expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
    }
  });
});
