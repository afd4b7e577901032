import { dequantize } from '../../dist/native-bridge/blocks.js';
import { FORMATS, rowBytes } from '../../dist/native-bridge/formats.js';
import type { Random } from './support.js';

/** The formats with grids and of few bits, each with the byte that has the exponent of a block's half; -1 for bytes. */
const EXPONENTS = {
  iq2_xxs: 1,
  iq2_xs: 1,
  iq3_xxs: 1,
  iq1_s: 1,
  iq3_s: 1,
  iq2_s: 1,
  iq1_m: 55,
  tq1_0: 53,
  tq2_0: 65,
  nvfp4: -1,
  q1_0: 1,
  q2_0: 1,
} as const;
export type FewBitFormat = keyof typeof EXPONENTS;
export const FEW_BITS = Object.keys(EXPONENTS) as FewBitFormat[];

/** Any bits, with scales of ordinary size. */
export function fewBitRow(random: Random, format: FewBitFormat, columns: number): Uint8Array {
  const row = new Uint8Array(rowBytes(format, columns)).map(() => random.below(256));
  for (let at = 0; at < row.length; at += FORMATS[format].blockBytes) setExponents(row, at, format, 0x20);
  return row;
}

/** A row whose block `block` has a scale of infinity or of a number that is none. NVFP4 has no such scale. */
export function withBadScale(row: Uint8Array, format: FewBitFormat, block: number): Uint8Array {
  const bad = Uint8Array.from(row);
  const at = block * FORMATS[format].blockBytes;
  setExponents(bad, at, format, 0x7c);
  // The two other bits of this exponent stand elsewhere.
  if (format === 'iq1_m') bad[at + 53] |= 0xc0;
  return bad;
}

function setExponents(row: Uint8Array, at: number, format: FewBitFormat, bits: number): void {
  // NVFP4: between 2^-7 and 2^0.
  if (format === 'nvfp4') for (let i = 0; i < 4; i++) row[at + i] &= 0x3f;
  else row[at + EXPONENTS[format]] = (row[at + EXPONENTS[format]] & 0x83) | bits;
}

/** A row's weights; grid-blocks.test.ts compares this decoder with the reference's. */
export function fewBitWeights(format: FewBitFormat, row: Uint8Array, columns: number): Float32Array {
  const weights = new Float32Array(columns);
  dequantize(format, row, 0, columns, weights, 0);
  return weights;
}
