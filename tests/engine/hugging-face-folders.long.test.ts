import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { type ModelShape, SHAPES } from '../../dist/bench/model/shapes.js';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { loadModel, type ModelOptions, planModel } from '../../dist/src/index.js';
import { safetensors, type TensorHeader } from '../support/tiny-hugging-face.js';
import { type GgufStack, gptOssExperts } from './gpt-oss-experts.js';

const scratch = mkdtempSync(join(tmpdir(), 'flashrow-hf-folders-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const MIXTURE: ModelShape = { ...SHAPES['tiny-moe'], numLayers: 2, headDim: 32 };
const GEMMA: ModelShape = { ...SHAPES.tiny, headDim: 64, tiedEmbeddings: true };
const IDS = [1, 300, 17, 401, 17, 260, 333, 40];

interface Family {
  shape: ModelShape;
  /** By the factors that slow rotary. */
  config: (factors: number[] | null | undefined) => Record<string, unknown>;
  /** Names that differ from RENAMED. */
  renamed?: Record<string, string>;
  /** What transformers adds to the weights of norms, and its checkpoints therefore leave out. */
  normOffset?: number;
  /** Of the networks in the GGUF file, where it is not f32. */
  rows?: 'mxfp4';
  /** False where the networks' matrices lie such that they must be written anew. */
  inPlace?: false;
}

const expert = (number: number, part: string) => `mlp.experts.${number}.${part}_proj.weight`;

/** Norms before and after each half of a layer. */
const SANDWICHED = {
  'post_attention_norm.weight': 'post_attention_layernorm.weight',
  'ffn_norm.weight': 'pre_feedforward_layernorm.weight',
  'post_ffw_norm.weight': 'post_feedforward_layernorm.weight',
};

const FAMILIES: Record<string, Family> = {
  'Qwen 3 MoE': {
    shape: { ...MIXTURE, family: 'qwen3moe' },
    config: () => ({
      architectures: ['Qwen3MoeForCausalLM'],
      norm_topk_prob: true,
      num_experts: 16,
      moe_intermediate_size: 96,
    }),
  },
  OLMoE: {
    shape: { ...MIXTURE, family: 'olmoe' },
    config: () => ({ architectures: ['OlmoeForCausalLM'], norm_topk_prob: false, num_experts: 16 }),
  },
  Gemma: {
    shape: { ...GEMMA, family: 'gemma' },
    config: () => ({ architectures: ['GemmaForCausalLM'], hidden_act: 'gelu', tie_word_embeddings: undefined }),
    normOffset: 1,
  },
  'Gemma 2': {
    shape: { ...GEMMA, family: 'gemma2' },
    config: () => ({
      architectures: ['Gemma2ForCausalLM'],
      hidden_activation: 'gelu_pytorch_tanh',
      sliding_window: 8,
      query_pre_attn_scalar: 64,
      attn_logit_softcapping: 2,
      final_logit_softcapping: 5,
      tie_word_embeddings: undefined,
    }),
    renamed: SANDWICHED,
    normOffset: 1,
  },
  'Gemma 3': {
    shape: { ...GEMMA, family: 'gemma3', numLayers: 7 },
    config: () => ({
      architectures: ['Gemma3ForCausalLM'],
      sliding_window: 8,
      sliding_window_pattern: 6,
      rope_local_base_freq: 10000,
      query_pre_attn_scalar: 64,
      layer_types: [...new Array(5).fill('sliding_attention'), 'full_attention', 'sliding_attention'],
    }),
    renamed: SANDWICHED,
    normOffset: 1,
  },
  'Phi-3': {
    shape: { ...SHAPES.tiny, family: 'phi3' },
    config: (factors) => ({
      architectures: ['Phi3ForCausalLM'],
      original_max_position_embeddings: 256,
      rope_scaling: { type: 'longrope', short_factor: factors, long_factor: factors },
    }),
    renamed: { 'attn_qkv.weight': 'self_attn.qkv_proj.weight', 'ffn_up.weight': 'mlp.gate_up_proj.weight' },
  },
};

const GPT_OSS: Family = {
  shape: { ...MIXTURE, family: 'gpt-oss' },
  config: () => ({
    architectures: ['GptOssForCausalLM'],
    attention_bias: true,
    num_local_experts: 16,
    sliding_window: 8,
    layer_types: ['sliding_attention', 'full_attention'],
    // llama.cpp's ramp is always between whole pairs.
    rope_scaling: { rope_type: 'yarn', factor: 32, original_max_position_embeddings: 64, truncate: true },
  }),
  renamed: {
    'attn_q.bias': 'self_attn.q_proj.bias',
    'attn_k.bias': 'self_attn.k_proj.bias',
    'attn_v.bias': 'self_attn.v_proj.bias',
    'attn_output.bias': 'self_attn.o_proj.bias',
    'attn_sinks.weight': 'self_attn.sinks',
    'post_attention_norm.weight': 'post_attention_layernorm.weight',
    'ffn_gate_inp.weight': 'mlp.router.weight',
    'ffn_gate_inp.bias': 'mlp.router.bias',
  },
};
FAMILIES['gpt-oss'] = { ...GPT_OSS, rows: 'mxfp4', inPlace: false };
FAMILIES['gpt-oss in floats'] = { ...GPT_OSS, inPlace: false };

const RENAMED: Record<string, string> = {
  'attn_norm.weight': 'input_layernorm.weight',
  'attn_q.weight': 'self_attn.q_proj.weight',
  'attn_k.weight': 'self_attn.k_proj.weight',
  'attn_v.weight': 'self_attn.v_proj.weight',
  'attn_q_norm.weight': 'self_attn.q_norm.weight',
  'attn_k_norm.weight': 'self_attn.k_norm.weight',
  'attn_output.weight': 'self_attn.o_proj.weight',
  'ffn_norm.weight': 'post_attention_layernorm.weight',
  'ffn_gate_inp.weight': 'mlp.gate.weight',
  'ffn_gate.weight': 'mlp.gate_proj.weight',
  'ffn_up.weight': 'mlp.up_proj.weight',
  'ffn_down.weight': 'mlp.down_proj.weight',
};

/**
 * The weights of a GGUF file in f32, under the names and in the pieces that transformers has. Both order the halves of
 * a head alike in these families.
 */
function writeFolder(gguf: string, folder: string, family: Family): void {
  const { shape: ofModel, config, renamed, normOffset = 0 } = family;
  const file = readFileSync(gguf);
  const header: TensorHeader = {};
  const parts: Buffer[] = [];
  let end = 0;
  const add = (name: string, shape: number[], bytes: Buffer, dtype: 'F32' | 'U8' = 'F32') => {
    const begun = header[name];
    end += bytes.length;
    // Matrices that are one in a checkpoint come one after another.
    header[name] = begun
      ? { dtype, shape: [begun.shape[0] + shape[0], shape[1]], data_offsets: [begun.data_offsets[0], end] }
      : { dtype, shape, data_offsets: [end - bytes.length, end] };
    parts.push(bytes);
  };
  const stacks = new Map<string, GgufStack>();
  const { tensors, spec } = openCheckpoint(gguf);
  for (const { sourceName, shape, offset, bytes } of tensors.values()) {
    const data = Buffer.from(file.subarray(offset, offset + bytes));
    if (ofModel.family === 'gpt-oss' && sourceName.includes('_exps.')) {
      stacks.set(sourceName, { shape, data });
      continue;
    }
    if (sourceName.endsWith('norm.weight'))
      for (let at = 0; at < bytes; at += 4) data.writeFloatLE(data.readFloatLE(at) - normOffset, at);
    const [, layer, rest] = /^blk\.(\d+)\.(.+)$/.exec(sourceName) ?? [];
    if (layer === undefined) {
      const top = { 'token_embd.weight': 'model.embed_tokens.weight', 'output_norm.weight': 'model.norm.weight' };
      add(top[sourceName as keyof typeof top] ?? 'lm_head.weight', shape, data);
      continue;
    }
    const prefix = `model.layers.${layer}.`;
    const stacked = /^ffn_(gate|up|down)_exps/.exec(rest);
    if (!stacked) {
      add(prefix + (renamed?.[rest] ?? RENAMED[rest]), shape, data);
      continue;
    }
    const [experts, ...matrix] = shape;
    for (let e = 0; e < experts; e++)
      add(prefix + expert(e, stacked[1]), matrix, data.subarray((e * bytes) / experts, ((e + 1) * bytes) / experts));
  }
  for (const { name, shape, data, dtype } of gptOssExperts(stacks, ofModel, family.rows ?? 'f32'))
    add(name, shape, data, dtype);
  mkdirSync(folder);
  // The library that writes such files fills the header up with spaces, to a multiple of 8 bytes.
  const json = JSON.stringify(header);
  const padded = json.padEnd(Math.ceil(json.length / 8) * 8);
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([safetensors(padded, 0), ...parts]));
  const shared = {
    hidden_act: ofModel.family.startsWith('gemma') ? 'gelu_pytorch_tanh' : 'silu',
    hidden_size: ofModel.hiddenSize,
    intermediate_size: ofModel.experts?.intermediateSize ?? ofModel.intermediateSize,
    num_hidden_layers: ofModel.numLayers,
    num_attention_heads: ofModel.numAttentionHeads,
    num_key_value_heads: ofModel.numKeyValueHeads,
    head_dim: ofModel.headDim,
    num_experts_per_tok: ofModel.experts?.numExpertsPerToken,
    vocab_size: ofModel.vocabSize,
    max_position_embeddings: ofModel.contextLength,
    rms_norm_eps: 1e-5,
    rope_theta: ofModel.ropeTheta,
    tie_word_embeddings: ofModel.tiedEmbeddings,
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...shared, ...config(spec.rotary?.frequencyFactors) }));
  const vocab = Object.fromEntries(Array.from({ length: 512 }, (_, id) => [`word${id}`, id]));
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
    return { rows: await model.logprobs(IDS, 512), tokens };
  } finally {
    await model.dispose();
  }
}

describe.each(Object.entries(FAMILIES))('a Hugging Face folder of %s', (name, family) => {
  it('predicts and writes what the GGUF file of the same weights does, which llama.cpp agrees with, at every budget', async () => {
    const gguf = join(scratch, `${name}.gguf`);
    writeRandomGguf(gguf, family.shape, 'f32', { rows: family.rows });
    const folder = join(scratch, name.replace(/\W/g, ''));
    writeFolder(gguf, folder, family);
    const { conversion } = await planModel(folder, { contextSize: 64, memory: '1GB' });
    expect(conversion.needed).toBe(family.inPlace === false);
    const expected = await results(gguf, { memory: '256MB' });
    const smallest = async (options: ModelOptions): Promise<ModelOptions> => {
      const { minimumBytes } = await planModel(folder, { ...options, contextSize: 64, memory: '1GB' });
      return { ...options, memory: minimumBytes };
    };
    for (const options of [
      { memory: '256MB' },
      await smallest({}),
      await smallest({ threads: 1, ...(family.shape.experts && { tuning: { cache: 'lru' } }) }),
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
