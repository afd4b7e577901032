import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadModel, type ModelOptions, planModel } from '../../dist/src/index.js';
import { safetensors, type TensorHeader } from '../support/tiny-hugging-face.js';

/** What golden/families_2026.py computed. */
interface Golden {
  config: Record<string, unknown>;
  tensors: { name: string; shape: number[]; scale: number; shift: number }[];
  ids: number[];
  /** By position: ln p of every next token. */
  rows: Record<string, number[]>;
}

const { versions: _, ...goldens } = JSON.parse(
  readFileSync(new URL('../golden/families-2026.json', import.meta.url), 'utf8'),
) as Record<string, Golden>;
const scratch = mkdtempSync(join(tmpdir(), 'flashrow-families-2026-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const TOKENIZER = {
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: null,
  decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  model: {
    type: 'BPE',
    vocab: Object.fromEntries(Array.from({ length: 94 }, (_, id) => [String.fromCharCode(33 + id), id])),
    merges: [],
  },
};

/** The checkpoint that the reference ran on: the same generator, the same order. */
function writeCheckpoint(name: string, { config, tensors }: Golden): string {
  const folder = join(scratch, name.replace(/\W+/g, '-'));
  mkdirSync(folder);
  const header: TensorHeader = {};
  const parts: Buffer[] = [];
  let end = 0;
  for (const [index, { name: tensor, shape, scale, shift }] of tensors.entries()) {
    const values = new Float32Array(shape.reduce((a, b) => a * b));
    let state = index + 1;
    for (let i = 0; i < values.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      values[i] = ((state >>> 8) / 2 ** 24 - 0.5) * scale + shift;
    }
    header[tensor] = { dtype: 'F32', shape, data_offsets: [end, end + values.byteLength] };
    end += values.byteLength;
    parts.push(Buffer.from(values.buffer));
  }
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([safetensors(header, 0), ...parts]));
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(TOKENIZER));
  return folder;
}

describe.each(Object.entries(goldens))('%s', (name, golden) => {
  const folder = writeCheckpoint(name, golden);
  const run = async (options: ModelOptions, source = folder) => {
    const model = await loadModel(source, { cacheDir: scratch, contextSize: 700, ...options });
    try {
      const { tokens } = await model.generate(golden.ids.slice(0, 90), { maxTokens: 30, ignoreEos: true }).result;
      return { rows: await model.logprobs(golden.ids, 96), tokens };
    } finally {
      await model.dispose();
    }
  };

  it('gives the reference probabilities of 600 tokens, which pass windows and chunks', async () => {
    const { rows } = await run({ tuning: { state: 'f32' } });
    for (const [position, lnp] of Object.entries(golden.rows))
      for (const [id, ours] of rows[Number(position)]) expect(Math.abs(ours - lnp[id])).toBeLessThan(1e-3);
  });

  it.skipIf(!name.startsWith('gemma4'))('is read as the text half of a larger model', async () => {
    const { config, tensors } = golden;
    const whole = {
      ...golden,
      config: { architectures: ['Gemma4ForConditionalGeneration'], text_config: config, tie_word_embeddings: true },
      tensors: [
        ...tensors.map((tensor) => ({ ...tensor, name: tensor.name.replace('model.', 'model.language_model.') })),
        { name: 'model.vision_tower.patch_embedder.weight', shape: [2, 2], scale: 1, shift: 0 },
      ],
    };
    const larger = writeCheckpoint(`${name}, whole`, whole);
    expect((await run({}, larger)).tokens).toEqual((await run({})).tokens);
  });

  it('writes the same at every budget, cache policy and number of threads', async () => {
    const { rows, tokens } = await run({});
    const mixture = golden.config.moe_intermediate_size !== null;
    // A little more than the least budget of a cache: it holds a part.
    const little = async (cache: 'auto' | 'lru' | 'lfu' | 'pin', more: number): Promise<ModelOptions> => {
      const options = { cacheDir: scratch, contextSize: 700, tuning: { cache } };
      const { minimumBytes } = await planModel(folder, { ...options, memory: '1GB' });
      return { memory: minimumBytes + more, tuning: { cache } };
    };
    const more = (mixture ? 64 : 512) * 1024;
    const ways: ModelOptions[] = [
      await little('auto', 0),
      { threads: 1 },
      await little('lru', more),
      await little(mixture ? 'lfu' : 'pin', more),
    ];
    for (const options of ways) expect(await run(options)).toEqual({ rows, tokens });
  });
});
