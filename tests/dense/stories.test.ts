import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTwin } from '../../dist/native-bridge/twin/index.js';
import { createDenseHalf } from '../../dist/src/dense/create-dense-half.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { naiveMatmul, relativeError, smallSpec, temporaryFolder, writeTensors } from './support.js';

const data = sharedPath('models/stories260K');
const STEPS = 12;

/** llama2.c's version 0 file: seven int32, then the f32 tensors in a fixed order, each for all layers. */
function readLlama2c(path: string) {
  const bytes = fs.readFileSync(path);
  const [hiddenSize, intermediateSize, numLayers, heads, keyValueHeads, vocabSize] = Array.from({ length: 7 }, (_, i) =>
    bytes.readInt32LE(4 * i),
  );
  const headDim = hiddenSize / heads;
  let at = 28;
  const take = (...shape: number[]) => {
    const count = shape.reduce((a, b) => a * b);
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset + at, bytes.byteOffset + at + 4 * count));
    at += 4 * count;
    return values;
  };
  const perLayer = (...shape: number[]) => Array.from({ length: numLayers }, () => ({ shape, values: take(...shape) }));
  const embedding = { shape: [vocabSize, hiddenSize], values: take(vocabSize, hiddenSize) };
  const attentionNorm = perLayer(hiddenSize);
  const q = perLayer(heads * headDim, hiddenSize);
  const k = perLayer(keyValueHeads * headDim, hiddenSize);
  const v = perLayer(keyValueHeads * headDim, hiddenSize);
  const o = perLayer(hiddenSize, heads * headDim);
  const ffnNorm = perLayer(hiddenSize);
  const [gate, down, up] = [
    perLayer(intermediateSize, hiddenSize),
    perLayer(hiddenSize, intermediateSize),
    perLayer(intermediateSize, hiddenSize),
  ];
  const finalNorm = { shape: [hiddenSize], values: take(hiddenSize) };
  const resident = [
    { name: 'embedding', ...embedding },
    { name: 'finalNorm', ...finalNorm },
    ...Object.entries({ attentionNorm, q, k, v, o, ffnNorm }).flatMap(([name, layers]) =>
      layers.map((tensor, layer) => ({ name: `layers.${layer}.${name}`, ...tensor })),
    ),
  ];
  const rotary = {
    theta: 10000,
    dimension: headDim,
    layout: 'interleaved' as const,
    frequencyFactors: null,
    magnitude: 1,
  };
  const sizes = {
    hiddenSize,
    intermediateSize,
    numLayers,
    headDim,
    vocabSize,
    numAttentionHeads: heads,
    numKeyValueHeads: keyValueHeads,
  };
  return { spec: smallSpec({ ...sizes, rotary, tiedEmbeddings: true }), resident, gate, up, down };
}

describe.skipIf(!haveSharedData)(`stories260K${withoutSharedData}`, () => {
  it('gives the reference logits over its first greedy tokens', async () => {
    const folder = temporaryFolder();
    const { spec, resident, gate, up, down } = readLlama2c(join(data, 'stories260K.bin'));
    const { tensors } = writeTensors(
      join(folder, 'resident.bin'),
      resident.map((tensor) => ({ ...tensor, format: 'f32' as const })),
    );
    const bridge = openTwin(1);
    const half = await createDenseHalf({ spec, tensors, bridge, maxTokens: 1 });
    const ids: number[] = JSON.parse(fs.readFileSync(join(data, 'greedy_ids.json'), 'utf8'));
    const npy = fs.readFileSync(join(data, 'greedy_logits_f32.npy'));
    const reference = new Float32Array(new Uint8Array(npy.subarray(10 + npy.readUInt16LE(8))).buffer);

    const { numAttentionHeads: heads, numKeyValueHeads: keyValueHeads, headDim } = spec;
    const cache = Array.from({ length: spec.numLayers }, () => ({ k: [] as Float32Array[], v: [] as Float32Array[] }));
    const x = new Float32Array(spec.hiddenSize);
    const input = new Float32Array(spec.hiddenSize);
    const q = new Float32Array(heads * headDim);
    const attention = new Float32Array(heads * headDim);
    const logits = new Float32Array(spec.vocabSize);
    for (let position = 0; position < STEPS; position++) {
      half.embed([ids[position]], [position], x);
      for (let layer = 0; layer < spec.numLayers; layer++) {
        const k = new Float32Array(keyValueHeads * headDim);
        const v = new Float32Array(keyValueHeads * headDim);
        await half.attentionInput(layer, x, 1, [position], q, k, v);
        cache[layer].k.push(k);
        cache[layer].v.push(v);
        attend(q, cache[layer].k, cache[layer].v, heads, headDim, attention);
        await half.attentionOutput(layer, attention, x, 1, input);
        const gated = naiveMatmul(input, 1, gate[layer].values, spec.hiddenSize);
        const raised = naiveMatmul(input, 1, up[layer].values, spec.hiddenSize);
        const hidden = gated.map((value, i) => (value / (1 + Math.exp(-value))) * raised[i]);
        naiveMatmul(hidden, 1, down[layer].values, spec.intermediateSize).forEach((value, i) => {
          x[i] += value;
        });
      }
      await half.logits(x, 1, logits);
      const expected = reference.subarray(position * spec.vocabSize, (position + 1) * spec.vocabSize);
      expect(relativeError(logits, expected), `position ${position}`).toBeLessThan(1e-4);
      expect(logits.indexOf(Math.max(...logits))).toBe(ids[position + 1]);
    }
    await half.dispose();
    bridge.dispose();
    fs.rmSync(folder, { recursive: true });
  });
});

function attend(
  q: Float32Array,
  keys: Float32Array[],
  values: Float32Array[],
  heads: number,
  headDim: number,
  out: Float32Array,
): void {
  const group = (heads * headDim) / keys[0].length;
  for (let head = 0; head < heads; head++) {
    const own = q.subarray(head * headDim, (head + 1) * headDim);
    const shared = Math.floor(head / group) * headDim;
    const scores = keys.map(
      (key) => own.reduce((sum, value, i) => sum + value * key[shared + i], 0) / Math.sqrt(headDim),
    );
    const weights = scores.map((score) => Math.exp(score - Math.max(...scores)));
    const total = weights.reduce((a, b) => a + b);
    for (let i = 0; i < headDim; i++)
      out[head * headDim + i] = values.reduce((sum, value, t) => sum + (weights[t] / total) * value[shared + i], 0);
  }
}
