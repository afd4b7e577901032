import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { type ModelShape, SHAPES } from '../../dist/bench/model/shapes.js';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { loadModel, type ModelOptions, plan } from '../../dist/src/index.js';
import { safetensors, type TensorHeader } from '../import/tiny-hugging-face.js';

const scratch = mkdtempSync(join(tmpdir(), 'flashrow-hf-experts-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const SHAPE: ModelShape = { ...SHAPES['tiny-moe'], numLayers: 2, headDim: 32 };
const IDS = [1, 300, 17, 401, 17, 260, 333, 40];

interface Family {
  family: ModelShape['family'];
  config: Record<string, unknown>;
  router: string;
  expert: (expert: number, part: 'gate' | 'up' | 'down') => string;
}

const FAMILIES: Record<string, Family> = {
  'Qwen 3 MoE': {
    family: 'qwen3moe',
    config: {
      architectures: ['Qwen3MoeForCausalLM'],
      norm_topk_prob: true,
      num_experts: 16,
      moe_intermediate_size: 96,
    },
    router: 'mlp.gate.weight',
    expert: (expert, part) => `mlp.experts.${expert}.${part}_proj.weight`,
  },
  OLMoE: {
    family: 'olmoe',
    config: { architectures: ['OlmoeForCausalLM'], norm_topk_prob: false, num_experts: 16 },
    router: 'mlp.gate.weight',
    expert: (expert, part) => `mlp.experts.${expert}.${part}_proj.weight`,
  },
};

const RENAMED: Record<string, string> = {
  'attn_norm.weight': 'input_layernorm.weight',
  'attn_q.weight': 'self_attn.q_proj.weight',
  'attn_k.weight': 'self_attn.k_proj.weight',
  'attn_v.weight': 'self_attn.v_proj.weight',
  'attn_q_norm.weight': 'self_attn.q_norm.weight',
  'attn_k_norm.weight': 'self_attn.k_norm.weight',
  'attn_output.weight': 'self_attn.o_proj.weight',
  'ffn_norm.weight': 'post_attention_layernorm.weight',
};

/** The weights of a GGUF file in f32, under the names and in the pieces that transformers has. Both order the halves of a head alike in these families. */
function writeFolder(gguf: string, folder: string, { config, router, expert }: Family): void {
  const file = readFileSync(gguf);
  const header: TensorHeader = {};
  const parts: Buffer[] = [];
  let end = 0;
  const add = (name: string, shape: number[], bytes: Buffer) => {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
    parts.push(bytes);
  };
  for (const { sourceName, shape, offset, bytes } of openCheckpoint(gguf).tensors.values()) {
    const data = file.subarray(offset, offset + bytes);
    const [, layer, rest] = /^blk\.(\d+)\.(.+)$/.exec(sourceName) ?? [];
    if (layer === undefined) {
      const top = { 'token_embd.weight': 'model.embed_tokens.weight', 'output_norm.weight': 'model.norm.weight' };
      add(top[sourceName as keyof typeof top] ?? 'lm_head.weight', shape, data);
      continue;
    }
    const prefix = `model.layers.${layer}.`;
    const stacked = /^ffn_(gate|up|down)_exps/.exec(rest);
    if (!stacked) {
      add(prefix + (rest === 'ffn_gate_inp.weight' ? router : RENAMED[rest]), shape, data);
      continue;
    }
    const [experts, ...matrix] = shape;
    for (let e = 0; e < experts; e++)
      add(
        prefix + expert(e, stacked[1] as 'gate'),
        matrix,
        data.subarray((e * bytes) / experts, ((e + 1) * bytes) / experts),
      );
  }
  mkdirSync(folder);
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([safetensors(header, 0), ...parts]));
  const shared = {
    hidden_act: 'silu',
    hidden_size: SHAPE.hiddenSize,
    intermediate_size: 96,
    num_hidden_layers: SHAPE.numLayers,
    num_attention_heads: SHAPE.numAttentionHeads,
    num_key_value_heads: SHAPE.numKeyValueHeads,
    head_dim: SHAPE.headDim,
    num_experts_per_tok: SHAPE.experts!.numExpertsPerToken,
    vocab_size: SHAPE.vocabSize,
    max_position_embeddings: SHAPE.contextLength,
    rms_norm_eps: 1e-5,
    rope_theta: SHAPE.ropeTheta,
    tie_word_embeddings: false,
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...shared, ...config }));
  const vocab = Object.fromEntries(Array.from({ length: SHAPE.vocabSize }, (_, id) => [`word${id}`, id]));
  const tokenizer = {
    added_tokens: [],
    model: { type: 'BPE', vocab, merges: [] },
    pre_tokenizer: { type: 'ByteLevel' },
  };
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
}

async function results(source: string, options: ModelOptions) {
  const model = await loadModel(source, { cacheDir: join(scratch, 'cache'), contextSize: 64, ...options });
  try {
    const { tokens } = await model.generate(IDS, { maxTokens: 16, ignoreEos: true }).result;
    return { rows: await model.logprobs(IDS, SHAPE.vocabSize), tokens };
  } finally {
    await model.dispose();
  }
}

describe.each(Object.entries(FAMILIES))('a Hugging Face folder of %s', (name, family) => {
  it('predicts and writes what the GGUF file of the same weights does, which llama.cpp agrees with, at every budget', async () => {
    const gguf = join(scratch, `${family.family}.gguf`);
    writeRandomGguf(gguf, { ...SHAPE, family: family.family, numKeyValueHeads: SHAPE.numKeyValueHeads }, 'f32');
    const folder = join(scratch, name.replace(/\W/g, ''));
    writeFolder(gguf, folder, family);
    const expected = await results(gguf, { memory: '256MB' });
    const { minimumBytes } = await plan(folder, { contextSize: 64, memory: '1GB' });
    for (const options of [
      { memory: '256MB' },
      { memory: minimumBytes },
      { memory: minimumBytes, threads: 1, tuning: { cache: 'lru' } },
    ] as ModelOptions[]) {
      const { rows, tokens } = await results(folder, options);
      rows.forEach((row, i) => {
        const other = new Map(expected.rows[i]);
        for (const [id, lnp] of row) expect(Math.abs(lnp - other.get(id)!)).toBeLessThan(1e-3);
      });
      expect(tokens).toEqual(expected.tokens);
    }
  });
});
