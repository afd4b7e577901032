import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { TensorReader } from '../../dist/src/import/tensor-reader.js';
import { openStore } from '../../dist/src/store/reader.js';
import { verifyStore } from '../../dist/src/store/verify.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { convert, crc32c, decode, readPart, readResident, scratchFolder } from './support.js';

const folder = scratchFolder();

/** Largest difference of two lists, relative to the largest value. */
function distance(values: number[], exact: ArrayLike<number>): number {
  expect(values).toHaveLength(exact.length);
  let most = 0;
  let largest = 0;
  for (let i = 0; i < exact.length; i++) {
    most = Math.max(most, Math.abs(values[i] - exact[i]));
    largest = Math.max(largest, Math.abs(exact[i]));
  }
  return most / largest;
}

describe.skipIf(!haveSharedData)(`real models${withoutSharedData}`, () => {
  it.each([
    ['models/stories260K/stories260K.gguf', 0],
    ['quantized/llama-F16.gguf', 0],
    ['quantized/llama-BF16.gguf', 0],
    ['quantized/llama-Q8_0.gguf', 0],
    ['quantized/llama-Q4_0.gguf', 0],
    ['quantized/llama-Q4_1.gguf', 0],
    ['quantized/llama-Q5_0.gguf', 0],
    ['quantized/llama-Q2_K.gguf', 0],
    ['quantized/llama-IQ4_XS.gguf', 0],
    ['models/tales', 0],
  ])('convert as their files say: %s', async (name, lossy) => {
    const checkpoint = openCheckpoint(sharedPath(name));
    const destination = join(folder, name.replaceAll('/', '-'));
    const { requantized } = await convert(checkpoint, destination);
    expect(requantized.filter((entry) => entry.relativeError > 0)).toHaveLength(lossy);

    const store = openStore(destination);
    const reader = new TensorReader();
    for (const tensor of [
      'embedding',
      'layers.1.k',
      'finalNorm',
      ...(checkpoint.tensors.has('head') ? ['head'] : []),
    ]) {
      const source = checkpoint.tensors.get(tensor)!;
      const rows = source.shape.length === 1 ? 1 : source.shape[0];
      const values = decode(store.tensors.get(tensor)!.format, readResident(store, tensor));
      const off = distance(values, reader.readFloats(source, 0, rows));
      // Values of block formats are compared with float32 arithmetic.
      expect(off).toBeLessThan(1e-7);
    }
    const up = checkpoint.tensors.get('layers.1.up')!;
    const { neuronsPerBundle, formats } = store.layers[1];
    const last = up.shape[0] / neuronsPerBundle - 1;
    const exact = reader.readFloats(up, last * neuronsPerBundle, neuronsPerBundle);
    expect(distance(decode(formats.up, readPart(store, 1, 'up', last)), exact)).toBeLessThan(1e-7);
    reader.close();
    expect(await verifyStore(destination, crc32c)).toMatchObject({ ok: true });
  });
});
