import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openTwin } from '../../dist/native-bridge/twin/index.js';
import { createDenseHalf } from '../../dist/src/dense/create-dense-half.js';
import { denseFootprint } from '../../dist/src/dense/footprint.js';
import type { TensorOnDisk } from '../../dist/src/dense/tensor-on-disk.js';
import { smallSpec, temporaryFolder, type WrittenModel, writeRandomModel } from './support.js';

const folder = temporaryFolder();
const bridge = openTwin(1);
afterAll(() => {
  bridge.dispose();
  fs.rmSync(folder, { recursive: true });
});

const open = ({ spec, tensors }: Pick<WrittenModel, 'spec' | 'tensors'>) =>
  createDenseHalf({ spec, tensors, bridge, maxTokens: 4 });
const openDescriptors = () => fs.readdirSync('/proc/self/fd').length;

/** A good model in which one tensor is replaced, or taken out. */
function spoilt(name: string, change: Partial<TensorOnDisk> | null, spec = smallSpec()): WrittenModel {
  const model = writeRandomModel(folder, spec, 'f32');
  const tensor = model.tensors.get(name)!;
  model.tensors.delete(name);
  if (change) model.tensors.set(name, { ...tensor, ...change });
  return model;
}

describe('loading', () => {
  it.each(['embedding', 'head', 'finalNorm', 'layers.1.ffnNorm', 'layers.0.k'])(
    'names %s where it is missing',
    async (name) => {
      await expect(open(spoilt(name, null))).rejects.toMatchObject({
        code: 'CORRUPT',
        message: expect.stringContaining(name),
      });
    },
  );

  it('does without a head where the embedding is tied', async () => {
    const half = await open(writeRandomModel(folder, smallSpec({ tiedEmbeddings: true }), 'f32'));
    await half.dispose();
  });

  it.each([
    ['layers.0.q', { shape: [64, 96] }, '64,96'],
    ['layers.1.o', { shape: [64 * 96] }, '6144'],
    ['layers.1.v', { bytes: 100 }, '100 bytes'],
    ['layers.0.attentionNorm', { format: 'f16' }, '256 bytes'],
    ['head', { offset: 2 ** 30 }, 'ends at'],
    ['finalNorm', { format: 'q8_0' }, 'bytes'],
  ] as const)('refuses %s with %o', async (name, change, said) => {
    const refused = open(spoilt(name, change as Partial<TensorOnDisk>));
    await expect(refused).rejects.toMatchObject({ code: 'CORRUPT', message: expect.stringContaining(said) });
  });

  it('refuses rows that are not whole blocks', async () => {
    const model = spoilt('layers.0.q', { format: 'q8_0' }, smallSpec({ hiddenSize: 48 }));
    await expect(open(model)).rejects.toMatchObject({ code: 'CORRUPT', message: expect.stringContaining('blocks') });
  });

  it('says which file is not there', async () => {
    const missing = join(folder, 'missing.bin');
    await expect(open(spoilt('layers.0.q', { path: missing }))).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(missing),
    });
  });

  it.skipIf(process.platform !== 'linux')('leaves no file open, whether it succeeds or fails', async () => {
    const good = writeRandomModel(folder, smallSpec(), 'q4_0');
    const bad = spoilt('layers.1.ffnNorm', null);
    await (await open(good)).dispose();
    const before = openDescriptors();
    for (let round = 0; round < 3; round++) {
      await (await open(good)).dispose();
      await expect(open(bad)).rejects.toThrow();
    }
    expect(openDescriptors()).toBe(before);
  });

  it('lets go of what it has loaded when a later matrix fails', async () => {
    const model = writeRandomModel(folder, smallSpec(), 'q8_0');
    let held = 0;
    const failing: typeof bridge = {
      ...bridge,
      loadMatrix(source) {
        if (source.offset === model.tensors.get('layers.1.k')!.offset) throw new Error('out of memory');
        const matrix = bridge.loadMatrix(source);
        held += 1;
        const dispose = matrix.dispose.bind(matrix);
        matrix.dispose = () => {
          held -= 1;
          dispose();
        };
        return matrix;
      },
    };
    await expect(createDenseHalf({ ...model, bridge: failing, maxTokens: 4 })).rejects.toThrow('out of memory');
    expect(held).toBe(0);
  });
});

describe('the footprint', () => {
  it('needs every tensor', () => {
    const { spec, tensors } = spoilt('layers.1.o', null);
    expect(() => denseFootprint(spec, tensors)).toThrow('layers.1.o');
  });

  it.each([{ shape: [] }, { shape: [64, 32] }, { shape: [96, 64, 1] }])('refuses a matrix with %o', (change) => {
    const { spec, tensors } = spoilt('layers.0.q', change);
    expect(() => denseFootprint(spec, tensors)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  });
});

describe('embed', () => {
  it.each([-1, 96, 1.5, Number.NaN])('refuses %d as an id and writes nothing', async (id) => {
    const half = await open(writeRandomModel(folder, smallSpec(), 'f32'));
    const x = new Float32Array(2 * 64).fill(5);
    expect(() => half.embed([1, id], [0, 1], x)).toThrow(
      expect.objectContaining({ code: 'BAD_USAGE', details: expect.objectContaining({ index: 1 }) }),
    );
    expect(x.every((value) => value === 5)).toBe(true);
    await half.dispose();
  });

  it('says where a file was cut short after loading', async () => {
    const model = writeRandomModel(folder, smallSpec(), 'f32');
    const half = await open(model);
    fs.truncateSync(model.tensors.get('embedding')!.path, 5000);
    expect(() => half.embed([90], [0], new Float32Array(64))).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    await half.dispose();
  });
});

describe('dispose', () => {
  it('may be called twice', async () => {
    for (const format of ['f32', 'q4_1'] as const) {
      const half = await open(writeRandomModel(folder, smallSpec(), format));
      await half.dispose();
      await half.dispose();
    }
  });
});
