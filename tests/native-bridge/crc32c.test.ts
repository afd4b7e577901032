import { describe, expect, it } from 'vitest';
import { openBridge } from '../../dist/native-bridge/index.js';
import { ISAS, Random } from './support.js';

const text = (value: string) => new TextEncoder().encode(value);
const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);

/** RFC 3720, appendix B.4, and the usual check string. */
const PUBLISHED: [string, Uint8Array, number][] = [
  ['nothing', new Uint8Array(0), 0],
  ['the letter a', text('a'), 0xc1d04330],
  ['the check string', text('123456789'), 0xe3069283],
  ['32 zero bytes', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 ascending bytes', ascending, 0x46dd794e],
  ['32 descending bytes', ascending.toReversed(), 0x113fdb5c],
];

/** The polynomial division, bit by bit. */
function bitwise(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) {
    remainder ^= byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0x82f63b78 : 0);
  }
  return ~remainder >>> 0;
}

describe.each(ISAS)('crc32c on %s', (isa) => {
  const bridge = openBridge({ isa, threads: 1 });

  it.each(PUBLISHED)('gives the published value of %s', (_, bytes, expected) => {
    expect(bridge.crc32c(bytes, 0)).toBe(expected);
  });

  it('agrees with bit-by-bit division at every length and alignment', () => {
    const bytes = new Uint8Array(300).map(() => random.below(256));
    for (let length = 0; length < 200; length++) {
      const piece = bytes.subarray(length % 17, (length % 17) + length);
      expect(bridge.crc32c(piece, 0)).toBe(bitwise(piece));
    }
  });

  it('continues from a seed as if the pieces were one', () => {
    const bytes = new Uint8Array(10_000).map(() => random.below(256));
    const whole = bridge.crc32c(bytes, 0);
    for (const cut of [0, 1, 7, 8, 63, 4096, 9_999, 10_000])
      expect(bridge.crc32c(bytes.subarray(cut), bridge.crc32c(bytes.subarray(0, cut), 0))).toBe(whole);
  });
});

const random = new Random(1);
