import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dequantize, floatToHalf, halfToFloat, quantize } from '../../dist/native-bridge/blocks.js';
import { type RowFormat, rowBytes, type WritableFormat } from '../../dist/native-bridge/formats.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { type GgufTensors, readGgufTensors } from './gguf-tensors.js';
import { ALL_FORMATS, naiveHalf, naiveWeight, Random, randomRow } from './support.js';

const BLOCK_FORMATS = ['q8_0', 'q4_0', 'q4_1'] as const;

const quantized = (format: WritableFormat, values: ArrayLike<number>) => {
  const into = new Uint8Array(rowBytes(format, values.length));
  quantize(format, Float32Array.from(values), 0, values.length, into, 0);
  return into;
};

const dequantized = (format: RowFormat, bytes: Uint8Array, count: number) => {
  const into = new Float32Array(count);
  dequantize(format, bytes, 0, count, into, 0);
  return into;
};

describe('halves', () => {
  it('every pattern has the value that IEEE 754 gives it', () => {
    for (let bits = 0; bits < 65536; bits++) expect(Object.is(halfToFloat(bits), naiveHalf(bits))).toBe(true);
  });

  it('every pattern survives the way there and back, NaNs as NaNs', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const back = floatToHalf(halfToFloat(bits));
      if (Number.isNaN(halfToFloat(bits))) expect(halfToFloat(back)).toBeNaN();
      else expect(back).toBe(bits);
    }
  });

  it('rounds to the nearest, ties to the even pattern, between all neighbours', () => {
    for (let bits = 0; bits < 0x7c00; bits++) {
      const [low, high] = [naiveHalf(bits), bits === 0x7bff ? 65536 : naiveHalf(bits + 1)];
      const middle = (low + high) / 2;
      const [below, above] = [middle - (high - low) / 1024, middle + (high - low) / 1024];
      expect([floatToHalf(below), floatToHalf(middle), floatToHalf(above)]).toEqual([
        bits,
        bits + (bits & 1),
        bits + 1,
      ]);
      expect(floatToHalf(-below)).toBe(bits | 0x8000);
    }
  });

  it('overflows to infinity and underflows to zero, with the sign kept', () => {
    expect([floatToHalf(65519.99), floatToHalf(65520), floatToHalf(1e38), floatToHalf(-1e38)]).toEqual([
      0x7bff, 0x7c00, 0x7c00, 0xfc00,
    ]);
    expect([floatToHalf(2 ** -25), floatToHalf(2 ** -25 * 1.0001), floatToHalf(-1e-40), floatToHalf(-0)]).toEqual([
      0, 1, 0x8000, 0x8000,
    ]);
    expect([floatToHalf(Infinity), floatToHalf(-Infinity), floatToHalf(NaN) & 0x7e00]).toEqual([
      0x7c00, 0xfc00, 0x7e00,
    ]);
  });
});

describe('dequantize', () => {
  it('reads a Q8_0 block: half scale, 32 signed bytes', () => {
    const block = Uint8Array.from([0x00, 0x38, 0, 1, 127, 128, 255, ...new Array(27).fill(2)]);
    expect([...dequantized('q8_0', block, 32)]).toEqual([0, 0.5, 63.5, -64, -0.5, ...new Array(27).fill(1)]);
  });

  it('reads a Q4_0 block: low nibbles first, then high ones, 8 stands for zero', () => {
    const block = Uint8Array.from([0x00, 0x40, 0x80, 0xf1, ...new Array(14).fill(0x88)]);
    const expected = new Array(32).fill(0);
    [expected[0], expected[1], expected[17]] = [-16, -14, 14];
    expect([...dequantized('q4_0', block, 32)]).toEqual(expected);
  });

  it('reads a Q4_1 block: half scale, half minimum', () => {
    const block = Uint8Array.from([0x00, 0x3c, 0x00, 0xbc, 0x0f, 0xf0, ...new Array(14).fill(0x11)]);
    const expected = new Array(32).fill(0);
    [expected[0], expected[16], expected[1], expected[17]] = [14, -1, -1, 14];
    expect([...dequantized('q4_1', block, 32)]).toEqual(expected);
  });

  it.each(ALL_FORMATS)('%s gives the float32 nearest to the true value, at any alignment', (format) => {
    const random = new Random(11);
    for (let offset = 0; offset < 5; offset++) {
      const row = randomRow(random, format, 96);
      const bytes = new Uint8Array(offset + row.length + 3);
      bytes.set(row, offset);
      const into = new Float32Array(100).fill(7);
      dequantize(format, bytes, offset, 96, into, 2);
      const expected = Array.from({ length: 96 }, (_, i) => Math.fround(naiveWeight(format, row, i)));
      expect([...into]).toEqual([7, 7, ...expected, 7, 7]);
    }
  });

  it('lets scales that are not finite through without a word', () => {
    const infinite = dequantized('q8_0', Uint8Array.from([0x00, 0x7c, 1, 255, ...new Array(30).fill(0)]), 32);
    expect([...infinite.subarray(0, 3)]).toEqual([Infinity, -Infinity, NaN]);
  });

  it('refuses part blocks and ranges outside the arrays', () => {
    expect(() => dequantize('q4_0', new Uint8Array(36), 0, 33, new Float32Array(64), 0)).toThrow(RangeError);
    expect(() => dequantize('q4_0', new Uint8Array(36), 1, 64, new Float32Array(64), 0)).toThrow(RangeError);
    expect(() => dequantize('f32', new Uint8Array(36), 0, 9, new Float32Array(8), 0)).toThrow(RangeError);
    expect(() => quantize('f16', new Float32Array(8), -1, 8, new Uint8Array(16), 0)).toThrow(RangeError);
    expect(() => quantize('q8_0', new Float32Array(32), 0, 32, new Uint8Array(33), 0)).toThrow(RangeError);
  });
});

