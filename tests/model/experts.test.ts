import { describe, expect, it } from 'vitest';
import { type ExpertsFamily, ggufExperts, huggingFaceExperts } from '../../dist/src/model/experts.js';
import { Fields } from '../../dist/src/model/fields.js';

const FAMILY: ExpertsFamily = {
  numExpertsKey: 'num_experts',
  intermediateSizeKey: 'moe_intermediate_size',
  normalizeWeights: true,
  sharedExpert: false,
  source: () => () => ({ sourceName: 'x' }),
};
const CONFIG = { num_experts: 8, num_experts_per_tok: 2, moe_intermediate_size: 24 };
const GGUF = { 'm.expert_count': 8, 'm.expert_used_count': 2 };

const fromConfig = (change: object, family: Partial<ExpertsFamily> = {}) =>
  huggingFaceExperts({ ...FAMILY, ...family }, Fields.of('config.json', { ...CONFIG, ...change }));
const fromGguf = (change: object, stack: number[] | null = [8, 24, 64], family: Partial<ExpertsFamily> = {}) =>
  ggufExperts({ ...FAMILY, ...family }, (suffix) => `m.${suffix}`, Fields.of('m.gguf', { ...GGUF, ...change }), stack);

const EXPECTED = {
  numExperts: 8,
  numExpertsPerToken: 2,
  intermediateSize: 24,
  normalizeWeights: true,
  sharedIntermediateSize: 0,
};

describe('the experts that config.json tells of', () => {
  it('are counted and sized, under the name that the first gpt-oss files have too', () => {
    expect(fromConfig({})).toEqual(EXPECTED);
    expect(fromConfig({ num_experts_per_tok: undefined, experts_per_token: 4 }).numExpertsPerToken).toBe(4);
  });

  it('have weights that sum to 1 as the field says, else as is usual in the family', () => {
    expect(fromConfig({ norm_topk_prob: false }).normalizeWeights).toBe(false);
    expect(fromConfig({}, { normalizeWeights: false }).normalizeWeights).toBe(false);
    expect(fromConfig({ norm_topk_prob: true }, { normalizeWeights: false }).normalizeWeights).toBe(true);
  });

  it('have one that every token takes where the family does', () => {
    const shared = { shared_expert_intermediate_size: 40 };
    expect(fromConfig(shared, { sharedExpert: true }).sharedIntermediateSize).toBe(40);
    expect(fromConfig(shared).sharedIntermediateSize).toBe(0);
    expect(() => fromConfig({}, { sharedExpert: true })).toThrow(/"shared_expert_intermediate_size" is missing/);
  });

  it.each([
    ['UNSUPPORTED', 'decoder_sparse_step', { decoder_sparse_step: 2 }],
    ['UNSUPPORTED', 'mlp_only_layers', { mlp_only_layers: [0] }],
    ['CORRUPT', 'num_experts_per_tok', { num_experts_per_tok: 9 }],
    ['CORRUPT', 'num_experts', { num_experts: 65537 }],
    ['CORRUPT', 'num_experts_per_tok', { num_experts_per_tok: undefined }],
  ])('are %s, by %s, with %j', (code, key, change) => {
    expect(() => fromConfig(change)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(`"${key}"`) }),
    );
  });

  it('are all there where a list of layers without them is empty', () => {
    expect(fromConfig({ mlp_only_layers: [], decoder_sparse_step: 1 })).toEqual(EXPECTED);
  });
});

describe('the experts that GGUF metadata tells of', () => {
  it('have the size that it names, else that of the first stack', () => {
    expect(fromGguf({})).toEqual(EXPECTED);
    expect(fromGguf({ 'm.expert_feed_forward_length': 48 }).intermediateSize).toBe(48);
    expect(
      fromGguf({ 'm.expert_shared_feed_forward_length': 40 }, undefined, { sharedExpert: true }).sharedIntermediateSize,
    ).toBe(40);
  });

  it.each<[string, string, object, number[] | null]>([
    ['CORRUPT', 'blk.0.ffn_gate_exps.weight" is missing', {}, null],
    ['CORRUPT', 'blk.0.ffn_gate_exps.weight" is of shape', {}, [24, 64]],
    ['UNSUPPORTED', 'leading_dense_block_count', { 'm.leading_dense_block_count': 1 }, [8, 24, 64]],
    ['CORRUPT', 'expert_used_count', { 'm.expert_used_count': 9 }, [8, 24, 64]],
  ])('are %s, by %s', (code, said, change, stack) => {
    expect(() => fromGguf(change, stack)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(said) }),
    );
  });
});
