import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../dist/src/import/checkpoint.js';
import { openCheckpoint, openVocabulary } from '../../dist/src/import/open.js';
import { TensorReader } from '../../dist/src/import/tensor-reader.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { modelSpec } from '../support/spec.js';
import { expectSound } from './support.js';

/** All values of one tensor. */
function floats(checkpoint: Checkpoint, name: string): Float32Array {
  const tensor = checkpoint.tensors.get(name)!;
  const reader = new TensorReader();
  const values = reader.readFloats(tensor, 0, tensor.shape.length === 2 ? tensor.shape[0] : 1);
  reader.close();
  return values;
}

describe.skipIf(!haveSharedData)(`reference checkpoints${withoutSharedData}`, () => {
  it('reads from stories260K.gguf the weights that llama2.c has in stories260K.bin', () => {
    const checkpoint = openCheckpoint(sharedPath('models/stories260K/stories260K.gguf'));
    expect(checkpoint.spec).toEqual(
      modelSpec({
        name: 'llama',
        vocabSize: 512,
        hiddenSize: 64,
        intermediateSize: 172,
        numLayers: 5,
        numAttentionHeads: 8,
        numKeyValueHeads: 4,
        headDim: 8,
        contextLength: 2048,
        normEpsilon: Math.fround(1e-5),
        rotary: { theta: 10000, dimension: 8, layout: 'interleaved', frequencyFactors: null, magnitude: 1 },
        tiedEmbeddings: false,
      }),
    );
    expect(checkpoint.vocabulary).toMatchObject({
      kind: 'gguf',
      model: 'llama',
      bosId: 1,
      eosId: 2,
      unknownId: 0,
      addBos: null,
    });
    expectSound(checkpoint);

    // llama2.c: seven int32 (dim, hidden_dim, n_layers, ...), then each kind of tensor for all layers in turn.
    const bin = readFileSync(sharedPath('models/stories260K/stories260K.bin'));
    expect([0, 1, 2, 3, 4].map((i) => bin.readInt32LE(4 * i))).toEqual([64, 172, 5, 8, 4]);
    let at = 28;
    const next = (name: string) => {
      const values = floats(checkpoint, name);
      expect(Buffer.from(values.buffer).equals(bin.subarray(at, at + values.byteLength)), name).toBe(true);
      at += values.byteLength;
    };
    next('embedding');
    for (const kind of ['attentionNorm', 'q', 'k', 'v', 'o', 'ffnNorm', 'gate', 'down', 'up'])
      for (let layer = 0; layer < 5; layer++) next(`layers.${layer}.${kind}`);
    next('finalNorm');
    expect(floats(checkpoint, 'head')).toEqual(floats(checkpoint, 'embedding'));
  });

  it('reads tales as the ReLU Llama its README describes', () => {
    const checkpoint = openCheckpoint(sharedPath('models/tales'));
    expect(checkpoint.kind).toBe('huggingface');
    expect(checkpoint.spec).toEqual(
      modelSpec({
        name: 'tales',
        vocabSize: 4096,
        hiddenSize: 256,
        intermediateSize: 1024,
        numLayers: 8,
        numAttentionHeads: 4,
        numKeyValueHeads: 2,
        headDim: 64,
        contextLength: 512,
        normEpsilon: 1e-5,
        rotary: { theta: 10000, dimension: 64, layout: 'halves', frequencyFactors: null, magnitude: 1 },
        activation: 'relu',
      }),
    );
    expect(checkpoint.files).toMatchObject([{ path: sharedPath('models/tales/model.safetensors'), bytes: 17843136 }]);
    expect(checkpoint.vocabulary).toMatchObject({ kind: 'huggingface', bosId: 0, eosIds: [0], chatTemplate: null });
    expectSound(checkpoint);
    expect(new Set([...checkpoint.tensors.values()].map(({ format }) => format))).toEqual(new Set(['f16']));
  });

  it.each([
    ['F32', 'f32', 'f32', 0],
    ['F16', 'f16', 'f16', 5e-4],
    ['BF16', 'bf16', 'bf16', 4e-3],
    ['Q8_0', 'q8_0', 'q8_0', 0.01],
    ['Q4_0', 'q4_0', 'q6_K', 0.12],
    ['Q4_1', 'q4_1', 'q6_K', 0.1],
    ['Q4_K_M', 'q4_K', 'q6_K', 0.1],
    ['Q5_K_M', 'q5_K', 'q6_K', 0.05],
    ['Q6_K', 'q6_K', 'q6_K', 0.03],
    ['Q5_0', 'q5_0', 'q6_K', 0.05],
    ['Q5_1', 'q5_1', 'q6_K', 0.05],
    ['Q2_K', 'q2_K', 'q6_K', 0.35],
    ['Q3_K_M', 'q3_K', 'q6_K', 0.2],
    ['IQ4_NL', 'iq4_nl', 'q6_K', 0.1],
    ['IQ4_XS', 'iq4_xs', 'q6_K', 0.1],
  ] as const)('opens %s, whose values stay near the unquantized file', (type, format, headFormat, tolerance) => {
    const original = openCheckpoint(sharedPath('quantized/llama-F32.gguf'));
    const checkpoint = openCheckpoint(sharedPath(`quantized/llama-${type}.gguf`));
    expectSound(checkpoint);
    expect(checkpoint.spec).toEqual(original.spec);
    expect(checkpoint.digest).not.toBe(openCheckpoint(sharedPath('models/stories260K/stories260K.gguf')).digest);
    expect(checkpoint.tensors.get('layers.0.gate')?.format).toBe(format);
    expect(checkpoint.tensors.get('head')?.format).toBe(headFormat);
    for (const name of ['embedding', 'layers.1.down', 'head']) {
      const values = floats(checkpoint, name);
      const reference = floats(original, name);
      let error = 0;
      let size = 0;
      reference.forEach((value, i) => {
        error += (value - values[i]) ** 2;
        size += value ** 2;
      });
      expect(Math.sqrt(error / size)).toBeLessThanOrEqual(name === 'head' ? Math.min(tolerance, 0.03) : tolerance);
    }
  });

  it('widens bf16 to exactly the float32 whose upper half it is', () => {
    const rounded = floats(openCheckpoint(sharedPath('quantized/llama-BF16.gguf')), 'layers.0.up');
    const original = floats(openCheckpoint(sharedPath('quantized/llama-F32.gguf')), 'layers.0.up');
    const bits = new Uint32Array(original.buffer);
    const nearest = new Float32Array(
      Uint32Array.from(bits, (b) => ((b + 0x7fff + ((b >>> 16) & 1)) & 0xffff0000) >>> 0).buffer,
    );
    expect(rounded).toEqual(nearest);
  });

  it.each([
    ['falcon', 'gpt2', 'falcon', 65024, 64784, 11],
    ['gpt-2', 'gpt2', 'gpt-2', 50257, 50000, 50256],
    ['llama-spm', 'llama', 'default', 32000, 0, 1],
  ] as const)('reads the vocabulary-only file of %s', (name, model, pre, tokens, merges, bosId) => {
    const path = sharedPath(`tokenizers/ggml-vocab-${name}.gguf`);
    const vocabulary = openVocabulary(path);
    if (vocabulary.kind !== 'gguf') throw new Error('not GGUF');
    expect(vocabulary).toMatchObject({ model, pre, bosId });
    expect([vocabulary.tokens.length, vocabulary.types.length, vocabulary.merges.length]).toEqual([
      tokens,
      tokens,
      merges,
    ]);
    expect(() => openCheckpoint(path)).toThrow(/holds a vocabulary but no weights/);
  });

  it('gives models and folders their vocabulary without looking at weights', () => {
    expect(openVocabulary(sharedPath('models/tales'))).toEqual(openCheckpoint(sharedPath('models/tales')).vocabulary);
    const stories = sharedPath('models/stories260K/stories260K.gguf');
    expect(openVocabulary(stories)).toEqual(openCheckpoint(stories).vocabulary);
  });
});
