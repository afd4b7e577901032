import { describe, expect, it } from 'vitest';
import { parseCap } from '../../dist/bench/capped/options.js';
import { parseFormat, parseShape, SHAPES } from '../../dist/bench/model/shapes.js';

describe('shapes', () => {
  it('by name are those of the published models', () => {
    expect(parseShape('llama2-7b').shape).toMatchObject({ hiddenSize: 4096, intermediateSize: 11008, numLayers: 32 });
    expect(parseShape('llama3-8b').shape).toMatchObject({ numKeyValueHeads: 8, vocabSize: 128256, ropeTheta: 5e5 });
    expect(parseShape('qwen3-30b-a3b').shape).toMatchObject({ hiddenSize: 2048, numLayers: 48, headDim: 128 });
    expect(parseShape('relu-llama2-7b').shape).toEqual({ ...SHAPES['llama2-7b'], activation: 'relu' });
  });

  it('by numbers need no more than hidden, ffn, layers and heads', () => {
    const { name, shape } = parseShape('hidden=128,ffn=384,layers=3,heads=4');
    expect(shape).toEqual({
      family: 'llama',
      hiddenSize: 128,
      intermediateSize: 384,
      numLayers: 3,
      numAttentionHeads: 4,
      numKeyValueHeads: 4,
      headDim: 32,
      vocabSize: 32000,
      contextLength: 4096,
      ropeTheta: 1e4,
      activation: 'silu',
      experts: null,
      tiedEmbeddings: false,
    });
    expect(name).toMatch(/^[a-z0-9-]+$/);
    expect(parseShape('heads=4,kv-heads=2,hidden=128,ffn=384,layers=3,context=64').shape).toMatchObject({
      numKeyValueHeads: 2,
      contextLength: 64,
    });
  });

  it.each([
    ['llama2', 'llama2-7b'],
    ['constructor', 'llama2-7b'],
    ['hidden=128', 'ffn is missing'],
    ['hidden=128,ffn=384,layers=3,heads=5', 'even multiple'],
    ['hidden=12,ffn=384,layers=3,heads=4', 'even multiple'],
    ['hidden=128,ffn=384,layers=3,heads=4,kv-heads=3', 'multiple of kv-heads'],
    ['hidden=128,ffn=384,layers=3,heads=4,vocab=100', 'at least 512'],
    ['hidden=1e9,ffn=384,layers=3,heads=4', 'whole number'],
    ['hidden=128,ffn=384,layers=3,heads=4,depth=2', '"depth" is none of'],
  ])('%s is bad usage that says what is', (text, why) => {
    expect(() => parseShape(text)).toThrow(
      expect.objectContaining({ code: 'BAD_USAGE', message: expect.stringContaining(why) }),
    );
  });

  it('of OPT are Hugging Face folders, which know no blocks', () => {
    const { shape } = parseShape('opt-6.7b');
    expect(shape).toMatchObject({ family: 'opt', hiddenSize: 4096, intermediateSize: 16384, vocabSize: 50272 });
    expect(parseFormat('f16', shape)).toBe('f16');
    expect(() => parseFormat('q4_1', shape)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/f16 or f32/) }),
    );
  });

  it('take only formats whose blocks fill their rows', () => {
    const { shape } = parseShape('hidden=72,ffn=384,layers=3,heads=4');
    expect(parseFormat('f16', shape)).toBe('f16');
    expect(() => parseFormat('q4_1', shape)).toThrow(expect.objectContaining({ code: 'BAD_USAGE' }));
    expect(() => parseFormat('q9', SHAPES.tiny)).toThrow(expect.objectContaining({ code: 'BAD_USAGE' }));
  });
});

describe('a cap', () => {
  it('is a share of the model, bytes, or none', () => {
    expect(parseCap('50%')).toEqual({ share: 0.5 });
    expect(parseCap('2.1GB')).toEqual({ bytes: 2.1e9 });
    expect(parseCap('none')).toBe(null);
  });

  it.each(['0%', '-5%', 'half', ''])('"%s" is bad usage', (text) => {
    expect(() => parseCap(text)).toThrow(expect.objectContaining({ code: 'BAD_USAGE' }));
  });
});
