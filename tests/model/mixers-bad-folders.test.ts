import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { GOLDENS, writeGolden } from '../support/golden-families.js';

const scratch = mkdtempSync(join(tmpdir(), 'flashrow-bad-folders-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let folders = 0;
/** Opens a small model whose config.json has other `fields`; null takes a field away. */
function open(model: string, fields: Record<string, unknown>, without?: string) {
  const { config, tensors, integers = {} } = GOLDENS.models[model];
  const whole = Object.fromEntries(Object.entries(integers).filter(([name]) => name !== without));
  const changed = Object.fromEntries(Object.entries({ ...config, ...fields }).filter(([, value]) => value !== null));
  const kept = tensors.filter(([name]) => name !== without);
  return openCheckpoint(
    writeGolden(join(scratch, `${folders++}`), { config: changed, tensors: kept, integers: whole }),
  );
}

const TWO_IN_A_ROW = ['linear_attention', 'linear_attention', 'moe', 'full_attention', 'moe'];
const ATTENTION_FIRST = ['full_attention', 'linear_attention', 'moe'];

/** Fields of config.json that are changed; the code of the refusal, and the field that it names. */
const CASES: [model: string, fields: Record<string, unknown>, code: string, words: RegExp][] = [
  ['lfm2-moe', { layer_types: ['conv', 'full_attention'] }, 'CORRUPT', /"layer_types" has 2 entries.* 4 layers/],
  ['lfm2-moe', { layer_types: 'conv' }, 'CORRUPT', /"layer_types" is "conv"/],
  ['lfm2-moe', { layer_types: Array(4).fill('sliding_attention') }, 'UNSUPPORTED', /"layer_types" has "sliding/],
  ['lfm2-moe', { conv_L_cache: 1 }, 'CORRUPT', /"conv_L_cache" is 1/],
  ['lfm2-moe', { conv_L_cache: 4 }, 'CORRUPT', /conv\.conv\.weight.* is of shape \[64, 1, 3\]/],
  ['lfm2-moe', { conv_bias: true }, 'UNSUPPORTED', /"conv_bias" is true/],
  ['lfm2-moe', { norm_eps: 0 }, 'CORRUPT', /"norm_eps" is 0/],
  ['lfm2-moe', { num_attention_heads: 3 }, 'CORRUPT', /"num_key_value_heads" is 2, which does not divide the 3/],
  ['lfm2-moe', { num_dense_layers: 4 }, 'CORRUPT', /"num_dense_layers"/],
  ['lfm2-moe', { num_experts_per_tok: 9 }, 'CORRUPT', /"num_experts_per_tok" is 9/],
  ['lfm2', { block_multiple_of: 0 }, 'CORRUPT', /"block_multiple_of" is 0/],
  ['qwen3.5-moe', { linear_num_key_heads: 3 }, 'CORRUPT', /"linear_num_key_heads" is 3, which does not divide the 4/],
  ['qwen3.5-moe', { linear_num_value_heads: 0 }, 'CORRUPT', /"linear_num_value_heads" is 0/],
  ['qwen3.5-moe', { linear_key_head_dim: 32 }, 'UNSUPPORTED', /"linear_value_head_dim" is 16, and not the 32/],
  ['qwen3.5-moe', { linear_conv_kernel_dim: 1 }, 'CORRUPT', /"linear_conv_kernel_dim" is 1/],
  ['qwen3.5-moe', { attn_output_gate: false }, 'UNSUPPORTED', /"attn_output_gate" is false; only true/],
  ['qwen3.5-moe', { hidden_act: 'gelu' }, 'UNSUPPORTED', /"hidden_act" is "gelu"/],
  ['qwen3.5-moe', { layer_types: Array(4).fill('linear_attention') }, 'CORRUPT', /layers\.3\.linear_attn/],
  ['qwen3-next', { decoder_sparse_step: 2 }, 'UNSUPPORTED', /"decoder_sparse_step" is 2/],
  ['qwen3-next', { mlp_only_layers: [1] }, 'UNSUPPORTED', /"mlp_only_layers" is \[1\]/],
  ['deepseek-v3', { kv_lora_rank: 0 }, 'CORRUPT', /"kv_lora_rank" is 0/],
  ['deepseek-v3', { qk_rope_head_dim: 7 }, 'CORRUPT', /"qk_rope_head_dim" is 7; it should be even/],
  ['deepseek-v3', { qk_nope_head_dim: 12 }, 'CORRUPT', /q_b_proj\.weight.* is of shape/],
  ['deepseek-v3', { q_lora_rank: null }, 'CORRUPT', /q_proj\.weight.* is missing/],
  ['deepseek-v3', { num_key_value_heads: 2 }, 'UNSUPPORTED', /"num_key_value_heads" is not the 4/],
  ['deepseek-v3', { n_group: 3 }, 'CORRUPT', /"n_group" is 3/],
  ['deepseek-v3', { scoring_func: 'softmax' }, 'UNSUPPORTED', /"scoring_func" is "softmax"; only "sigmoid"/],
  ['deepseek-v3', { rope_interleave: false }, 'UNSUPPORTED', /"rope_interleave" is false/],
  ['deepseek-v3', { attention_bias: true }, 'UNSUPPORTED', /"attention_bias" is true/],
  ['deepseek-v2, groups', { topk_method: 'noaux_tc' }, 'UNSUPPORTED', /"topk_method" is "noaux_tc"/],
  ['deepseek-v2, groups', { norm_topk_prob: true }, 'UNSUPPORTED', /"norm_topk_prob" is true/],
  ['glm-4.7-flash', { mlp_layer_types: ['sparse', 'dense', 'sparse'] }, 'UNSUPPORTED', /"mlp_layer_types" is/],
  ['glm-4.7-flash', { mlp_layer_types: ['dense'] }, 'CORRUPT', /"mlp_layer_types" has 1 entries/],
  ['nemotron-h', { layers_block_type: [...TWO_IN_A_ROW, 'rnn'] }, 'UNSUPPORTED', /"layers_block_type" has "rnn"/],
  ['nemotron-h', { layers_block_type: [...TWO_IN_A_ROW, 'mlp'] }, 'UNSUPPORTED', /experts and ordinary ones/],
  ['nemotron-h, ordinary networks', { intermediate_size: 95 }, 'CORRUPT', /down_proj\.weight.* is of shape|up_proj/],
  ['nemotron-h, ordinary networks', { mlp_bias: true }, 'UNSUPPORTED', /"mlp_bias" is true/],
  ['nemotron-h', { layers_block_type: ATTENTION_FIRST }, 'UNSUPPORTED', /block 1 a mixer right after attention/],
  ['nemotron-h', { layers_block_type: TWO_IN_A_ROW.slice(0, 2) }, 'UNSUPPORTED', /no network follows the last mixer/],
  ['nemotron-h', { layers_block_type: ['moe', 'moe'] }, 'UNSUPPORTED', /has no mixer/],
  ['nemotron-h', { layers_block_type: [] }, 'CORRUPT', /"layers_block_type"/],
  ['nemotron-h', { num_hidden_layers: 8 }, 'CORRUPT', /has 9 entries.* 8 blocks/],
  ['nemotron-h', { moe_latent_size: 32 }, 'CORRUPT', /fc1_latent_proj\.weight.* is missing/],
  ['nemotron-h, latent experts', { moe_latent_size: 65 }, 'CORRUPT', /"moe_latent_size" is 65, which is more than/],
  ['nemotron-h, latent experts', { moe_latent_size: 47 }, 'CORRUPT', /fc1_latent_proj\.weight.* is of shape/],
  ['nemotron-h', { n_groups: 3 }, 'CORRUPT', /"n_groups" is 3, which does not divide the 8 heads/],
  ['nemotron-h', { mamba_num_heads: 0 }, 'CORRUPT', /"mamba_num_heads" is 0/],
  ['nemotron-h', { ssm_state_size: 8 }, 'CORRUPT', /conv1d\.weight.* is of shape|in_proj\.weight.* is of shape/],
  ['nemotron-h', { time_step_limit: [0.001, 0.1] }, 'UNSUPPORTED', /"time_step_limit" is \[0\.001, 0\.1\]/],
  ['nemotron-h', { mlp_hidden_act: 'silu' }, 'UNSUPPORTED', /"mlp_hidden_act" is "silu"/],
  ['granite-hybrid', { mamba_d_head: 12 }, 'CORRUPT', /"mamba_n_heads" is 8; so many heads of 12/],
  ['granite-hybrid', { mamba_n_groups: 3 }, 'CORRUPT', /"mamba_n_groups" is 3/],
  ['granite-hybrid', { mamba_conv_bias: false }, 'UNSUPPORTED', /"mamba_conv_bias" is false/],
  ['granite-hybrid', { position_embedding_type: 'alibi' }, 'UNSUPPORTED', /"position_embedding_type" is "alibi"/],
  ['granite-hybrid', { shared_intermediate_size: 47 }, 'CORRUPT', /input_linear\.weight.* is of shape/],
];

const QWEN4_EXP: [fields: Record<string, unknown>, code: string, words: RegExp][] = [
  [{ hc_count: 1 }, 'CORRUPT', /"hc_count" is 1; there are from 2/],
  [{ hc_lowrank: 25 }, 'CORRUPT', /input_mix_weight_down\.w.* is of shape \[24, 256\]/],
  [{ hc_lowrank: 'x' }, 'CORRUPT', /"hc_lowrank" is "x"/],
  [{ ple_layer_ids: [4] }, 'UNSUPPORTED', /"ple_layer_ids" is 4, which is no layer with a delta net/],
  [{ ple_layer_ids: [0] }, 'UNSUPPORTED', /"ple_layer_ids" is 0, which is no layer/],
  [{ ple_layer_ids: [1, 2] }, 'CORRUPT', /"ple_layer_ids" is \[1, 2\].* 1 of them/],
  [{ ple_layer_ids: 2 }, 'CORRUPT', /"ple_layer_ids" is 2; it should be a list/],
  [{ ple_layer_ids: [] }, 'UNSUPPORTED', /\.ple\..* has no place/],
  [{ ple_layer_ids: [1] }, 'CORRUPT', /layers\.0\.ple\.ple_embedding\.ngram_heads_offsets" is missing/],
  [{ ple_embed_dim: 32 }, 'UNSUPPORTED', /"ple_embed_dim" is 32, and not the model's 64/],
  [{ ple_conv_kernel_size: 3 }, 'CORRUPT', /ple\.conv1d\.weight.* is of shape \[256, 1, 4\]/],
  [{ ngram_size: 1 }, 'CORRUPT', /"ngram_size" is 1; n-grams are of 2/],
  [{ ngram_size: 4 }, 'CORRUPT', /"ple_embed_dim" is 64, which the 6 rows of a token do not divide/],
  [{ heads_per_ngram: 4 }, 'CORRUPT', /ngram_heads_offsets" is \[0, 23, 52, 83\].* 8 of them/],
  [{ eos_token_id: null }, 'CORRUPT', /"eos_token_id" is missing/],
  [{ eos_token_id: 96 }, 'CORRUPT', /"eos_token_id" is 96/],
  [{ indexer_budget: 3 }, 'CORRUPT', /"indexer_budget" is fewer than the 4 positions of a block/],
  [{ indexer_head_dim: 4 }, 'CORRUPT', /"indexer_head_dim" is less than the 8 that rotate/],
  [{ indexer_n_heads: 3 }, 'CORRUPT', /index_qk_proj\.weight.* is of shape \[144, 64\]/],
  [{ indexer_n_heads: null }, 'UNSUPPORTED', /indexer\..* has no place/],
  [{ indexer_kv_heads: 2 }, 'UNSUPPORTED', /"indexer_kv_heads" is 2; only 1/],
  [{ indexer_compress_ratio: null }, 'CORRUPT', /"indexer_compress_ratio" is missing/],
  [{ output_gate_type: 'gelu' }, 'UNSUPPORTED', /"output_gate_type" is "gelu"; supported: silu, sigmoid/],
  [{ layer_types: Array(4).fill('sliding_attention') }, 'UNSUPPORTED', /"layer_types" has "sliding_attention"/],
  [{ architectures: ['DeepseekV4ForCausalLM'] }, 'UNSUPPORTED', /use a GGUF file of the model.*"deepseek4"/],
];
CASES.push(...QWEN4_EXP.map(([fields, ...rest]): (typeof CASES)[number] => ['qwen4-exp', fields, ...rest]));

const TABLE = 'model.layers.1.ple.ple_embedding.';
const MISSING: [model: string, tensor: string][] = [
  ['lfm2', 'model.layers.0.conv.conv.weight'],
  ['lfm2-moe', 'model.layers.1.feed_forward.experts.*.w2.weight'],
  ['qwen3.5', 'model.layers.0.linear_attn.A_log'],
  ['qwen3.5-moe', 'model.layers.0.linear_attn.conv1d.weight'],
  ['qwen3-next', 'model.layers.0.linear_attn.dt_bias'],
  ['deepseek-v3', 'model.layers.0.self_attn.kv_b_proj.weight'],
  ['nemotron-h', 'backbone.layers.0.mixer.D'],
  ['granite-hybrid', 'model.layers.0.mamba.norm.weight'],
  ['qwen4-exp', 'model.hyper_connection_mixer.hc_norm.weight'],
  ['qwen4-exp', 'model.layers.3.self_attn.indexer.index_qk_proj.weight'],
  ['qwen4-exp', 'model.layers.1.ple.norm_conv.weight'],
  ['qwen4-exp', `${TABLE}layer_multipliers`],
];

describe('a Hugging Face folder whose mixers are described wrongly', () => {
  it.each(CASES)('%s with %j is refused: %s', (model, fields, code, words) => {
    expect(() => open(model, fields)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(words) }));
  });

  it.each(MISSING)('%s without %s is CORRUPT', (model, tensor) => {
    const message = expect.stringContaining(`${tensor.replace('*', '0')}" is missing`);
    expect(() => open(model, {}, tensor)).toThrow(expect.objectContaining({ code: 'CORRUPT', message }));
  });

  it('names the part of a table that is missing, or too short', () => {
    const message = (words: RegExp) =>
      expect.objectContaining({ code: 'CORRUPT', message: expect.stringMatching(words) });
    const part = (number: number) => `${TABLE}ngram_embedding.shard_${number}.weight`;
    expect(() => open('qwen4-exp', {}, part(0))).toThrow(message(/is missing, and so is its first part/));
    expect(() => open('qwen4-exp', {}, part(1))).toThrow(message(/shard_0\.weight" has 43 rows, .* asks for 120/));
    expect(() => open('qwen4-exp', {}, part(2))).toThrow(message(/shard_0\.weight" has 86 rows, .* asks for 120/));
  });

  it('takes no floats for the constants of a hash', () => {
    const { config, tensors, integers = {} } = GOLDENS.models['qwen4-exp'];
    const name = `${TABLE}layer_multipliers`;
    const { [name]: _, ...others } = integers;
    const floats: (typeof tensors)[number] = [name, [3], 1, 0];
    const folder = writeGolden(join(scratch, `${folders++}`), {
      config,
      tensors: [...tensors, floats],
      integers: others,
    });
    expect(() => openCheckpoint(folder)).toThrow(
      expect.objectContaining({
        code: 'CORRUPT',
        message: expect.stringMatching(/layer_multipliers.* is of type F32 and shape \[3\]; a short list of I64/),
      }),
    );
  });

  it.each(['[0, Infinity]', '[0.0, 1e30]', '[0.0, {"__float__": "Infinity"}]'])(
    'takes %s for steps without a limit',
    (limit) => {
      const folder = join(scratch, `${folders++}`);
      const { config, tensors } = GOLDENS.models['nemotron-h'];
      writeGolden(folder, { config, tensors }, (json) => json.replace('{', `{"time_step_limit": ${limit},`));
      expect(openCheckpoint(folder).spec.recurrent?.mixer.kind).toBe('mamba-2');
    },
  );
});
