import { describe, expect, it } from 'vitest';
import type { DownColumns } from '../../../dist/src/store/write/down-columns.js';
import { columnsFormat, gatherNeurons, gatherSlices, loadColumns } from '../../../dist/src/store/write/down-columns.js';
import { SourceReader } from '../../../dist/src/store/write/source-reader.js';
import { bytesFor, decode, randomCheckpoint, type SourceFormat, scratchFolder } from '../support.js';

const folder = scratchFolder();
const HIDDEN = 64;
const NEURONS = 256;

/** Neurons [64, 64 + 128) of a random down matrix, as a model whose matrix does not fit memory is read. */
async function someColumns(down: SourceFormat, orientation: 'by-neuron' | 'by-output') {
  const checkpoint = randomCheckpoint(folder, { hiddenSize: HIDDEN, intermediateSize: NEURONS, down, numLayers: 1 });
  const tensor = checkpoint.tensors.get('layers.0.down')!;
  const format = columnsFormat(tensor, orientation);
  const bytes = Buffer.alloc(bytesFor(format, HIDDEN * 128));
  const columns: DownColumns = { bytes, format, hiddenSize: HIDDEN, firstNeuron: 64, neurons: 128 };
  const source = new SourceReader();
  await loadColumns(source, tensor, columns, undefined);
  source.close();
  const values = checkpoint.values('layers.0.down');
  return { columns, weight: (output: number, neuron: number) => values[output * NEURONS + 64 + neuron] };
}

describe('columns of a down matrix, read without the rest', () => {
  it.each(['f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q4_1', 'mxfp4'] as const)('give slices of %s rows', async (down) => {
    const { columns, weight } = await someColumns(down, 'by-output');
    const width = 32;
    const into = Buffer.alloc(bytesFor(columns.format, 2 * width * HIDDEN));
    gatherSlices(columns, 32, width, 2, into);
    const expected: number[] = [];
    for (let slice = 0; slice < 2; slice++) {
      for (let output = 0; output < HIDDEN; output++) {
        for (let i = 0; i < width; i++) expected.push(weight(output, 32 + slice * width + i));
      }
    }
    expect(decode(columns.format, into)).toEqual(expected);
  });

  it.each(['f32', 'f16', 'bf16', 'q8_0', 'q4_1'] as const)('give neurons of %s rows', async (down) => {
    const { columns, weight } = await someColumns(down, 'by-neuron');
    const into = Buffer.alloc(bytesFor(columns.format, 45 * HIDDEN));
    gatherNeurons(columns, 33, 45, into);
    const expected: number[] = [];
    for (let neuron = 33; neuron < 33 + 45; neuron++) {
      // Blocks come out in float32.
      for (let output = 0; output < HIDDEN; output++) expected.push(Math.fround(weight(output, neuron)));
    }
    expect(decode(columns.format, into)).toEqual(expected);
  });

  it('gives slices of long rows as it gives those of short ones', async () => {
    const { columns, weight } = await someColumns('f32', 'by-output');
    const into = Buffer.alloc(bytesFor('f32', 128 * HIDDEN));
    gatherSlices(columns, 0, 128, 1, into);
    expect(decode('f32', into)).toEqual(
      Array.from({ length: HIDDEN * 128 }, (_, i) => weight(Math.floor(i / 128), i % 128)),
    );
  });
});
