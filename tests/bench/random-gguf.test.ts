import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { WRITABLE_FORMATS, type WritableFormat } from '../../dist/native-bridge/formats.js';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { naiveWeight } from '../native-bridge/support.js';

const PAGE = 4096;
let folder: string;
const pathOf = (format: WritableFormat) => join(folder, `${format}.gguf`);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-bench-'));
  for (const format of WRITABLE_FORMATS) writeRandomGguf(pathOf(format), SHAPES.tiny, format);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(WRITABLE_FORMATS)('a random model in %s', (format) => {
  it('is a Llama of the shape asked for', () => {
    const { spec, tensors } = openCheckpoint(pathOf(format));
    const { ropeTheta, family: _family, ...shape } = SHAPES.tiny;
    expect(spec).toMatchObject({ ...shape, architecture: 'llama', rotary: { theta: ropeTheta } });
    for (const tensor of tensors.values())
      expect(tensor.format, tensor.name).toBe(tensor.shape.length === 1 ? 'f32' : format);
  });

  it('has weights around zero that keep the variance of their inputs', () => {
    const { tensors } = openCheckpoint(pathOf(format));
    const file = readFileSync(pathOf(format));
    for (const { name, shape, offset, bytes } of tensors.values()) {
      if (shape.length === 1) continue;
      const row = file.subarray(offset, offset + bytes);
      const [rows, columns] = shape;
      let sum = 0;
      let squares = 0;
      for (let i = 0; i < rows * columns; i++) {
        const weight = naiveWeight(format, row, i);
        sum += weight;
        squares += weight * weight;
      }
      expect(squares / rows, name).toBeGreaterThan(0.5);
      expect(squares / rows, name).toBeLessThan(2);
      expect(Math.abs(sum / rows), name).toBeLessThan(0.2);
    }
  });

  it('repeats no page, so that nothing can be deduplicated', () => {
    const file = readFileSync(pathOf(format));
    const pages = new Set<string>();
    for (let at = 0; at < file.length; at += PAGE)
      pages.add(
        createHash('sha1')
          .update(file.subarray(at, at + PAGE))
          .digest('base64'),
      );
    expect(pages.size).toBe(Math.ceil(file.length / PAGE));
  });

  it('hardly compresses', () => {
    const { tensors } = openCheckpoint(pathOf(format));
    const { offset, bytes } = tensors.get('layers.0.up')!;
    const weights = readFileSync(pathOf(format)).subarray(offset, offset + bytes);
    // Signs, mantissas and quants are random; what can be saved are the scales and exponents that all share.
    expect(deflateSync(weights).length).toBeGreaterThan(0.7 * bytes);
  });
});

describe('a random model', () => {
  it.each(['tiny-relu', 'tiny-moe'])('%s is of the shape asked for', (name) => {
    const path = join(folder, `${name}.gguf`);
    writeRandomGguf(path, SHAPES[name], 'q4_1');
    const { ropeTheta, family: _family, experts, ...shape } = SHAPES[name];
    const { spec } = openCheckpoint(path);
    expect(spec).toMatchObject({ ...shape, rotary: { theta: ropeTheta } });
    if (experts) expect(spec.experts).toMatchObject(experts);
  });

  it('has delta nets between its layers of attention, where its shape has them', () => {
    const path = join(folder, 'hybrid.gguf');
    writeRandomGguf(path, SHAPES['tiny-hybrid'], 'q8_0');
    const { spec } = openCheckpoint(path);
    // The block that foretells is no layer.
    expect(spec).toMatchObject({ numLayers: 4, attentionGate: true, rotary: { dimension: 32 } });
    expect(spec.recurrent).toMatchObject({
      mixer: { keyHeads: 2, valueHeads: 4, headDim: 32 },
      layers: [true, false, true, false],
    });
    expect(spec.experts).toMatchObject({ numExperts: 16, sharedIntermediateSize: 64 });
  });

  it('has latent attention, and an ordinary network in its first layer, where its shape has them', () => {
    const path = join(folder, 'latent.gguf');
    writeRandomGguf(path, SHAPES['tiny-latent'], 'q4_1');
    const { spec } = openCheckpoint(path);
    expect(spec).toMatchObject({ numLayers: 4, headDim: 96, intermediateSize: 512 });
    expect(spec.latentAttention).toMatchObject(SHAPES['tiny-latent'].latent!);
    expect(spec.experts).toMatchObject({ leadingDenseLayers: 1, sharedIntermediateSize: 192, scoring: 'sigmoid' });
  });

  it('is the same file for the same seed, and another for another', () => {
    const again = join(folder, 'again.gguf');
    const other = join(folder, 'other.gguf');
    writeRandomGguf(again, SHAPES.tiny, 'q4_1');
    writeRandomGguf(other, SHAPES.tiny, 'q4_1', { seed: 2 });
    const [first, second, third] = [pathOf('q4_1'), again, other].map((path) => readFileSync(path));
    expect(second.equals(first)).toBe(true);
    expect(third.equals(first)).toBe(false);
    expect(third.length).toBe(first.length);
  });
});
