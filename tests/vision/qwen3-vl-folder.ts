import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { byteLevelTokenizer } from '../support/byte-level-tokenizer.js';
import { GeneratedFolder } from './generated-folder.js';
import { transformersGolden } from './transformers-golden.js';

/** The first of the tokens that are no text: what begins a picture, stands in its place, and ends it. */
const SPECIAL = ['<|video_pad|>', '<|vision_start|>', '<|image_pad|>', '<|vision_end|>'];

function addTower(files: GeneratedFolder): void {
  const { vision } = transformersGolden.qwen3vl;
  const { hidden_size: width, patch_size: patch, spatial_merge_size: merge, intermediate_size: inner } = vision;
  const eyes = 'model.visual.';
  const joined = width * merge ** 2;
  files.add(`${eyes}patch_embed.proj.weight`, [width, 3, vision.temporal_patch_size, patch, patch], 0.5);
  files.add(`${eyes}patch_embed.proj.bias`, [width], 0.2);
  files.add(`${eyes}pos_embed.weight`, [vision.num_position_embeddings, width]);
  for (let block = 0; block < vision.depth; block++) {
    const name = `${eyes}blocks.${block}.`;
    for (const norm of ['norm1', 'norm2']) files.addNorm(name + norm, width);
    files.addLinear(`${name}attn.qkv`, 3 * width, width);
    files.addLinear(`${name}attn.proj`, width, width);
    files.addLinear(`${name}mlp.linear_fc1`, inner, width);
    files.addLinear(`${name}mlp.linear_fc2`, width, inner);
  }
  const mergers = ['merger', ...vision.deepstack_visual_indexes.map((_, at) => `deepstack_merger_list.${at}`)];
  for (const [at, merger] of mergers.entries()) {
    files.addNorm(`${eyes}${merger}.norm`, at === 0 ? width : joined);
    files.addLinear(`${eyes}${merger}.linear_fc1`, joined, joined);
    files.addLinear(`${eyes}${merger}.linear_fc2`, vision.out_hidden_size, joined);
  }
}

function addText(files: GeneratedFolder): void {
  const { text } = transformersGolden.qwen3vl;
  const width = text.hidden_size;
  const model = 'model.language_model.';
  files.add(`${model}embed_tokens.weight`, [text.vocab_size, width]);
  files.add(`${model}norm.weight`, [width], 1, 1);
  files.addMatrix('lm_head', text.vocab_size, width);
  for (let layer = 0; layer < text.num_hidden_layers; layer++) {
    const name = `${model}layers.${layer}.`;
    for (const norm of ['input', 'post_attention']) files.add(`${name}${norm}_layernorm.weight`, [width], 1, 1);
    for (const norm of ['q_norm', 'k_norm']) files.add(`${name}self_attn.${norm}.weight`, [text.head_dim], 1, 1);
    files.addMatrix(`${name}self_attn.q_proj`, text.num_attention_heads * text.head_dim, width);
    for (const part of 'kv')
      files.addMatrix(`${name}self_attn.${part}_proj`, text.num_key_value_heads * text.head_dim, width);
    files.addMatrix(`${name}self_attn.o_proj`, width, text.num_attention_heads * text.head_dim);
    for (const part of ['gate', 'up']) files.addMatrix(`${name}mlp.${part}_proj`, text.intermediate_size, width);
    files.addMatrix(`${name}mlp.down_proj`, width, text.intermediate_size);
  }
}

/** Writes the model of tests/golden/transformers_vision.py to a folder that is not there yet. */
export function writeQwen3Vl(path: string): void {
  const { vision, text, ids, processor } = transformersGolden.qwen3vl;
  mkdirSync(path);
  const files = new GeneratedFolder();
  addTower(files);
  addText(files);
  writeFileSync(join(path, 'model.safetensors'), files.safetensors());
  const json = (name: string, value: object) => writeFileSync(join(path, name), JSON.stringify(value));
  json('config.json', {
    architectures: ['Qwen3VLForConditionalGeneration'],
    model_type: 'qwen3_vl',
    ...ids,
    vision_config: { model_type: 'qwen3_vl', ...vision },
    text_config: { model_type: 'qwen3_vl_text', hidden_act: 'silu', ...text },
  });
  json('preprocessor_config.json', {
    image_processor_type: 'Qwen2VLImageProcessor',
    ...{ patch_size: vision.patch_size, merge_size: vision.spatial_merge_size, temporal_patch_size: 2 },
    ...processor,
  });
  const tokenizer = byteLevelTokenizer(94);
  const first = ids.vision_start_token_id - 1;
  const added = SPECIAL.map((content, at) => ({
    ...{ id: first + at, content, special: true },
    ...{ lstrip: false, rstrip: false, single_word: false, normalized: false },
  }));
  json('tokenizer.json', { ...tokenizer, added_tokens: added });
}
