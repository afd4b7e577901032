import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBridge } from '../../dist/native-bridge/index.js';
import { loadModel, type Model, planModel } from '../../dist/src/index.js';
import { decodePicture } from '../../dist/src/vision/decode/decode.js';
import { findVision } from '../../dist/src/vision/find-vision.js';
import { openVision } from '../../dist/src/vision/open-vision.js';
import { visionBytes } from '../../dist/src/vision/vision-bytes.js';
import { entriesOf, ggufOf, readSafetensors, type Values } from '../support/gguf-of-tensors.js';
import { modelSpec } from '../support/spec.js';
import { mmprojFile, names, renamed, vocabularyEntries } from './mmproj-file.js';
import { noise } from './noise.js';
import { writeQwen3Vl } from './qwen3-vl-folder.js';
import { transformersGolden } from './transformers-golden.js';

const { pictures, seen, cases, ids, vision, text, processor } = transformersGolden.qwen3vl;
const folder = mkdtempSync(join(tmpdir(), 'flashrow-qwen3-vl-'));
const path = join(folder, 'model');
const mmproj = join(folder, 'mmproj.gguf');
const bridge = openBridge({ threads: 2 });
writeQwen3Vl(path);
writeMmproj();
afterAll(() => {
  bridge.dispose();
  rmSync(folder, { recursive: true });
});

/**
 * The tower as an mmproj file: frames apart, deepstack by the number of its layer (llama.cpp, conversion/qwen3vl.py).
 */
function writeMmproj(): void {
  const given = readSafetensors(join(path, 'model.safetensors'));
  const tensors = new Map<string, Values>();
  for (const [name, tensor] of renamed(given, names.qwen3vl.mmproj)) {
    const stacked = /^v\.deepstack\.(\d)\.(.+)$/.exec(name);
    tensors.set(
      stacked ? `v.deepstack.${vision.deepstack_visual_indexes[Number(stacked[1])]}.${stacked[2]}` : name,
      tensor,
    );
  }
  const whole = tensors.get('v.patch_embd.weight')!;
  const size = vision.patch_size ** 2;
  for (const frame of [0, 1]) {
    const values = new Float32Array(whole.values.length / 2);
    for (let row = 0; row < values.length / size; row++)
      values.set(whole.values.subarray((2 * row + frame) * size, (2 * row + frame + 1) * size), row * size);
    const shape = [vision.hidden_size, 3, vision.patch_size, vision.patch_size];
    tensors.set(frame === 0 ? 'v.patch_embd.weight' : 'v.patch_embd.weight.1', { shape, values });
  }
  const metadata = {
    ...{ image_size: 20, patch_size: vision.patch_size, embedding_length: vision.hidden_size },
    ...{ feed_forward_length: vision.intermediate_size, 'attention.head_count': vision.num_heads },
    ...{ 'attention.layer_norm_epsilon': 1e-6, block_count: vision.depth, spatial_merge_size: 2 },
    ...{ image_min_pixels: processor.min_pixels, image_max_pixels: processor.max_pixels },
    is_deepstack_layers: Array.from({ length: vision.depth }, (_, i) => vision.deepstack_visual_indexes.includes(i)),
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711],
  };
  writeFileSync(
    mmproj,
    mmprojFile({ projector: 'qwen3vl_merger', vision: metadata, more: { 'clip.use_gelu': true } }, tensors),
  );
}

/** The text half as a GGUF file. */
function writeText(to: string): void {
  const key = (name: string) => `qwen3vl.${name}`;
  const metadata = entriesOf({
    'general.architecture': 'qwen3vl',
    [key('context_length')]: text.max_position_embeddings,
    [key('embedding_length')]: text.hidden_size,
    [key('block_count')]: text.num_hidden_layers,
    [key('feed_forward_length')]: text.intermediate_size,
    [key('attention.head_count')]: text.num_attention_heads,
    [key('attention.head_count_kv')]: text.num_key_value_heads,
    [key('attention.key_length')]: text.head_dim,
    [key('attention.value_length')]: text.head_dim,
    [key('attention.layer_norm_rms_epsilon')]: 1e-6,
    [key('rope.freq_base')]: text.rope_theta,
    [key('rope.dimension_sections')]: [...text.rope_scaling.mrope_section, 0],
    [key('n_deepstack_layers')]: vision.deepstack_visual_indexes.length,
  });
  const vocabulary = vocabularyEntries(text.vocab_size, { [ids.image_token_id]: '<|image_pad|>' });
  const tensors = renamed(readSafetensors(join(path, 'model.safetensors')), names.qwen3vl.text);
  writeFileSync(to, ggufOf([...metadata, ...vocabulary], tensors));
}

const near = (found: ArrayLike<number>, expected: readonly number[], most: number) => {
  for (const [i, value] of expected.entries()) expect(Math.abs(found[i] - value)).toBeLessThan(most);
};

