import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openBridge } from '../../dist/native-bridge/index.js';
import { loadModel } from '../../dist/src/index.js';
import { decodePicture } from '../../dist/src/vision/decode/decode.js';
import { findVision } from '../../dist/src/vision/find-vision.js';
import { mmprojFor } from '../../dist/src/vision/mmproj/mmproj-names.js';
import { openVision } from '../../dist/src/vision/open-vision.js';
import { entriesOf, ggufOf, readSafetensors, type Weights } from '../support/gguf-of-tensors.js';
import { haveSharedData, sharedJson, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { modelSpec } from '../support/spec.js';
import { type ClipEntries, interleaved, mmprojFile, names, renamed, towerEntries } from './mmproj-file.js';

interface Case {
  image: string | string[] | null;
  prompt: string;
  ids: number[];
  top: [number, [number, number][]][];
  then: [number, unknown][];
  features?: { first: number[]; mean: number };
}

const folder = mkdtempSync(join(tmpdir(), 'flashrow-mmproj-'));
const bridge = openBridge({ threads: 2 });
afterAll(() => {
  bridge.dispose();
  rmSync(folder, { recursive: true });
});

type Kind = 'llava' | 'smolvlm';

/** What llama.cpp's converters write of these models. */
function entries(kind: Kind): ClipEntries {
  const { vision_config: vision, scale_factor: scale } = sharedJson(`vision/${kind}/config.json`);
  const processor = sharedJson(`vision/${kind}/preprocessor_config.json`);
  const tower = towerEntries(vision, processor);
  if (kind === 'smolvlm')
    return {
      projector: 'idefics3',
      vision: { ...tower, 'projector.scale_factor': scale, preproc_image_size: processor.size.longest_edge },
      more: { 'clip.use_gelu': true },
    };
  // The last layer and the last norm are left out.
  return { projector: 'mlp', vision: { ...tower, block_count: vision.num_hidden_layers - 1 } };
}

function tensorsOf(kind: Kind) {
  const tensors = renamed(readSafetensors(sharedPath(`vision/${kind}/model.safetensors`)), names[kind].mmproj);
  if (kind === 'llava')
    for (const name of tensors.keys()) if (/^v\.(blk\.2|post_ln)\./.test(name)) tensors.delete(name);
  return tensors;
}

function writeMmproj(kind: Kind, name: string, weights: Weights = 'f32'): string {
  const path = join(folder, name);
  writeFileSync(path, mmprojFile(entries(kind), tensorsOf(kind), weights));
  return path;
}

/** The text half as a GGUF file: Llama, its vocabulary of bytes with merges. */
function writeText(kind: Kind, path: string): void {
  const { text_config: text } = sharedJson(`vision/${kind}/config.json`);
  const { model, added_tokens: added } = sharedJson(`vision/${kind}/tokenizer.json`);
  const tokens = Array.from({ length: text.vocab_size }, (_, id) => `[PAD${id}]`);
  const types = tokens.map(() => 5);
  for (const [token, id] of Object.entries<number>(model.vocab)) [tokens[id], types[id]] = [token, 1];
  for (const { id, content } of added) [tokens[id], types[id]] = [content, 3];
  const tensors = renamed(
    readSafetensors(sharedPath(`vision/${kind}/model.safetensors`)),
    names[kind].text,
    (name, tensor) => {
      if (name.endsWith('attn_q.weight')) return interleaved(tensor, text.num_attention_heads);
      return name.endsWith('attn_k.weight') ? interleaved(tensor, text.num_key_value_heads) : tensor;
    },
  );
  const metadata = entriesOf({
    'general.architecture': 'llama',
    'llama.context_length': text.max_position_embeddings,
    'llama.embedding_length': text.hidden_size,
    'llama.block_count': text.num_hidden_layers,
    'llama.feed_forward_length': text.intermediate_size,
    'llama.attention.head_count': text.num_attention_heads,
    'llama.attention.head_count_kv': text.num_key_value_heads,
    'llama.attention.layer_norm_rms_epsilon': text.rms_norm_eps,
    'llama.rope.dimension_count': text.head_dim,
    'llama.rope.freq_base': text.rope_theta,
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.merges': model.merges.map((pair: string | string[]) => [pair].flat().join(' ')),
    'tokenizer.ggml.bos_token_id': 1,
    'tokenizer.ggml.eos_token_id': 2,
    'tokenizer.ggml.add_bos_token': kind === 'llava',
  });
  const kinds = { type: 5, values: types, length: BigInt(types.length) };
  writeFileSync(path, ggufOf([...metadata, ['tokenizer.ggml.token_type', 9, kinds]], tensors));
}

/** The right values are those of transformers 4.57.6 in f32: SOURCE.txt beside the files. */
describe.skipIf(!haveSharedData).each(['llava', 'smolvlm'] as const)(
  `an mmproj file of %s${withoutSharedData}`,
  (kind) => {
    const cases: Case[] = haveSharedData ? sharedJson(`vision/${kind}.json`).cases : [];
    const pictures = ({ image }: Case) => (image === null ? [] : [image].flat());
    const pathOf = (name: string) => sharedPath(`vision/pictures/${name}`);
    const see = (path: string, name: string) => {
      const { token, id } = { token: '<image>', id: 7 };
      const vision = openVision(path, (asked) => (asked === token ? id : null));
      expect([vision.imageToken, vision.imageTokenId]).toEqual([token, id]);
      return vision.embed(bridge, decodePicture(readFileSync(pathOf(name)), name), () => {});
    };

    it('sees what transformers sees', () => {
      const path = writeMmproj(kind, `${kind}-sees.gguf`);
      for (const one of cases.filter(({ image }) => typeof image === 'string')) {
        const rows = see(path, String(one.image));
        const mean = rows.reduce((sum, value) => sum + value, 0) / rows.length;
        for (const [i, value] of one.features!.first.entries()) expect(Math.abs(rows[i] - value)).toBeLessThan(1e-4);
        expect(Math.abs(mean - one.features!.mean)).toBeLessThan(1e-5);
      }
    });

    it.each([
      ['f16', 0.01],
      ['q8_0', 0.1],
    ] as const)('sees nearly that in %s', (weights, near) => {
      const exact = see(writeMmproj(kind, `${kind}-f32.gguf`), 'photo.png');
      const rows = see(writeMmproj(kind, `${kind}-${weights}.gguf`, weights), 'photo.png');
      const off = rows.map((value, i) => Math.abs(value - exact[i]));
      expect(Math.max(...off)).toBeGreaterThan(0);
      expect(off.reduce((sum, value) => sum + value, 0) / off.length).toBeLessThan(near);
    });

    it('gives a GGUF file of its text half eyes, where it lies beside it', async () => {
      const place = join(folder, kind);
      mkdirSync(place);
      const text = join(place, 'tiny-f32.gguf');
      writeText(kind, text);
      writeFileSync(join(place, 'mmproj-F32.gguf'), mmprojFile(entries(kind), tensorsOf(kind)));
      const model = await loadModel(text, { memory: '300MB', cacheDir: folder, threads: 2 });
      try {
        expect(model.info.vision?.path).toBe(join(place, 'mmproj-F32.gguf'));
        for (const one of cases.filter(({ image }) => !String(image).endsWith('.jpg'))) {
          const images = pictures(one).map(pathOf);
          const ids = await model.tokenize(one.prompt, { images });
          expect(ids).toEqual(one.ids);
          const rows = await model.logprobs(ids, 8, { images });
          for (const [index, top] of one.top)
            for (const [at, [id, lnp]] of top.entries()) {
              expect(rows[index][at][0]).toBe(id);
              expect(Math.abs(rows[index][at][1] - lnp)).toBeLessThan(0.001);
            }
        }
        const { image, prompt, then } = cases.find(({ image: name }) => name === 'photo.png')!;
        const { tokens } = await model.generate(prompt, { images: [pathOf(String(image))], maxTokens: 8 }).result;
        expect(tokens).toEqual(then.map(([id]) => id));
      } finally {
        await model.dispose();
      }
    });

    it('belongs to models of its width', async () => {
      const place = join(folder, `${kind}-of-another`);
      mkdirSync(place);
      const text = join(place, 'tiny-f32.gguf');
      writeText(kind, text);
      writeFileSync(join(place, 'mmproj-F32.gguf'), mmprojFile(entries(kind), tensorsOf(kind)));
      const [own, other] = [64, 96].map((hiddenSize) => modelSpec({ hiddenSize }));
      expect([findVision(text, own), findVision(place, own)]).toEqual(
        new Array(2).fill(join(place, 'mmproj-F32.gguf')),
      );
      expect(findVision(text, other)).toBeNull();
    });
  },
);

describe.skipIf(!haveSharedData)(`an mmproj file${withoutSharedData}`, () => {
  const refuses = (name: string, change: (entries: ClipEntries) => ClipEntries, code: string, message: RegExp) => {
    const path = join(folder, name);
    writeFileSync(path, mmprojFile(change(entries('llava')), tensorsOf('llava')));
    expect(() => openVision(path, () => 1)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  };
  const more = (added: ClipEntries['more']) => (given: ClipEntries) => ({ ...given, more: added });
  const vision = (added: ClipEntries['vision']) => (given: ClipEntries) => ({
    ...given,
    vision: { ...given.vision, ...added },
  });

  it('of a kind that is not known is refused by its name', () => {
    refuses(
      'pixtral.gguf',
      (given) => ({ ...given, projector: 'pixtral' }),
      'UNSUPPORTED',
      /type "pixtral"; supported/,
    );
    refuses('sound.gguf', more({ 'clip.has_vision_encoder': false }), 'UNSUPPORTED', /has to do with sound/);
    refuses('silu.gguf', more({ 'clip.use_silu': true }), 'UNSUPPORTED', /use_silu/);
    refuses('tiles.gguf', vision({ image_grid_pinpoints: [336, 672] }), 'UNSUPPORTED', /LLaVA 1.6/);
    refuses('layers.gguf', vision({ feature_layer: [1, 2] }), 'UNSUPPORTED', /one layer is supported/);
    refuses('deep.gguf', vision({ feature_layer: 3 }), 'CORRUPT', /there are 2 layers/);
    refuses('odd.gguf', vision({ block_count: 3 }), 'CORRUPT', /v\.blk\.2\.\S+ is missing/);
  });

  it('with another text model in it is refused', () => {
    const path = join(folder, 'text.gguf');
    writeText('llava', path);
    expect(() => openVision(path)).toThrow(/"general.architecture" is llama; .*"clip"/);
  });

  it('needs a token that pictures take the place of', () => {
    const path = writeMmproj('llava', 'tokens.gguf');
    const token = openVision(path, (asked) => (asked === '<unk>' ? 0 : null)).imageToken;
    expect(token).toBe('<unk>');
    expect(() => openVision(path, () => null)).toThrow(/no <image> and no <unk>/);
  });

  it('of LLaVA says how conversations are written, for a text half that does not', async () => {
    const place = join(folder, 'chat');
    mkdirSync(place);
    writeText('llava', join(place, 'tiny.gguf'));
    const vision = writeMmproj('llava', 'chat.gguf');
    const model = await loadModel(join(place, 'tiny.gguf'), { memory: '300MB', cacheDir: folder, threads: 2, vision });
    try {
      const picture = { type: 'image', image: sharedPath('vision/pictures/dot.png') } as const;
      const messages = [{ role: 'user', content: [picture, { type: 'text', text: 'What is it?' }] }];
      expect(await model.applyTemplate(messages)).toBe(`USER: ${'<image>'.repeat(16)}\nWhat is it? ASSISTANT:`);
    } finally {
      await model.dispose();
    }
  });

  it('with the whole tower runs all layers of it but the last', () => {
    const tensors = renamed(readSafetensors(sharedPath('vision/llava/model.safetensors')), names.llava.mmproj);
    const path = join(folder, 'whole.gguf');
    writeFileSync(path, mmprojFile(vision({ block_count: 3 })(entries('llava')), tensors));
    const [a, b] = [path, writeMmproj('llava', 'cut.gguf')].map((file) =>
      openVision(file).embed(
        bridge,
        decodePicture(readFileSync(sharedPath('vision/pictures/dot.png')), 'dot'),
        () => {},
      ),
    );
    expect(a).toEqual(b);
  });

  it("of before 2025, with the two matrices of a network in each other's place, is read", () => {
    const swapped = new Map(
      [...tensorsOf('llava')].map(([name, tensor]) => [
        name.replace(/ffn_(up|down)/, (_, one) => (one === 'up' ? 'ffn_down' : 'ffn_up')),
        tensor,
      ]),
    );
    const path = join(folder, 'swapped.gguf');
    writeFileSync(path, mmprojFile(entries('llava'), swapped));
    const picture = decodePicture(readFileSync(sharedPath('vision/pictures/photo.png')), 'photo');
    const [a, b] = [path, writeMmproj('llava', 'straight.gguf')].map((file) =>
      openVision(file).embed(bridge, picture, () => {}),
    );
    expect(a).toEqual(b);
  });
});

describe('the name of an mmproj file', () => {
  it.each([
    ['gemma-3-4b-it-Q4_K_M.gguf', ['mmproj-F16.gguf', 'mmproj-BF16.gguf', 'mmproj-F32.gguf'], 'mmproj-F16.gguf'],
    ['gemma-3-4b-it-Q4_K_M.gguf', ['mmproj-model-f16.gguf'], 'mmproj-model-f16.gguf'],
    ['llava-v1.5-7b-Q4_K_M.gguf', ['llava-v1.5-7b-mmproj-model-f16.gguf'], 'llava-v1.5-7b-mmproj-model-f16.gguf'],
    [
      'SmolVLM-500M-Instruct-Q8_0.gguf',
      ['mmproj-Qwen3-VL-4B-F16.gguf', 'mmproj-SmolVLM-500M-Instruct-Q8_0.gguf'],
      'mmproj-SmolVLM-500M-Instruct-Q8_0.gguf',
    ],
    [
      'google_gemma-3-4b-it-Q4_K_M.gguf',
      ['mmproj-google_gemma-3-4b-it-bf16.gguf'],
      'mmproj-google_gemma-3-4b-it-bf16.gguf',
    ],
    ['tiny-f32.gguf', ['tiny.mmproj-Q8_0.gguf'], 'tiny.mmproj-Q8_0.gguf'],
    ['gemma-3-4b-it-Q4_K_M.gguf', ['mmproj-Qwen3-VL-4B-F16.gguf', 'other-F16.gguf', 'mmproj.txt'], null],
  ])('goes with %s', (model, others, expected) => {
    expect(mmprojFor(model, others)).toBe(expected);
  });
});
