import { afterAll, expect, it } from 'vitest';
import { markdownTable, type Row } from '../../dist/bench/table.js';
import type { Bridge, Isa } from '../../dist/native-bridge/bridge.js';
import { FORMATS, type RowFormat, rowBytes } from '../../dist/native-bridge/formats.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { FEW_BITS, fewBitRow } from '../native-bridge/few-bit-formats.js';
import { READ_ONLY, randomBlocks } from '../native-bridge/read-only-formats.js';
import {
  ALL_FORMATS,
  bits,
  buildLayer,
  computeAll,
  ISAS,
  openStream,
  Random,
  randomRow,
  temporaryFolder,
  writeFiles,
} from '../native-bridge/support.js';

const folder = temporaryFolder();
const formats: RowFormat[] = [...ALL_FORMATS, ...READ_ONLY, ...FEW_BITS];
const bridges = new Map(ISAS.map((isa) => [isa, openBridge({ isa, threads: 2 })]));
/** By format and set, the largest distances met, in millionths. */
const table = new Map<string, Row>();

afterAll(() => {
  console.log(markdownTable([...table.values()]));
  for (const bridge of bridges.values()) bridge.dispose();
});

/** The largest difference from what the twin says, over the root mean square of that. */
function distance(actual: Float32Array, twin: Float32Array): number {
  const square = twin.reduce((sum, value) => sum + value * value, 0) / twin.length;
  return actual.reduce((most, value, i) => Math.max(most, Math.abs(value - twin[i])), 0) / Math.sqrt(square);
}

/** Has each set compute the same, and fails where one is further from the twin than `allowed` says. */
function compare(what: string, column: string, allowed: number, compute: (bridge: Bridge) => Float32Array): void {
  const twin = compute(bridges.get('ts')!);
  for (const [isa, bridge] of bridges) {
    if (isa === 'ts') continue;
    const found = distance(compute(bridge), twin);
    table.set(`${what} ${isa}`, { ...(table.get(`${what} ${isa}`) ?? { what, kernels: isa }), [column]: 1e6 * found });
    expect(found, `${what}, ${column}, on ${isa}`).toBeLessThan(allowed);
  }
}

const ROWS = 37;

function rowOf(random: Random, format: RowFormat, columns: number): Uint8Array {
  const fewBits = FEW_BITS.find((name) => name === format);
  if (fewBits) return fewBitRow(random, fewBits, columns);
  const readOnly = READ_ONLY.find((name) => name === format);
  return readOnly ? randomBlocks(random, readOnly, columns) : randomRow(random, format, columns);
}

it.each(formats)('rows of %s, and their products with any number of tokens, are as the twin has them', (format) => {
  const random = new Random(71);
  const { blockSize } = FORMATS[format];
  // An odd number of blocks, and of columns where a format lets one.
  const columns = blockSize === 1 ? 1053 : blockSize === 32 ? 1056 : 1280;
  const rows = Array.from({ length: ROWS }, () => rowOf(random, format, columns));
  const [path] = writeFiles(folder, [Buffer.concat(rows)]);
  const source = { path, offset: 0, rowStride: rowBytes(format, columns), rows: ROWS, columns, format };
  const matrices = new Map([...bridges.values()].map((bridge) => [bridge, bridge.loadMatrix(source)]));

  const decoded = ([...matrices] as const).map(([bridge, matrix]): [Isa, Buffer] => {
    const all = new Float32Array(ROWS * columns);
    for (let r = 0; r < ROWS; r++) matrix.row(r, all.subarray(r * columns));
    return [bridge.isa, bits(all)];
  });
  for (const [isa, values] of decoded) expect(values.equals(decoded.at(-1)![1]), `rows on ${isa}`).toBe(true);

  for (const tokens of [1, 3, 64]) {
    const x = random.floats(tokens * columns);
    // Inputs as 16-bit integers: 2e-5 of the root mean square, and the worst of a few thousand products is four times
    // as far.
    compare(format, `products, ${tokens}`, blockSize === 1 ? 1e-5 : 1e-4, (bridge) => {
      const y = new Float32Array(tokens * ROWS);
      matrices.get(bridge)!.matmul(x, tokens, y);
      return y;
    });
  }
  for (const matrix of matrices.values()) matrix.dispose();
});

it.each(ALL_FORMATS)('sums of scaled rows of %s are as the twin has them', (format) => {
  const random = new Random(72);
  const built = buildLayer(random, { hiddenSize: 96, numNeurons: 150, formats: [null, 'f32', format] });
  for (const tokens of [1, 3, 64]) {
    const x = random.floats(tokens * 96);
    compare(format, `sums, ${tokens}`, 1e-5, (bridge) => {
      const opened = openStream(bridge, folder, [built]);
      const y = computeAll(opened, built, 0, x, tokens);
      opened.stream.dispose();
      return y;
    });
  }
});

it.each(['f32', 'i16', 'i8'] as const)('attention over keys and values in %s is as the twin has it', (format) => {
  const random = new Random(73);
  const shape = { numAttentionHeads: 6, numKeyValueHeads: 2, headDim: 20 };
  const [k, v, q] = [random.floats(150 * 40), random.floats(150 * 40), random.floats(64 * 120, 3)];
  for (const tokens of [1, 3, 64]) {
    compare(`attention ${format}`, `products, ${tokens}`, 1e-5, (bridge) => {
      const cache = bridge.createKeyValueCache({ ...shape, format, numLayers: 1, contextSize: 150 });
      const out = new Float32Array(tokens * 120);
      cache.append(0, 0, 150, k, v);
      cache.attend(0, 150 - tokens, tokens, q, out);
      cache.dispose();
      return out;
    });
  }
});
