import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { byteLevelTokenizer } from '../support/byte-level-tokenizer.js';
import { GeneratedFolder } from './generated-folder.js';
import { noise } from './noise.js';

/** By numpy, in double: tests/golden/gemma3_vision.py. */
export const golden: {
  vision: Record<'size' | 'patch' | 'hidden' | 'inner' | 'heads' | 'layers' | 'eps', number>;
  text: Record<'vocab' | 'hidden' | 'inner' | 'heads' | 'kv' | 'dim' | 'layers' | 'window' | 'every', number>;
  tokens: number;
  special: Record<'begin' | 'image' | 'end', number>;
  features: number[];
  cases: { ids: number[]; lnp: number[][] }[];
} = JSON.parse(readFileSync(new URL('../golden/gemma3-vision.json', import.meta.url), 'utf8'));

/** The picture of the script, as large as the tower's tiles. */
export const picture = (): Buffer => noise(golden.vision.size, golden.vision.size);

/** Writes the model to a folder that is not there yet. */
export function writeGemma3(path: string): void {
  const { vision, text, tokens, special } = golden;
  mkdirSync(path);
  const files = new GeneratedFolder();
  const eyes = 'vision_tower.vision_model.';
  files.add(`${eyes}embeddings.patch_embedding.weight`, [vision.hidden, 3, vision.patch, vision.patch], 0.5);
  files.add(`${eyes}embeddings.patch_embedding.bias`, [vision.hidden], 0.2);
  files.add(`${eyes}embeddings.position_embedding.weight`, [(vision.size / vision.patch) ** 2, vision.hidden]);
  for (let layer = 0; layer < vision.layers; layer++) {
    const name = `${eyes}encoder.layers.${layer}.`;
    for (const norm of ['layer_norm1', 'layer_norm2']) files.addNorm(name + norm, vision.hidden);
    for (const part of 'qkv') files.addLinear(`${name}self_attn.${part}_proj`, vision.hidden, vision.hidden);
    files.addLinear(`${name}self_attn.out_proj`, vision.hidden, vision.hidden);
    files.addLinear(`${name}mlp.fc1`, vision.inner, vision.hidden);
    files.addLinear(`${name}mlp.fc2`, vision.hidden, vision.inner);
  }
  files.addNorm(`${eyes}post_layernorm`, vision.hidden);
  files.add('multi_modal_projector.mm_soft_emb_norm.weight', [vision.hidden], 0.4);
  files.add('multi_modal_projector.mm_input_projection_weight', [vision.hidden, text.hidden]);
  const model = 'language_model.model.';
  files.add(`${model}embed_tokens.weight`, [text.vocab, text.hidden]);
  files.add(`${model}norm.weight`, [text.hidden], 0.4);
  for (let layer = 0; layer < text.layers; layer++) {
    const name = `${model}layers.${layer}.`;
    for (const norm of ['input', 'post_attention', 'pre_feedforward', 'post_feedforward'])
      files.add(`${name}${norm}_layernorm.weight`, [text.hidden], 0.4);
    for (const norm of ['q_norm', 'k_norm']) files.add(`${name}self_attn.${norm}.weight`, [text.dim], 0.4);
    files.addMatrix(`${name}self_attn.q_proj`, text.heads * text.dim, text.hidden);
    for (const part of 'kv') files.addMatrix(`${name}self_attn.${part}_proj`, text.kv * text.dim, text.hidden);
    files.addMatrix(`${name}self_attn.o_proj`, text.hidden, text.heads * text.dim);
    for (const part of ['gate', 'up']) files.addMatrix(`${name}mlp.${part}_proj`, text.inner, text.hidden);
    files.addMatrix(`${name}mlp.down_proj`, text.hidden, text.inner);
  }
  writeFileSync(join(path, 'model.safetensors'), files.safetensors());
  const json = (name: string, value: object) => writeFileSync(join(path, name), JSON.stringify(value));
  json('config.json', {
    architectures: ['Gemma3ForConditionalGeneration'],
    image_token_index: special.image,
    mm_tokens_per_image: tokens,
    vision_config: {
      model_type: 'siglip_vision_model',
      ...{ image_size: vision.size, patch_size: vision.patch, hidden_size: vision.hidden },
      ...{ intermediate_size: vision.inner, num_attention_heads: vision.heads, num_hidden_layers: vision.layers },
    },
    text_config: {
      model_type: 'gemma3_text',
      ...{ vocab_size: text.vocab, hidden_size: text.hidden, intermediate_size: text.inner, head_dim: text.dim },
      ...{ num_attention_heads: text.heads, num_key_value_heads: text.kv, num_hidden_layers: text.layers },
      ...{ sliding_window: text.window, query_pre_attn_scalar: text.dim, max_position_embeddings: 512 },
    },
  });
  json('preprocessor_config.json', {
    image_processor_type: 'Gemma3ImageProcessor',
    size: { height: vision.size, width: vision.size },
    do_pan_and_scan: null,
  });
  const tokenizer = byteLevelTokenizer(94);
  const added = ['<start_of_image>', '<image_soft_token>', '<end_of_image>'].map((content, at) => ({
    ...{ id: special.begin + at, content, special: true },
    ...{ lstrip: false, rstrip: false, single_word: false, normalized: false },
  }));
  json('tokenizer.json', { ...tokenizer, added_tokens: added });
}
