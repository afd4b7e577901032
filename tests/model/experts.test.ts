import { describe, expect, it } from 'vitest';
import { type ExpertsFamily, ggufExperts, huggingFaceExperts } from '../../dist/src/model/experts.js';
import { Fields } from '../../dist/src/model/fields.js';
import { expertsSpec } from '../support/spec.js';

const FAMILY: ExpertsFamily = {
  numExpertsKey: 'num_experts',
  intermediateSizeKey: 'moe_intermediate_size',
  normalizeWeights: true,
  sharedExpert: false,
  source: () => () => ({ sourceName: 'x' }),
};
const CONFIG = { num_experts: 8, num_experts_per_tok: 2, moe_intermediate_size: 24 };
const GGUF = { 'm.expert_count': 8, 'm.expert_used_count': 2 };

const NUM_LAYERS = 4;
const fromConfig = (change: object, family: Partial<ExpertsFamily> = {}, biased = false) =>
  huggingFaceExperts(
    { ...FAMILY, ...family },
    Fields.of('config.json', { ...CONFIG, ...change }),
    NUM_LAYERS,
    () => biased,
  );

interface Shapes {
  down?: number[] | null;
  bias?: number[];
  shared?: number[];
}

function fromGguf(
  change: object,
  family: Partial<ExpertsFamily> = {},
  { down = [8, 64, 24], bias, shared }: Shapes = {},
  leading = 0,
) {
  const names = { down: 'blk.0.ffn_down_exps.weight', downShape: down, selectionBias: 'bias', sharedUp: 'shared' };
  const shapes: Record<string, number[] | undefined> = { bias, shared };
  const tensors = { shape: (name: string) => shapes[name] ?? null, floats: () => new Float32Array() };
  const metadata = Fields.of('m.gguf', { ...GGUF, ...change });
  return ggufExperts({ ...FAMILY, ...family }, (suffix) => `m.${suffix}`, metadata, leading, tensors, names);
}

const EXPECTED = expertsSpec();

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

  it('are routed as the fields say', () => {
    const family = { scoring: 'sigmoid', selectionBias: true, sharedExpert: true, sharedCountKey: 'n_shared' } as const;
    const fields = { n_shared: 2, n_group: 4, topk_group: 2, routed_scaling_factor: 2.5, first_k_dense_replace: 3 };
    expect(fromConfig(fields, { ...family, sharedRouter: false }, true)).toEqual(
      expertsSpec({
        scoring: 'sigmoid',
        selectionBias: true,
        groups: { count: 4, used: 2, ranking: 'two-best' },
        weightScale: 2.5,
        leadingDenseLayers: 3,
        sharedIntermediateSize: 48,
        sharedRouter: false,
      }),
    );
  });

  it.each([
    ['CORRUPT', 'first_k_dense_replace', { first_k_dense_replace: 4 }],
    ['CORRUPT', 'n_group', { n_group: 3, topk_group: 1 }],
    ['UNSUPPORTED', 'moe_layer_interval', { moe_layer_interval: 2 }],
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
    const shared = { sharedExpert: true };
    expect(fromGguf({ 'm.expert_shared_feed_forward_length': 40 }, shared).sharedIntermediateSize).toBe(40);
    expect(fromGguf({}, shared, { shared: [48, 64] }).sharedIntermediateSize).toBe(48);
    expect(fromGguf({}, { ...shared, sharedRouter: false }).sharedIntermediateSize).toBe(0);
  });

  it('are routed as the file says, else as is usual in the family', () => {
    const family = { scoring: 'sigmoid', selectionBias: true, weightScale: 2 } as const;
    expect(fromGguf({}, family)).toEqual(expertsSpec({ scoring: 'sigmoid', weightScale: 2 }));
    expect(fromGguf({}, family, { bias: [8] }).selectionBias).toBe(true);
    expect(fromGguf({ 'm.expert_gating_func': 1 }, family).scoring).toBe('softmax');
    expect(fromGguf({ 'm.expert_gating_func': 2 }).scoring).toBe('sigmoid');
    expect(fromGguf({ 'm.expert_gating_func': 4 }).scoring).toBe('sqrt-softplus');
    expect(fromGguf({ 'm.expert_weights_norm': false }).normalizeWeights).toBe(false);
    // A softmax over the chosen ones.
    expect(fromGguf({ 'm.expert_gating_func': 3, 'm.expert_weights_norm': false })).toEqual(EXPECTED);
    expect(fromGguf({ 'm.expert_weights_scale': 2.5 }).weightScale).toBe(2.5);
    expect(fromGguf({ 'm.expert_weights_scale': 0 }).weightScale).toBe(1);
    expect(fromGguf({}, {}, {}, 2).leadingDenseLayers).toBe(2);
    const groups = { 'm.expert_group_count': 4, 'm.expert_group_used_count': 2 };
    expect(fromGguf(groups).groups).toEqual({ count: 4, used: 2, ranking: 'two-best' });
    expect(fromGguf({ 'm.expert_group_count': 1 }).groups).toBeNull();
  });

  it.each<[string, string, object, number[] | null]>([
    ['CORRUPT', 'blk.0.ffn_down_exps.weight" is missing', {}, null],
    ['CORRUPT', 'blk.0.ffn_down_exps.weight" is of shape', {}, [24, 64]],
    ['CORRUPT', 'expert_used_count', { 'm.expert_used_count': 9 }, [8, 64, 24]],
    ['CORRUPT', 'expert_gating_func', { 'm.expert_gating_func': 5 }, [8, 64, 24]],
    ['CORRUPT', 'expert_group_count', { 'm.expert_group_count': 3, 'm.expert_group_used_count': 1 }, [8, 64, 24]],
    ['CORRUPT', 'expert_group_count', { 'm.expert_group_count': 8, 'm.expert_group_used_count': 1 }, [8, 64, 24]],
    ['CORRUPT', 'expert_group_used_count', { 'm.expert_group_count': 4, 'm.expert_group_used_count': 5 }, [8, 64, 24]],
    [
      'CORRUPT',
      'expert_used_count',
      { 'm.expert_used_count': 3, 'm.expert_group_count': 4, 'm.expert_group_used_count': 1 },
      [8, 64, 24],
    ],
    ['UNSUPPORTED', 'interleave_moe_layer_step', { 'm.interleave_moe_layer_step': 2 }, [8, 64, 24]],
  ])('are %s, by %s', (code, said, change, down) => {
    expect(() => fromGguf(change, {}, { down })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(said) }),
    );
  });
});
