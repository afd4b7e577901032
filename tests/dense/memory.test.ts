import * as fs from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, describe, expect, it } from 'vitest';
import { type RowFormat, rowBytes } from '../../dist/native-bridge/formats.js';
import { openTwin } from '../../dist/native-bridge/twin/index.js';
import { createDenseHalf } from '../../dist/src/dense/create-dense-half.js';
import { denseFootprint } from '../../dist/src/dense/footprint.js';
import type { TensorOnDisk } from '../../dist/src/dense/tensor-on-disk.js';
import type { ModelSpec } from '../../dist/src/model/spec.js';
import { shapesOf, smallSpec, temporaryFolder } from './support.js';

const MIB = 2 ** 20;
const folder = temporaryFolder();
const bridge = openTwin(1);
afterAll(() => {
  bridge.dispose();
  fs.rmSync(folder, { recursive: true });
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function anonymousBytes(): number {
  collectGarbage();
  collectGarbage();
  return Number(/RssAnon:\s+(\d+) kB/.exec(fs.readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
}

/** A model of zeros: a hole in a file takes no disk, but is memory once it is read. */
function writeZeros(spec: ModelSpec, format: RowFormat): Map<string, TensorOnDisk> {
  const path = join(folder, `zeros-${format}.bin`);
  const tensors = new Map<string, TensorOnDisk>();
  let offset = 0;
  for (const [name, shape] of shapesOf(spec)) {
    const stored = shape.length === 1 ? 'f32' : format;
    const bytes = rowBytes(
      stored,
      shape.reduce((a, b) => a * b),
    );
    tensors.set(name, { path, shape, format: stored, offset, bytes });
    offset = Math.ceil((offset + bytes) / 4096) * 4096;
  }
  fs.writeFileSync(path, '');
  fs.truncateSync(path, offset);
  return tensors;
}

const wide = smallSpec({
  hiddenSize: 1024,
  numAttentionHeads: 16,
  numKeyValueHeads: 4,
  headDim: 64,
  vocabSize: 8000,
  tiedEmbeddings: true,
});
const load = (spec: ModelSpec, tensors: Map<string, TensorOnDisk>) =>
  createDenseHalf({ spec, tensors, bridge, maxTokens: 8 });

const held = (spec: ModelSpec, tensors: Map<string, TensorOnDisk>) =>
  shapesOf(spec).reduce((sum, [name]) => sum + tensors.get(name)!.bytes, 0);

// First of all, while malloc has no freed memory to serve it from.
it.skipIf(process.platform !== 'linux')(
  'what an f32 load says it holds is what the process grows by, and gives back',
  async () => {
    const small = smallSpec();
    await (await load(small, writeZeros(small, 'f32'))).dispose();
    const tensors = writeZeros(wide, 'f32');
    const before = anonymousBytes();
    const half = await load(wide, tensors);
    const grown = anonymousBytes() - before;
    expect(grown).toBeGreaterThan(0.8 * half.residentBytes);
    expect(grown).toBeLessThan(1.3 * held(wide, tensors));
    await half.dispose();
    expect(anonymousBytes() - before).toBeLessThan(half.residentBytes / 2);
  },
);

describe('accounting', () => {
  it.each(['f32', 'f16', 'q8_0', 'q4_0', 'q4_1'] as const)(
    'of %s: the plan bounds the load, and neither is beyond 1.3 times the tensors',
    async (format) => {
      const tensors = writeZeros(wide, format);
      const plan = denseFootprint(wide, tensors);
      const half = await load(wide, tensors);
      expect(half.residentBytes).toBeLessThanOrEqual(plan.residentBytes);
      expect(half.residentBytes).toBeGreaterThan(0.9 * held(wide, tensors));
      expect(plan.residentBytes).toBeLessThan(1.3 * held(wide, tensors));
      await half.dispose();
    },
  );
});

describe.skipIf(process.platform !== 'linux')('rounds of loading and disposing', () => {
  it.each(['f32', 'q8_0'] as const)('of %s do not grow the process', async (format) => {
    const tensors = writeZeros(wide, format);
    const round = async () => {
      const half = await load(wide, tensors);
      const x = new Float32Array(8 * wide.hiddenSize).fill(1);
      await half.logits(x, 8, new Float32Array(8 * wide.vocabSize));
      await half.dispose();
    };
    for (let i = 0; i < 3; i++) await round();
    const before = anonymousBytes();
    for (let i = 0; i < 8; i++) await round();
    // Leaked loads would add up to eight; malloc keeps one or two for reuse.
    expect(anonymousBytes() - before).toBeLessThan(4 * held(wide, tensors) + 16 * MIB);
  });
});