/** By PyTorch and transformers: tests/golden/transformers_vision.py. */
describe('Qwen3-VL with pictures', () => {
  it.each([
    ['folder', path],
    ['mmproj file', mmproj],
  ])('sees from a %s what PyTorch sees', (_, from) => {
    const eyes = openVision(from, () => ids.image_token_id);
    expect(eyes.deepstack).toBe(vision.deepstack_visual_indexes.length);
    for (const [at, [width, height]] of pictures.entries()) {
      const { grid, shape, first, last, mean, std } = seen[at];
      const rows = eyes.embed(bridge, decodePicture(noise(width, height), 'picture'), () => {});
      expect(eyes.grid!({ width, height })).toEqual({ rows: grid[1] / 2, columns: grid[2] / 2 });
      expect(rows.length).toBe(shape[0] * shape[1] * shape[2]);
      expect(eyes.tokens({ width, height })).toBe(shape[0]);
      expect(shape[0]).toBeLessThanOrEqual(eyes.mostTokens);
      near(rows, first, 1e-4);
      near(rows.subarray(rows.length - last.length), last, 1e-4);
      const found = rows.reduce((sum, value) => sum + value, 0) / rows.length;
      const spread = Math.sqrt(rows.reduce((sum, value) => sum + (value - found) ** 2, 0) / (rows.length - 1));
      near([found, spread], [mean, std], 1e-5);
    }
  });

  it('refuses a picture that is all too long', () => {
    expect(() => openVision(path).tokens({ width: 2010, height: 10 })).toThrow(/201 times as long/);
  });

  describe.each([
    ['in passes of a whole prompt', {}],
    ['with three sequences', { sequences: 3 }],
  ])('%s', (_, more) => {
    let model: Model;
    beforeAll(async () => {
      model = await loadModel(path, {
        memory: '100MB',
        cacheDir: folder,
        threads: 2,
        tuning: { state: 'f32' },
        ...more,
      });
    });
    afterAll(() => model.dispose());

    it.each(cases)('predicts what PyTorch predicts: $pictures, $ids.length tokens', async (one) => {
      const images = one.pictures.map((at) => noise(...pictures[at]));
      const rows = await model.logprobs(one.ids, text.vocab_size, { images });
      for (const [at, expected] of one.lnp.entries()) {
        const found = new Map(rows[at]);
        near(
          expected.map((_value, id) => found.get(id)!),
          expected,
          1e-3,
        );
      }
      // As a prompt that is generated from, and again with its beginning held.
      for (const _again of [1, 2]) {
        const { tokens } = await model.generate(one.ids, { images, maxTokens: 6, ignoreEos: true }).result;
        expect(tokens).toEqual(one.then);
      }
    });

    it('goes on after a picture with another one', async () => {
      const [first, second] = [cases[1], cases[4]];
      const images = (one: (typeof cases)[0]) => one.pictures.map((at) => noise(...pictures[at]));
      await model.generate(first.ids, { images: images(first), maxTokens: 2, ignoreEos: true }).result;
      const { tokens } = await model.generate(second.ids, { images: images(second), maxTokens: 6, ignoreEos: true })
        .result;
      expect(tokens).toEqual(second.then);
    });
  });

  it.each(['a folder', 'a GGUF file'])('says the same as %s with an mmproj file', async (kind) => {
    const options = { memory: '100MB', cacheDir: folder, threads: 2, tuning: { state: 'f32' as const } };
    const file = join(folder, 'text.gguf');
    writeText(file);
    const model = await loadModel(kind === 'a folder' ? path : file, { ...options, vision: mmproj });
    try {
      const one = cases[5];
      const images = one.pictures.map((at) => noise(...pictures[at]));
      const { tokens } = await model.generate(one.ids, { images, maxTokens: 6, ignoreEos: true }).result;
      expect(tokens).toEqual(one.then);
    } finally {
      await model.dispose();
    }
  });

  it('does not see for a text half that knows no rows and columns', () => {
    const { hidden_size: hiddenSize, head_dim: headDim } = text;
    const spec = modelSpec({ architecture: 'qwen3.5', hiddenSize, headDim });
    expect(() => visionBytes(mmproj, spec)).toThrow(/positions by row and column, which models of qwen3\.5/);
    const place = join(folder, 'beside');
    mkdirSync(place);
    for (const name of ['m-Q8_0.gguf', 'mmproj-F16.gguf']) copyFileSync(mmproj, join(place, name));
    expect(findVision(join(place, 'm-Q8_0.gguf'), spec)).toBeNull();
    const rotary = { ...spec.rotary!, sections: [3, 3, 2] };
    expect(findVision(join(place, 'm-Q8_0.gguf'), { ...spec, rotary })).toBe(join(place, 'mmproj-F16.gguf'));
    expect(() => visionBytes(mmproj, { ...spec, rotary, numLayers: 1 })).toThrow(/after 2 layers, and the model has 1/);
  });

  it('writes a picture as transformers does', async () => {
    const model = await loadModel(path, { memory: '100MB', cacheDir: folder, threads: 1 });
    try {
      const count = seen[1].shape[0];
      const block = [297, ...new Array(count).fill(ids.image_token_id), 299];
      const images = [noise(...pictures[1])];
      const marked = await model.tokenize('<|vision_start|><|image_pad|><|vision_end|>a', { images });
      expect(marked.slice(0, -1)).toEqual(block);
      expect((await model.tokenize('b<image>a', { images })).slice(1, -1)).toEqual(block);
    } finally {
      await model.dispose();
    }
  });

  it('takes memory that the plan counts by the context', async () => {
    mkdirSync(join(folder, 'plans'));
    const options = { memory: '100MB', cacheDir: join(folder, 'plans'), threads: 1 };
    const [short, long] = [
      await planModel(path, { ...options, contextSize: 16 }),
      await planModel(path, { ...options, contextSize: 32 }),
    ];
    expect(long.scratchBytes).toBeGreaterThan(short.scratchBytes + 16 * 4 * 32 * 3);
  });
});
