import { mkdtempSync, rmSync } from 'node:fs';
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
  ['nemotron_h_moe', '$.feed_forward_length=[64,64,0,0,64,0,64]', 'UNSUPPORTED', /block 0 a network/],
  ['nemotron_h_moe', '$.feed_forward_length=[0,64,0,0,64,0]', 'CORRUPT', /a number for each of the 7 blocks/],
  ['nemotron_h_moe', '$.moe_latent_size=64', 'UNSUPPORTED', /smaller space/],
];

describe.skipIf(!haveTiny2026)(`a GGUF file whose mixers are described wrongly${withoutTiny2026}`, () => {
  it.each(CASES)('%s with %s is refused: %s', async (model, change, code, words) => {
    const path = writeTiny(folder, { model, type: 'f32', seed: 1, shape: 'a' }, ['--set', change]);
    await expect(planModel(path)).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
  });
});
