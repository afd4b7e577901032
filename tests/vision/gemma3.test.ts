import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBridge } from '../../dist/native-bridge/index.js';
import { loadModel, type Model } from '../../dist/src/index.js';
import { decodePicture } from '../../dist/src/vision/decode/decode.js';
import { openVision } from '../../dist/src/vision/open-vision.js';
import { entriesOf, ggufOf, readSafetensors, type Values } from '../support/gguf-of-tensors.js';
import { golden, picture, writeGemma3 } from './gemma3-folder.js';
import { mmprojFile, names, renamed, towerEntries, vocabularyEntries } from './mmproj-file.js';
import { transformersGolden } from './transformers-golden.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-gemma3-'));
const path = join(folder, 'model');
afterAll(() => rmSync(folder, { recursive: true }));

/** Both halves, as llama.cpp's converters write them: norms are whole. */
function writeGguf(place: string): void {
  const { vision, text, tokens, special } = golden;
  const given = readSafetensors(join(path, 'model.safetensors'));
  const whole = (name: string, tensor: Values): Values =>
    /(norm|soft_emb_norm)\.weight$/.test(name) && !name.startsWith('v.')
      ? { ...tensor, values: tensor.values.map((value) => value + 1) }
      : tensor;
  const tower = towerEntries(
    {
      ...{ image_size: vision.size, patch_size: vision.patch, hidden_size: vision.hidden },
      ...{ intermediate_size: vision.inner, num_attention_heads: vision.heads, num_hidden_layers: vision.layers },
      layer_norm_eps: vision.eps,
    },
    { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] },
  );
  const scale = vision.size / vision.patch / Math.sqrt(tokens);
  writeFileSync(
    join(place, 'mmproj-gemma-F32.gguf'),
    mmprojFile(
      { projector: 'gemma3', vision: { ...tower, 'projector.scale_factor': scale }, more: { 'clip.use_gelu': true } },
      renamed(given, names.gemma3.mmproj, whole),
    ),
  );
  const key = (name: string) => `gemma3.${name}`;
  const metadata = entriesOf({
    'general.architecture': 'gemma3',
    [key('context_length')]: 512,
    [key('embedding_length')]: text.hidden,
    [key('block_count')]: text.layers,
    [key('feed_forward_length')]: text.inner,
    [key('attention.head_count')]: text.heads,
    [key('attention.head_count_kv')]: text.kv,
    [key('attention.key_length')]: text.dim,
    [key('attention.value_length')]: text.dim,
    [key('attention.layer_norm_rms_epsilon')]: 1e-6,
    [key('attention.sliding_window')]: text.window,
    [key('rope.freq_base')]: 1e6,
  });
  const vocabulary = vocabularyEntries(text.vocab, {
    ...{ [special.begin]: '<start_of_image>', [special.image]: '<image_soft_token>', [special.end]: '<end_of_image>' },
  });
  const tensors = renamed(given, names.gemma3.text, whole);
  writeFileSync(join(place, 'gemma.gguf'), ggufOf([...metadata, ...vocabulary], tensors));
}

describe('Gemma 3 with pictures', () => {
  let model: Model;
  beforeAll(async () => {
    writeGemma3(path);
    model = await loadModel(path, { memory: '100MB', cacheDir: folder, threads: 2, tuning: { state: 'f32' } });
  });
  afterAll(() => model.dispose());

  it.each([
    ['numpy', golden.features],
    ['PyTorch', transformersGolden.gemma3.features],
  ])('sees what %s sees', (_, features) => {
    const bridge = openBridge({ threads: 1 });
    try {
      const rows = openVision(path).embed(bridge, decodePicture(picture(), 'picture'), () => {});
      expect(rows).toHaveLength(features.length);
      for (const [i, value] of features.entries()) expect(Math.abs(rows[i] - value)).toBeLessThan(1e-4);
    } finally {
      bridge.dispose();
    }
  });

  const cases = [...golden.cases, ...transformersGolden.gemma3.cases];
  it.each(cases)('predicts what numpy and PyTorch predict: $ids.length tokens', async ({ ids, lnp }) => {
    const count = ids.filter((id) => id === golden.special.begin).length;
    const images = Array.from({ length: count }, picture);
    const rows = await model.logprobs(ids, golden.text.vocab, { images });
    for (const [at, row] of lnp.entries()) {
      const found = new Map(rows[at]);
      for (const [id, value] of row.entries()) expect(Math.abs(found.get(id)! - value)).toBeLessThan(1e-3);
    }
    // As a prompt that is generated from, and again with its beginning held.
    const best = rows.at(-1)![0][0];
    for (const _ of [1, 2]) {
      const { tokens } = await model.generate(ids, { images, maxTokens: 1, ignoreEos: true }).result;
      expect(tokens).toEqual([best]);
    }
  });

  it('is the same as a GGUF file with an mmproj file: its pictures stay whole', async () => {
    const place = join(folder, 'gguf');
    mkdirSync(place);
    writeGguf(place);
    const options = { memory: '100MB', cacheDir: folder, threads: 2, tuning: { state: 'f32' as const } };
    const other = await loadModel(join(place, 'gemma.gguf'), options);
    try {
      expect(other.info.vision?.path).toBe(join(place, 'mmproj-gemma-F32.gguf'));
      for (const { ids, lnp } of golden.cases) {
        const images = ids.filter((id) => id === golden.special.begin).map(picture);
        const rows = await other.logprobs(ids, golden.text.vocab, { images });
        for (const [at, row] of lnp.entries()) {
          const found = new Map(rows[at]);
          for (const [id, value] of row.entries()) expect(Math.abs(found.get(id)! - value)).toBeLessThan(1e-3);
        }
      }
    } finally {
      await other.dispose();
    }
  });

  it('writes a picture as transformers does', async () => {
    const ids = await model.tokenize('a<start_of_image>b', { images: [picture()] });
    const { begin, image, end } = golden.special;
    expect(ids.filter((id) => id >= begin)).toEqual([begin, ...new Array(golden.tokens).fill(image), end]);
  });
});
