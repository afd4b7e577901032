import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBridge } from '../../dist/native-bridge/index.js';
import { boxesIn, loadModel, type Model } from '../../dist/src/index.js';
import { decodePicture } from '../../dist/src/vision/decode/decode.js';
import { openVision } from '../../dist/src/vision/open-vision.js';
import { byteLevelTokenizer } from '../support/byte-level-tokenizer.js';
import { GeneratedFolder } from './generated-folder.js';

/** By numpy, in double: tests/golden/ferret.py. */
const golden: {
  vision: Record<'size' | 'patch' | 'hidden' | 'inner' | 'heads' | 'layers' | 'eps', number>;
  text: Record<'vocab' | 'hidden' | 'inner' | 'heads' | 'layers' | 'eps', number>;
  ids: number[];
  features: number[];
  lnp: number[][];
} = JSON.parse(readFileSync(new URL('../golden/ferret.json', import.meta.url), 'utf8'));

const folder = mkdtempSync(join(tmpdir(), 'flashrow-ferret-'));
const path = join(folder, 'model');
afterAll(() => rmSync(folder, { recursive: true }));

/** The id of `<region_fea>`. */
const REGION = 97;

/** The picture of the script, as large as the tower's tiles. */
function picture(): Buffer {
  const { size } = golden.vision;
  const png = new PNG({ width: size, height: size });
  for (let i = 0; i < size * size; i++)
    for (let channel = 0; channel < 4; channel++)
      png.data[4 * i + channel] = channel === 3 ? 255 : ((3 * i + channel) * 7919) % 256;
  return PNG.sync.write(png);
}

const json = (name: string, value: object) => writeFileSync(join(path, name), JSON.stringify(value));

function writeTower(): void {
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
  json('clip/config.json', {
    model_type: 'clip_vision_model',
    ...{ image_size: vision.size, patch_size: vision.patch, hidden_size: vision.hidden },
    ...{ intermediate_size: vision.inner, num_attention_heads: vision.heads, num_hidden_layers: vision.layers },
  });
}

function writeText(): void {
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
  json('config.json', {
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
  json('tokenizer.json', {
    ...tokenizer,
    added_tokens: [
      { id: 0, content: '<unk>', ...unknown },
      { id: REGION, content: '<region_fea>', ...unknown },
    ],
    model: { ...tokenizer.model, vocab: { ...vocab, '\u0120': 95, '\u010a': 96 } },
  });
}

describe('Ferret with pictures', () => {
  let model: Model;
  beforeAll(async () => {
    writeTower();
    writeText();
    model = await loadModel(path, { memory: '100MB', cacheDir: folder, threads: 2, tuning: { state: 'f32' } });
  });
  afterAll(() => model.dispose());

  it('sees what numpy sees', () => {
    const bridge = openBridge({ threads: 1 });
    try {
      const rows = openVision(path).embed(bridge, decodePicture(picture(), 'picture'), () => {});
      expect(rows).toHaveLength(golden.features.length);
      for (const [i, value] of golden.features.entries()) expect(Math.abs(rows[i] - value)).toBeLessThan(1e-4);
    } finally {
      bridge.dispose();
    }
  });

  it('predicts what numpy predicts', async () => {
    const rows = await model.logprobs(golden.ids, golden.text.vocab, { images: [picture()] });
    for (const [at, row] of golden.lnp.entries()) {
      const found = new Map(rows[at]);
      for (const [id, value] of row.entries()) expect(Math.abs(found.get(id)! - value)).toBeLessThan(1e-3);
    }
  });

  it('is asked about regions', async () => {
    const images = [picture()];
    const ask = async (region: { box: number[] } | { point: number[] }) => {
      const regions = [region];
      const ids = await model.tokenize('<image>What is <region>?', { images, regions });
      expect(ids.filter((id) => id === REGION)).toHaveLength(1);
      return { ids, rows: await model.logprobs(ids, 1, { images, regions }) };
    };
    const [one, again, other] = [
      await ask({ box: [1, 2, 20, 20] }),
      await ask({ box: [1, 2, 20, 20] }),
      await ask({ point: [25, 25] }),
    ];
    expect(again).toEqual(one);
    expect(other.rows.at(-1)).not.toEqual(one.rows.at(-1));
    expect(await model.detokenize(one.ids.filter((id) => id > 0 && id < 97))).toContain('What is [35, 71, 714, 714] ');
    const message = [
      { type: 'image', image: images[0] },
      { type: 'text', text: 'What is ' },
      { type: 'region', box: [1, 2, 20, 20] },
      { type: 'text', text: '?' },
    ];
    const text = await model.applyTemplate([{ role: 'user', content: message }]);
    expect(text).toContain('What is [35, 71, 714, 714] <region_fea>? ASSISTANT:');
    const { usage } = await model.chat([{ role: 'user', content: message }], { maxTokens: 1 }).result;
    expect(usage.prompt).toBe(await model.countTokens([{ role: 'user', content: message }]));
  });

  it('refuses regions that are not there', async () => {
    const images = [picture()];
    const box = (...numbers: number[]) => [{ box: numbers }];
    const run = (prompt: string, regions: { box: number[]; image?: number }[]) =>
      model.generate(prompt, { images, regions, maxTokens: 1 }).result;
    await expect(run('<image><region>', box(40, 40, 50, 50))).rejects.toThrow(/has none of one of 28 x 28/);
    await expect(run('<image>', box(1, 1, 5, 5))).rejects.toThrow(/has 0 <region>, and the regions given are 1/);
    await expect(run('<image><region>', [])).rejects.toThrow(/has one <region>, and the regions given are 0/);
    expect(() => run('<image><region>', [{ box: [1, 1, 5, 5], image: 1 }])).toThrow(/one is of 1/);
    expect(() => run('<image><region>', box(1, 1, 5))).toThrow(/an array of regions/);
    expect(() => model.chat([{ role: 'user', content: [{ type: 'region', point: [1, 1] }] }])).toThrow(
      /before any picture/,
    );
  });

  it('is asked in the words that it was trained with', async () => {
    const content = [
      { type: 'image', image: picture() },
      { type: 'text', text: 'What?' },
    ];
    const text = await model.applyTemplate([
      { role: 'user', content },
      { role: 'assistant', content: 'A dog.' },
      { role: 'user', content: 'Where?' },
    ]);
    expect(text.startsWith('A chat between a human and an AI that understands visuals.')).toBe(true);
    const seen = '<unk>'.repeat(16);
    expect(text).toContain(`Follow instructions.  USER: ${seen}\nWhat? ASSISTANT: A dog.</s>USER: Where? ASSISTANT:`);
  });
});

describe('boxes in an answer', () => {
  it('are in pixels, with the words before them', () => {
    const answer = 'There is a dog [100, 200, 500, 600] and a cat [0, 0, 1000, 1000], [10, 20, 30, 40]. No box [1, 2].';
    expect(boxesIn(answer, { width: 2000, height: 500 })).toEqual([
      { text: 'There is a dog', box: [200, 100, 1000, 300] },
      { text: 'and a cat', box: [0, 0, 2000, 500] },
      { text: 'and a cat', box: [20, 10, 60, 20] },
    ]);
    expect(boxesIn('none', { width: 1, height: 1 })).toEqual([]);
  });
});
