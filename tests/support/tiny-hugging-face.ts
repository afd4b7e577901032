import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type TensorHeader = Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>;

/** config.json of a model with one layer, hidden 8, two heads of 4, one key/value head, 12 neurons, 16 tokens. */
export const TINY_CONFIG = {
  architectures: ['LlamaForCausalLM'],
  hidden_act: 'relu',
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 16,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  bos_token_id: 1,
  eos_token_id: [2, 3],
};

const SHAPES: Record<string, number[]> = {
  'model.embed_tokens.weight': [16, 8],
  'model.layers.0.input_layernorm.weight': [8],
  'model.layers.0.self_attn.q_proj.weight': [8, 8],
  'model.layers.0.self_attn.k_proj.weight': [4, 8],
  'model.layers.0.self_attn.v_proj.weight': [4, 8],
  'model.layers.0.self_attn.o_proj.weight': [8, 8],
  'model.layers.0.post_attention_layernorm.weight': [8],
  'model.layers.0.mlp.gate_proj.weight': [12, 8],
  'model.layers.0.mlp.up_proj.weight': [12, 8],
  'model.layers.0.mlp.down_proj.weight': [8, 12],
  'model.norm.weight': [8],
  'lm_head.weight': [16, 8],
};

/** The header of tensors `names`, back to back in f32. */
export function tinyHeader(names = Object.keys(SHAPES)): TensorHeader {
  let end = 0;
  return Object.fromEntries(
    names.map((name) => {
      const start = end;
      end += 4 * SHAPES[name].reduce((a, b) => a * b);
      return [name, { dtype: 'F32', shape: SHAPES[name], data_offsets: [start, end] }];
    }),
  );
}

/** A safetensors file; `header` may be text or bytes where no object can say it. */
export function safetensors(header: object | string | Buffer, dataBytes?: number, length?: bigint): Buffer {
  const json = Buffer.isBuffer(header)
    ? header
    : Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(json.length));
  const ends =
    typeof header === 'object' && !Buffer.isBuffer(header)
      ? Object.values(header as TensorHeader).map((t) => t?.data_offsets?.[1] ?? 0)
      : [0];
  return Buffer.concat([prefix, json, Buffer.alloc(dataBytes ?? Math.max(...ends), 7)]);
}

export const writeJson = (folder: string, name: string, value: unknown) =>
  writeFileSync(join(folder, name), typeof value === 'string' ? value : JSON.stringify(value));

/** A whole folder in good order. */
export function writeTinyModel(folder: string): void {
  writeJson(folder, 'config.json', TINY_CONFIG);
  writeJson(folder, 'tokenizer.json', { model: { type: 'BPE' } });
  writeFileSync(join(folder, 'model.safetensors'), safetensors(tinyHeader()));
}
