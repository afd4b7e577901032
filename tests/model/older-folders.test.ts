import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { GOLDENS, type Tensor, writeGolden } from '../support/golden-families.js';

const scratch = mkdtempSync(join(tmpdir(), 'flashrow-older-folders-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let folders = 0;
/** The spec of a small model whose config.json has other `fields` (null takes one away), and further tensors. */
function specOf(model: string, fields: Record<string, unknown>, more: Tensor[] = []) {
  const { config, tensors } = GOLDENS.models[model];
  const changed = Object.fromEntries(Object.entries({ ...config, ...fields }).filter(([, value]) => value !== null));
  const folder = writeGolden(join(scratch, `${folders++}`), { config: changed, tensors: [...tensors, ...more] });
  return { ...openCheckpoint(folder).spec, name: model };
}

const YARN = { factor: 4, original_max_position_embeddings: 256, beta_fast: 32, beta_slow: 1 };

/** Fields as published folders have them, which were written before transformers 5. */
const OLDER: [model: string, fields: Record<string, unknown>][] = [
  [
    'lfm2',
    {
      ...{ intermediate_size: null, block_ff_dim: 120, layer_types: null, full_attn_idxs: [1, 3] },
      ...{ rope_parameters: null, rope_theta: 1000000, tie_word_embeddings: null, tie_embedding: true },
    },
  ],
  ['lfm2-moe', { rope_parameters: null, tie_word_embeddings: null, norm_eps: null }],
  [
    'qwen3-next',
    {
      ...{ layer_types: null, full_attention_interval: 4, mlp_only_layers: [], decoder_sparse_step: 1 },
      ...{ rope_parameters: null, rope_theta: 10000, partial_rotary_factor: 0.25, rope_scaling: null },
    },
  ],
  ['qwen3.5-moe', { layer_types: null, attn_output_gate: true, mtp_num_hidden_layers: 1 }],
  [
    'nemotron-h',
    {
      ...{ layers_block_type: null, hybrid_override_pattern: 'MEM*EME*E', num_hidden_layers: 9 },
      ...{ head_dim: null, attention_head_dim: 16, layer_norm_epsilon: null, moe_latent_size: null },
    },
  ],
  ['granite-hybrid', { layer_types: ['mamba', 'attention', 'mamba', 'attention'], mamba_d_head: 'auto' }],
  ['granite-hybrid, experts', { position_embedding_type: 'nope', normalization_function: 'rmsnorm' }],
  [
    'deepseek-v3',
    {
      ...{ rope_parameters: null, rope_theta: 10000, scoring_func: 'sigmoid', topk_method: 'noaux_tc' },
      rope_scaling: { type: 'yarn', ...YARN, mscale: 1, mscale_all_dim: 0.5 },
    },
  ],
  ['deepseek-v2, no bottleneck', { topk_method: 'greedy', scoring_func: 'softmax', moe_layer_freq: 1 }],
  ['glm-4.7-flash', { mlp_layer_types: null }],
];

describe('a folder from before transformers 5', () => {
  it.each(OLDER)('%s with %j is the same model', (model, fields) => {
    expect(specOf(model, fields)).toEqual(specOf(model, {}));
  });
});

describe('blocks that predict further tokens', () => {
  const block: Tensor[] = [['model.layers.3.eh_proj.weight', [2, 2], 1, 0]];

  it('are left alone where config.json tells of them', () => {
    expect(specOf('deepseek-v3', { num_nextn_predict_layers: 1 }, block).numLayers).toBe(3);
    expect(specOf('qwen3-next', {}, [['mtp.fc.weight', [2, 2], 1, 0]]).numLayers).toBe(4);
  });

  it('are refused where there are more of them than it says', () => {
    const beyond: Tensor[] = [...block, ['model.layers.4.eh_proj.weight', [2, 2], 1, 0]];
    for (const [count, tensors] of [
      [0, block],
      [1, beyond],
    ] as const)
      expect(() => specOf('deepseek-v3', { num_nextn_predict_layers: count }, [...tensors])).toThrow(
        expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('eh_proj') }),
      );
  });
});