describe('quantize', () => {
  it('Q8_0 scales by the largest weight and rounds halves away from zero', () => {
    const values = new Array(32).fill(0);
    [values[0], values[1], values[2], values[3], values[4]] = [127, -127, 2.5, -2.5, 0.4];
    expect([...quantized('q8_0', values).subarray(0, 7)]).toEqual([0x00, 0x3c, 127, 129, 3, 253, 0]);
  });

  it('Q4_0 gives the largest weight, with its sign, the level -8', () => {
    const values = new Array(32).fill(0);
    [values[0], values[1], values[16], values[17]] = [-8, 7, 8, 1.5];
    // -8 comes first and stays the largest: scale 1; 8 is cut to 15; 1.5 + 8.5 falls on 10.
    expect([...quantized('q4_0', values).subarray(0, 5)]).toEqual([0x00, 0x3c, 0xf0, 0xaf, 0x88]);
  });

  it('Q4_1 spans from the least to the greatest weight', () => {
    const values = new Array(32).fill(3);
    [values[0], values[1], values[16], values[17]] = [18, 3.5, 3.4, 17];
    expect([...quantized('q4_1', values).subarray(0, 7)]).toEqual([0x00, 0x3c, 0x00, 0x42, 0x0f, 0xe1, 0x00]);
  });

  it.each(BLOCK_FORMATS)('%s keeps all zeros zero', (format) => {
    const zeros = dequantized(format, quantized(format, new Array(64).fill(0)), 64);
    expect(zeros.every((value) => value === 0)).toBe(true);
  });

  it.each(BLOCK_FORMATS)('%s keeps every weight within its step', (format) => {
    const random = new Random(23);
    for (let round = 0; round < 300; round++) {
      const scale = 10 ** (random.next() * 6 - 4);
      const values = random.floats(32, scale).map((value) => value + (round % 3) * scale);
      const back = dequantized(format, quantized(format, values), 32);
      const largest = Math.max(...values.map(Math.abs));
      const spread = Math.max(...values) - Math.min(...values);
      // Half a step (a whole one where Q4_0 cuts its positive end), and what rounding the scales to halves costs, tiny
      // ones included.
      const step = { q8_0: largest / 254, q4_0: largest / 8, q4_1: spread / 30 }[format];
      const bound = step + largest * 2 ** -10 + 127 * 2 ** -25;
      values.forEach((value, i) => {
        expect(Math.abs(back[i] - value)).toBeLessThanOrEqual(bound);
      });
    }
  });

  it.each(BLOCK_FORMATS)('%s never fails on extreme or absent values', (format) => {
    for (const extreme of [NaN, Infinity, -Infinity, 3e38, -3e38, 1e-45, 1e-40]) {
      const values = new Array(32).fill(0.5);
      values[3] = extreme;
      values[20] = -extreme;
      expect(quantized(format, values).length).toBe(rowBytes(format, 32));
    }
  });

  it.each(['f32', 'f16'] as const)('%s brings back what it can hold, and writes only its own bytes', (format) => {
    const values = Float32Array.from([0, -0, 1, -2.5, 65504, 2 ** -24]);
    const into = new Uint8Array(1 + rowBytes(format, 6) + 1).fill(9);
    quantize(format, values, 0, 6, into, 1);
    expect([into[0], into.at(-1)]).toEqual([9, 9]);
    expect([...dequantized(format, into.slice(1), 6)]).toEqual([...values]);
  });
});

describe.skipIf(!haveSharedData)(`against files that llama.cpp quantized${withoutSharedData}`, () => {
  const open = (name: string): GgufTensors => readGgufTensors(readFileSync(sharedPath(`quantized/llama-${name}.gguf`)));

  it.each([
    ['Q8_0', 'q8_0', 8],
    ['Q4_0', 'q4_0', 2],
    ['Q4_1', 'q4_1', 3],
    ['F16', 'f16', 1],
  ] as const)('quantizing the F32 file gives the bytes of the %s one', (name, format, type) => {
    const source = open('F32');
    let compared = 0;
    for (const [tensor, { ggmlType, bytes }] of open(name)) {
      const original = source.get(tensor)!;
      if (ggmlType !== type || original.ggmlType !== 0) continue;
      const values = new Float32Array(original.bytes.length / 4);
      dequantize('f32', original.bytes, 0, values.length, values, 0);
      expect(
        Buffer.compare(quantized(format, values), bytes.subarray(0, rowBytes(format, values.length))),
        tensor,
      ).toBe(0);
      compared++;
    }
    expect(compared).toBeGreaterThan(0);
  });
});
