import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { dequantize } from '../../dist/native-bridge/blocks.js';
import { FORMATS, type RowFormat, rowBytes } from '../../dist/native-bridge/formats.js';
import { availableIsas, openBridge } from '../../dist/native-bridge/index.js';

const RUNS = Math.min(Number(process.env.FLASHROW_FUZZ ?? 30), 1000);
const SEED = process.env.FLASHROW_FUZZ ? undefined : 1;

const folder = mkdtempSync(join(tmpdir(), 'flashrow-fuzz-weights-'));
const bridges = availableIsas().map((isa) => openBridge({ isa, threads: 1 }));
afterAll(() => {
  for (const bridge of bridges) bridge.dispose();
  rmSync(folder, { recursive: true });
});

/** Bytes that make scales of zero, infinity and NaN, subnormal ones and ordinary ones. */
const byte = fc.oneof(fc.constantFrom(0, 0x7c, 0x7f, 0x80, 0xfc, 0xff), fc.nat(255));

/** Whatever the bits of a block: it has a value for each weight, the same in every instruction set. */
describe.each(Object.keys(FORMATS) as RowFormat[])('any bits as %s', (format) => {
  it('are decoded alike everywhere, and multiplied without a fault', () => {
    const { blockSize } = FORMATS[format];
    const path = join(folder, `${format}.bin`);
    const columns = blockSize === 1 ? 33 : 3 * blockSize;
    const length = rowBytes(format, columns);
    fc.assert(
      fc.property(fc.array(byte, { minLength: 5 * length, maxLength: 5 * length }), (values) => {
        const bytes = Uint8Array.from(values);
        writeFileSync(path, bytes);
        const weights = new Float32Array(columns);
        dequantize(format, bytes, 4 * length, columns, weights, 0);
        for (const bridge of bridges) {
          const matrix = bridge.loadMatrix({ path, offset: 0, rowStride: length, rows: 5, columns, format });
          const row = new Float32Array(columns);
          matrix.row(4, row);
          expect(row, bridge.isa).toEqual(weights);
          for (const tokens of [1, 3]) {
            const y = new Float32Array(5 * tokens);
            matrix.matmul(new Float32Array(tokens * columns).fill(0.5), tokens, y);
            if (weights.every(Number.isFinite) && !weights.some((weight) => Math.abs(weight) > 1e30))
              expect(Number.isFinite(y[4]), bridge.isa).toBe(true);
          }
          matrix.dispose();
        }
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });
});
