import { describe, expect, it } from 'vitest';
import { overheadBytes, scratchBytes, stateBytes } from '../../dist/src/plan/memory.js';
import { modelSpec } from '../support/spec.js';

describe('keys and values', () => {
  it('take pages of 64 positions in each layer: 16-bit integers with a scale for each vector, 8-bit ones likewise, or floats', () => {
    const spec = modelSpec({ numLayers: 3, numKeyValueHeads: 2, headDim: 16 });
    const vectors = (positions: number) => 3 * positions * 2 * 2;
    expect(stateBytes(spec, 1, 'f16')).toBe(vectors(64) * (16 * 2 + 4));
    expect(stateBytes(spec, 64, 'f16')).toBe(stateBytes(spec, 1, 'f16'));
    expect(stateBytes(spec, 65, 'f16')).toBe(vectors(128) * (16 * 2 + 4));
    expect(stateBytes(spec, 65, 'q8')).toBe(vectors(128) * (16 + 4));
    expect(stateBytes(spec, 100, 'f32')).toBe(vectors(128) * 16 * 4);
  });

  it('are bounded in layers with a sliding window, whatever the context', () => {
    const slidingWindow = { size: 128, fullEvery: 3, theta: null, layers: null, heads: null };
    const spec = modelSpec({ numLayers: 6, numKeyValueHeads: 2, headDim: 16, slidingWindow });
    // A window of 128 with a chunk of 32, from within a page; 128 before the end of a turn and 8 more; 256 after it.
    const pages = 4 + 4 + 4;
    const page = 64 * 2 * 2 * (16 * 2 + 4);
    for (const contextSize of [1024, 32768])
      expect(stateBytes(spec, contextSize, 'f16')).toBe(page * (2 * (contextSize / 64) + 4 * pages));
    expect(stateBytes(spec, 640, 'f16')).toBe(page * 6 * 10);
  });
});

describe('scratch', () => {
  const spec = modelSpec();
  const scratch = (
    change: Parameters<typeof modelSpec>[0] = {},
    context = 128,
    threads = 2,
    perNeuron = 0,
    sequences = 1,
  ) => scratchBytes(modelSpec(change), context, threads, { perNeuron, keepsHidden: false, sequences });

  it("has a selector's own, for each neuron and each of the 32 tokens of a small model's chunk", () => {
    expect(scratch({}, 128, 2, 13) - scratch()).toBe(13 * 32 * spec.intermediateSize);
  });

  it('has the logits of sixteen positions, or of one for each of more sequences', () => {
    expect(scratch({ vocabSize: spec.vocabSize + 1000 }) - scratch()).toBe(4 * 16 * 1000);
    expect(scratch({}, 128, 2, 0, 16)).toBe(scratch());
    expect(scratch({}, 128, 2, 0, 21) - scratch()).toBe(4 * 5 * spec.vocabSize);
  });

  it('has the logits of a tile of 32 queries over the whole context, for each thread', () => {
    expect(scratch({}, 1128) - scratch()).toBe(4 * 2 * 32 * 1000);
    expect(scratch({}, 128, 4) - scratch()).toBe(4 * 2 * 32 * (128 + 1 + 2 * spec.headDim));
  });

  it('holds no more activations than half a million, however many neurons there are', () => {
    const [wide, wider] = [2 ** 20, 2 ** 21].map((intermediateSize) => scratch({ intermediateSize }));
    expect(wider).toBe(wide);
    expect(wide).toBeGreaterThan(scratch() + 4 * 2 ** 19);
  });
});

describe('what is needed beside the budget', () => {
  it('grows with the vocabulary and with the sessions of the dense half, and with nothing else of a model', () => {
    const spec = modelSpec();
    const plain = overheadBytes(spec);
    expect(overheadBytes(modelSpec({ vocabSize: spec.vocabSize + 100_000 }))).toBeGreaterThan(plain + 1e7);
    expect(overheadBytes(modelSpec({ numLayers: 80, hiddenSize: 8192, intermediateSize: 28672 }))).toBe(plain);
  });
});
