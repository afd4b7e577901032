import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { byteLevelTokenizer } from '../support/byte-level-tokenizer.js';
import { GeneratedFolder } from './generated-folder.js';

/** By numpy, in double: tests/golden/ferret.py. */
export const golden: {
  vision: Record<'size' | 'patch' | 'hidden' | 'inner' | 'heads' | 'layers' | 'eps', number>;
  text: Record<'vocab' | 'hidden' | 'inner' | 'heads' | 'layers' | 'eps', number>;
  ids: number[];
  features: number[];
  lnp: number[][];
} = JSON.parse(readFileSync(new URL('../golden/ferret.json', import.meta.url), 'utf8'));

/** The id of `<region_fea>`. */
export const REGION = 97;

/** The picture of the script, as large as the tower's tiles. */
export function picture(): Buffer {
  const { size } = golden.vision;
  const png = new PNG({ width: size, height: size });
  for (let i = 0; i < size * size; i++)
    for (let channel = 0; channel < 4; channel++)
      png.data[4 * i + channel] = channel === 3 ? 255 : ((3 * i + channel) * 7919) % 256;
  return PNG.sync.write(png);
}

const json = (path: string, value: object) => writeFileSync(path, JSON.stringify(value));

function writeTower(path: string): void {
  const { vision } = golden;
  const files = new GeneratedFolder();
  const eyes = 'vision_model.';
  files.add(`${eyes}embeddings.patch_embedding.weight`, [vision.hidden, 3, vision.patch, vision.patch], 0.5);
  files.add(`${eyes}embeddings.class_embedding`, [vision.hidden]);
  files.add(`${eyes}embeddings.position_embedding.weight`, [(vision.size / vision.patch) ** 2 + 1, vision.hidden]);
  files.addNorm(`${eyes}pre_layrnorm`, vision.hidden);
  for (let layer = 0; layer < vision.layers; layer++) {
    const name = `${eyes}encoder.layers.${layer}.`;
    for (const norm of ['layer_norm1', 'layer_norm2']) files.addNorm(name + norm, vision.hidden);
    for (const part of 'qkv') files.addLinear(`${name}self_attn.${part}_proj`, vision.hidden, vision.hidden);
    files.addLinear(`${name}self_attn.out_proj`, vision.hidden, vision.hidden);
    files.addLinear(`${name}mlp.fc1`, vision.inner, vision.hidden);
    files.addLinear(`${name}mlp.fc2`, vision.hidden, vision.inner);
  }
  mkdirSync(join(path, 'clip'), { recursive: true });
  writeFileSync(join(path, 'clip/model.safetensors'), files.safetensors());
  json(join(path, 'clip/config.json'), {
    model_type: 'clip_vision_model',
    ...{ image_size: vision.size, patch_size: vision.patch, hidden_size: vision.hidden },
    ...{ intermediate_size: vision.inner, num_attention_heads: vision.heads, num_hidden_layers: vision.layers },
  });
}

function writeText(path: string): void {
  const { vision, text } = golden;
  const files = new GeneratedFolder();
  files.addLinear('model.mm_projector', text.hidden, vision.hidden);
  const sampler = 'model.region_geo_sampler.';
  for (const stage of [0, 1]) {
    files.addLinear(`${sampler}diff_projector_list.${stage}`, vision.hidden + 2, vision.hidden + 2);
    files.addLinear(`${sampler}agg_projector_list.${stage}.net.0`, vision.hidden, 2 * (vision.hidden + 2));
    files.addNorm(`${sampler}agg_projector_list.${stage}.norm`, vision.hidden);
  }
  files.addLinear(`${sampler}flatten_projector`, vision.hidden, 32 * vision.hidden);
  files.addLinear(`${sampler}dim_projector`, text.hidden, vision.hidden);
  files.reshape(/net\.0\.weight$/, (shape) => [...shape, 1]);
  files.add('model.embed_tokens.weight', [text.vocab, text.hidden]);
  files.addMatrix('lm_head', text.vocab, text.hidden);
  files.add('model.norm.weight', [text.hidden], 1, 1);
  for (let layer = 0; layer < text.layers; layer++) {
    const name = `model.layers.${layer}.`;
    for (const norm of ['input', 'post_attention']) files.add(`${name}${norm}_layernorm.weight`, [text.hidden], 1, 1);
    for (const part of 'qkvo') files.addMatrix(`${name}self_attn.${part}_proj`, text.hidden, text.hidden);
    for (const part of ['gate', 'up']) files.addMatrix(`${name}mlp.${part}_proj`, text.inner, text.hidden);
    files.addMatrix(`${name}mlp.down_proj`, text.hidden, text.inner);
  }
  writeFileSync(join(path, 'model.safetensors'), files.safetensors());
  json(join(path, 'config.json'), {
    architectures: ['FERRETLlamaForCausalLM'],
    model_type: 'ferret',
    ...{ mm_vision_tower: 'clip', mm_vision_select_layer: -2, mm_projector_type: 'linear' },
    ...{ im_region_fea_token: REGION, sampler_pooler_mode: 'max' },
    ...{ vocab_size: text.vocab, hidden_size: text.hidden, intermediate_size: text.inner },
    ...{ num_attention_heads: text.heads, num_hidden_layers: text.layers, rms_norm_eps: text.eps },
    max_position_embeddings: 512,
  });
  const tokenizer = byteLevelTokenizer(94);
  const unknown = { lstrip: false, rstrip: false, single_word: false, normalized: false, special: true };
  const vocab = Object.fromEntries(Object.entries(tokenizer.model.vocab).map(([piece, id]) => [piece, id + 1]));
  json(join(path, 'tokenizer.json'), {
    ...tokenizer,
    added_tokens: [
      { id: 0, content: '<unk>', ...unknown },
      { id: REGION, content: '<region_fea>', ...unknown },
    ],
    model: { ...tokenizer.model, vocab: { ...vocab, '\u0120': 95, '\u010a': 96 } },
  });
}

/** Writes the small Ferret of the script into a folder. */
export function writeFerret(path: string): void {
  mkdirSync(path, { recursive: true });
  writeTower(path);
  writeText(path);
}
