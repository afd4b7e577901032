import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planModel } from '../../dist/src/index.js';
import { haveTiny2026, withoutTiny2026, writeTiny } from '../support/tiny-2026.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-mixers-bad-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A key that is set to something else; the code and the words of the refusal. */
const CASES: [string, string, string, RegExp][] = [
  ['qwen35', '$.ssm.group_count=3', 'CORRUPT', /does not divide the 4 value heads/],
  ['qwen35', '$.ssm.inner_size=100', 'CORRUPT', /should be 4 heads of 32, 128/],
  ['qwen35', '$.attention.recurrent_layers=[true,false]', 'CORRUPT', /for each of the 6 layers/],
  ['qwen35', '$.ssm.state_size=null', 'CORRUPT', /ssm.state_size" is missing/],
  ['qwen35', '$.ssm.state_size=64', 'CORRUPT', /ssm.inner_size/],
  ['qwen35', '$.full_attention_interval=7', 'CORRUPT', /blk\.2\.attn_qkv\.weight/],
  ['lfm2', '$.attention.head_count_kv=[0,2]', 'CORRUPT', /one for each of the 4 layers/],
  ['lfm2', '$.shortconv.l_cache=4', 'CORRUPT', /shortconv\.conv\.weight/],
  ['granitehybrid', '$.ssm.group_count=3', 'CORRUPT', /does not divide the 8 heads/],
  ['granitehybrid', '$.ssm.time_step_rank=7', 'CORRUPT', /the 7 heads do not divide/],
  ['deepseek2-glm', '$.attention.key_length_mla=16', 'CORRUPT', /above the 16 that rotate/],
  ['deepseek2-glm', '$.attention.kv_lora_rank=32', 'CORRUPT', /attn_kv_a_mqa/],
  ['nemotron_h_moe', '$.feed_forward_length=[0,64,0,0,64,0,0]', 'UNSUPPORTED', /no network follows the last mixer/],
  ['nemotron_h_moe', '$.feed_forward_length=[0,64,0,0,64,0]', 'CORRUPT', /a number for each of the 7 blocks/],
  ['nemotron_h_moe', '$.moe_latent_size=64', 'CORRUPT', /ffn_latent_down\.weight.* is missing/],
  ['nemotron_h_moe', '$.moe_latent_size=100000', 'CORRUPT', /moe_latent_size" is 100000, which is more than/],
  ['qwen35', '$.ssm.group_count=0', 'CORRUPT', /ssm\.group_count" is 0/],
  ['qwen35', '$.ssm.conv_kernel=1', 'CORRUPT', /ssm\.conv_kernel" is 1; a convolution sees/],
  ['lfm2', '$.shortconv.l_cache=0', 'CORRUPT', /shortconv\.l_cache" is 0/],
  ['lfm2moe', '$.expert_used_count=0', 'CORRUPT', /expert_used_count" is 0/],
  ['granitehybrid', '$.ssm.state_size=0', 'CORRUPT', /ssm\.state_size" is 0/],
  ['granitehybrid', '$.ssm.inner_size=0', 'CORRUPT', /ssm\.inner_size" is 0/],
  ['deepseek2-glm', '$.attention.kv_lora_rank=0', 'CORRUPT', /kv_lora_rank" is 0/],
  ['deepseek2-glm', '$.rope.dimension_count=0', 'CORRUPT', /rope\.dimension_count" is 0/],
  ['nemotron_h_moe-latent', '$.nextn_predict_layers=3', 'CORRUPT', /nextn_predict_layers" is 3, but block 5 does not/],
  ['qwen35moe', '$.nextn_predict_layers=2', 'CORRUPT', /nextn_predict_layers" is 2, but block 5 does not predict/],
  ['glm4moe', '$.nextn_predict_layers=4', 'CORRUPT', /nextn_predict_layers" is 4, but block 1 does not predict/],
  ['qwen4exp', '$.nextn_predict_layers=1', 'CORRUPT', /nextn_predict_layers" is 1, but block 3 does not predict/],
  ['qwen4exp', '$.hyper_connection.count=1', 'CORRUPT', /hyper_connection\.count" is 1; there are from 2/],
  ['qwen4exp', '$.hyper_connection.low_rank=32', 'CORRUPT', /hc_attn_down\.weight.* is of shape \[64, 512\]/],
  ['qwen4exp', '$.ple.layers=[3]', 'UNSUPPORTED', /ple\.layers" is 3, which is no layer with a delta net/],
  ['qwen4exp', '$.ple.layers=[0,1]', 'CORRUPT', /ple\.layers" is \[0, 1\]; it should be a list of whole numbers, 1/],
  ['qwen4exp', '$.ple.layer_multipliers=[1,2]', 'CORRUPT', /layer_multipliers" is \[1, 2\].* 3 of them/],
  ['qwen4exp', '$.ple.head_offsets=[0,-5,128,199]', 'CORRUPT', /head_offsets" has -5/],
  ['qwen4exp', '$.ple.head_vocab_sizes=[61,67,71,4000]', 'CORRUPT', /has 272 rows, and .*head_offsets" asks for 4199/],
  ['qwen4exp', '$.ple.eos_token_id=null', 'CORRUPT', /ple\.eos_token_id" is missing; n-grams need the token/],
  ['qwen4exp', '$.ple.eos_token_id=320', 'CORRUPT', /ple\.eos_token_id" is 320; n-grams need the token/],
  ['qwen4exp', '$.ple.heads_per_ngram=3', 'CORRUPT', /the 6 rows of a token should have 128 values together/],
  ['qwen4exp', '$.ple.conv_kernel=3', 'CORRUPT', /ple_conv1d\.weight.* is of shape \[512, 4\]/],
  ['qwen4exp', '$.attention.compress_ratios=[0,0,4]', 'CORRUPT', /compress_ratios" is \[0, 0, 4\].* 4 of them/],
  ['qwen4exp', '$.attention.compress_ratios=[0,0,0,-4]', 'UNSUPPORTED', /compress_ratios" is \[0, 0, 0, -4\]/],
  ['qwen4exp', '$.attention.indexer.top_k=3', 'CORRUPT', /top_k" is fewer than the 4 positions of a block/],
  ['qwen4exp', '$.attention.indexer.key_length=8', 'CORRUPT', /key_length" is less than the 16 that rotate/],
  ['qwen4exp', '$.attention.indexer.head_count=3', 'CORRUPT', /indexer\.q_proj\.weight.* is of shape \[64, 128\]/],
  ['nemotron_h_moe', '$.attention.head_count_kv=[0]', 'CORRUPT', /a number for each of the 7 blocks/],
  ['deepseek4', '$.attention.compress_ratios=[0,4,128]', 'CORRUPT', /compress_ratios" is \[0, 4, 128\].* 4 layers/],
  ['deepseek4', '$.attention.compress_ratios=[0,4,64,4]', 'UNSUPPORTED', /supported: 0, 4, 128/],
  [
    'deepseek4',
    '$.attention.compress_ratios=[0,128,4,4]',
    'CORRUPT',
    /blk\.1\.attn_compressor_kv\.weight.* is of shape/,
  ],
  ['deepseek4', '$.attention.output_group_count=3', 'CORRUPT', /does not divide the 4 heads/],
  ['deepseek4', '$.attention.indexer.key_length=8', 'CORRUPT', /key_length" is less than the 16 that rotate/],
  ['deepseek4', '$.attention.sliding_window=0', 'CORRUPT', /sliding_window" is 0/],
  ['deepseek4', '$.hyper_connection.count=1', 'CORRUPT', /hyper_connection\.count" is 1; there are from 2/],
  ['deepseek4', '$.hyper_connection.count=8', 'CORRUPT', /hc_attn_fn\.weight.* is of shape/],
  ['deepseek4', '$.hyper_connection.sinkhorn_iterations=0', 'CORRUPT', /sinkhorn_iterations" is 0/],
  ['deepseek4', '$.swiglu_clamp_exp=[1,1,2,1]', 'UNSUPPORTED', /swiglu_clamp_exp" differs from layer to layer/],
  ['deepseek4', '$.swiglu_clamp_shexp=[0,0,0,0]', 'UNSUPPORTED', /swiglu_clamp_shexp" sets no limit/],
  ['deepseek4', '$.hash_layer_count=2', 'CORRUPT', /blk\.1\.ffn_gate_tid2eid\.weight.* is missing/],
];

describe.skipIf(!haveTiny2026)(`a GGUF file whose mixers are described wrongly${withoutTiny2026}`, () => {
  it.each(CASES)('%s with %s is refused: %s', async (model, change, code, words) => {
    const path = writeTiny(folder, { model, type: 'f32', seed: 1, shape: 'a' }, ['--set', change]);
    await expect(planModel(path)).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
  });

  it.each([
    ['qwen35', 'blk.0.ssm_conv1d.weight'],
    ['qwen35moe', 'blk.1.ssm_dt.bias'],
    ['lfm2', 'blk.0.shortconv.conv.weight'],
    ['granitehybrid', 'blk.0.ssm_norm.weight'],
    ['nemotron_h_moe', 'blk.0.ssm_in.weight'],
    ['deepseek2-glm', 'blk.0.attn_kv_a_norm.weight'],
    ['qwen4exp', 'blk.1.ple_norm_conv.weight'],
    ['qwen4exp', 'per_layer_token_embd.weight'],
    ['qwen4exp', 'output_hc_down.weight'],
    ['qwen4exp', 'blk.3.indexer.k_norm.weight'],
    ['deepseek4', 'blk.0.ffn_gate_tid2eid.weight'],
    ['deepseek4', 'blk.1.indexer_compressor_ape.weight'],
    ['deepseek4', 'blk.2.attn_sinks.weight'],
    ['deepseek4', 'output_hc_scale.weight'],
  ])('%s without %s is refused', async (model, tensor) => {
    const path = writeTiny(folder, { model, type: 'f32', seed: 1, shape: 'a' });
    const bytes = readFileSync(path);
    // The file has the tensor under another name of the same length.
    bytes.write('X', bytes.indexOf(tensor) + tensor.length - 1);
    writeFileSync(path, bytes);
    await expect(planModel(path)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining(`${tensor}" is missing`),
    });
  });
});
