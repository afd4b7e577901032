import { describe, expect, it } from 'vitest';
import { knownModels } from '../../dist/src/plan/known-models.js';

const at = (availableBytes: number, disk = 2e9, weights = 20e9) => {
  const models = knownModels({ availableBytes, limitBytes: null, roomBytes: null }, disk, weights);
  return (name: string) => models.find((model) => model.name === name)!;
};

describe('models that people know', () => {
  it.each([
    // Parameters by the models' cards, of 4.5 bits each.
    ['Llama 3.2 3B', 3.21e9],
    ['Llama 3.1 8B', 8.03e9],
    ['Qwen3 14B', 14.8e9],
    ['Llama 3.3 70B', 70.6e9],
    ['gpt-oss 20B', 20.9e9],
    ['Qwen3 30B A3B', 30.5e9],
    ['gpt-oss 120B', 116.8e9],
  ])('have the size that their parameters say: %s', (name, parameters) => {
    expect(at(1e12)(name).fileBytes / ((parameters * 4.5) / 8)).toBeCloseTo(1, 2);
  });

  it('read nothing where all of them fits, and weights bound their speed', () => {
    const { cachedShare, tokensPerSecond, fileBytes } = at(100e9)('Llama 3.1 8B');
    // All but the embedding is multiplied by for each token.
    const embedding = (128_256 * 4096 * 4.5) / 8;
    expect([cachedShare, tokensPerSecond]).toEqual([1, expect.closeTo(20e9 / (fileBytes - embedding), 2)]);
  });

  it('are bound by the disk where they do not fit in memory, a mixture far less', () => {
    const dense = at(20e9)('Llama 3.3 70B');
    // 80 layers of 3 x 8192 x 28672 weights, those aside that the cache holds.
    const ffn = (80 * 3 * 8192 * 28_672 * 4.5) / 8;
    expect(dense.tokensPerSecond!).toBeCloseTo(2e9 / (ffn * (1 - dense.cachedShare)), 6);
    expect(at(8e9)('Qwen3 30B A3B').tokensPerSecond!).toBeGreaterThan(20 * dense.tokensPerSecond!);
  });

  it('have no speed where not even their resident half fits', () => {
    expect(at(4e9)('Llama 3.3 70B')).toMatchObject({ fits: false, cachedShare: 0, tokensPerSecond: null });
    expect(at(4e9)('Llama 3.1 8B').fits).toBe(true);
  });
});
