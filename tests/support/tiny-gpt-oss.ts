import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { random } from '../import/support.js';
import { safetensors, type TensorHeader, writeJson } from './tiny-hugging-face.js';

export const [HIDDEN, NEURONS, EXPERTS] = [64, 32, 3];
const [HEADS, KEYS, HEAD, VOCAB] = [2, 1, 16, 8];

/** config.json of a gpt-oss with one layer and three experts. */
export const CONFIG = {
  architectures: ['GptOssForCausalLM'],
  model_type: 'gpt_oss',
  attention_bias: true,
  hidden_size: HIDDEN,
  intermediate_size: NEURONS,
  num_hidden_layers: 1,
  num_attention_heads: HEADS,
  num_key_value_heads: KEYS,
  head_dim: HEAD,
  vocab_size: VOCAB,
  max_position_embeddings: 64,
  rope_theta: 150000,
  sliding_window: 8,
  layer_types: ['sliding_attention'],
  num_local_experts: EXPERTS,
  num_experts_per_tok: 2,
  quantization_config: { quant_method: 'mxfp4' },
};

export interface Tensor {
  dtype: 'F32' | 'BF16' | 'U8';
  shape: number[];
}
export type Tensors = Record<string, Tensor>;

export const LAYER = 'model.layers.0.';
export const EXPERT = `${LAYER}mlp.experts.`;
export const floats = (...shape: number[]): Tensor => ({ dtype: 'BF16', shape });
export const bytes = (...shape: number[]): Tensor => ({ dtype: 'U8', shape });

const RESIDENT: Tensors = {
  'model.embed_tokens.weight': floats(VOCAB, HIDDEN),
  [`${LAYER}input_layernorm.weight`]: floats(HIDDEN),
  [`${LAYER}post_attention_layernorm.weight`]: floats(HIDDEN),
  [`${LAYER}self_attn.q_proj.weight`]: floats(HEADS * HEAD, HIDDEN),
  [`${LAYER}self_attn.q_proj.bias`]: floats(HEADS * HEAD),
  [`${LAYER}self_attn.k_proj.weight`]: floats(KEYS * HEAD, HIDDEN),
  [`${LAYER}self_attn.k_proj.bias`]: floats(KEYS * HEAD),
  [`${LAYER}self_attn.v_proj.weight`]: floats(KEYS * HEAD, HIDDEN),
  [`${LAYER}self_attn.v_proj.bias`]: floats(KEYS * HEAD),
  [`${LAYER}self_attn.o_proj.weight`]: floats(HIDDEN, HEADS * HEAD),
  [`${LAYER}self_attn.o_proj.bias`]: floats(HIDDEN),
  [`${LAYER}self_attn.sinks`]: floats(HEADS),
  [`${LAYER}mlp.router.weight`]: floats(EXPERTS, HIDDEN),
  [`${LAYER}mlp.router.bias`]: floats(EXPERTS),
  [`${EXPERT}gate_up_proj_bias`]: floats(EXPERTS, 2 * NEURONS),
  [`${EXPERT}down_proj_bias`]: floats(EXPERTS, HIDDEN),
  'model.norm.weight': floats(HIDDEN),
  'lm_head.weight': floats(VOCAB, HIDDEN),
};
/** Its tensors, as published. */
export const PACKED: Tensors = {
  ...RESIDENT,
  [`${EXPERT}gate_up_proj_blocks`]: bytes(EXPERTS, 2 * NEURONS, HIDDEN / 32, 16),
  [`${EXPERT}gate_up_proj_scales`]: bytes(EXPERTS, 2 * NEURONS, HIDDEN / 32),
  [`${EXPERT}down_proj_blocks`]: bytes(EXPERTS, HIDDEN, NEURONS / 32, 16),
  [`${EXPERT}down_proj_scales`]: bytes(EXPERTS, HIDDEN, NEURONS / 32),
};
/** And as fine-tunes have them. */
export const UNPACKED: Tensors = {
  ...RESIDENT,
  [`${EXPERT}gate_up_proj`]: floats(EXPERTS, HIDDEN, 2 * NEURONS),
  [`${EXPERT}down_proj`]: floats(EXPERTS, NEURONS, HIDDEN),
};

/** A folder of random weights, exponents between 100 and 131. Gives their bytes by tensor name. */
export function writeGptOss(path: string, tensors: Tensors, config: object): Map<string, Buffer> {
  const next = random(7);
  const header: TensorHeader = {};
  const data = new Map<string, Buffer>();
  let end = 0;
  for (const [name, { dtype, shape }] of Object.entries(tensors)) {
    const values = Buffer.alloc({ F32: 4, BF16: 2, U8: 1 }[dtype] * shape.reduce((a, b) => a * b));
    for (let i = 0; i < values.length; i++) values[i] = Math.floor(256 * next());
    if (dtype === 'BF16') for (let i = 1; i < values.length; i += 2) values[i] = (values[i] & 0x80) | 0x3f;
    if (name.endsWith('_scales')) for (let i = 0; i < values.length; i++) values[i] = 100 + (values[i] & 31);
    header[name] = { dtype, shape, data_offsets: [end, end + values.length] };
    end += values.length;
    data.set(name, values);
  }
  writeFileSync(join(path, 'model.safetensors'), Buffer.concat([safetensors(header, 0), ...data.values()]));
  writeJson(path, 'config.json', config);
  writeJson(path, 'tokenizer.json', { model: { type: 'BPE' } });
  return data;
}
