import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadModel, type ModelOptions, planModel, type Tuning } from '../../dist/src/index.js';
import { type Nearness, nearness, printTable } from '../support/how-near.js';
import { safetensors, type TensorHeader } from '../support/tiny-hugging-face.js';

type Tensor = [name: string, shape: number[], scale: number, shift: number];

/** What golden/families_2026.py computed. */
interface Golden {
  config: Record<string, unknown>;
  /** With `*` in its name a tensor is cut along its first axis into as many, numbered. */
  tensors: Tensor[];
  /** By position: the likeliest next tokens, each with its ln p. */
  rows: Record<string, [id: number, lnp: number][]>;
}

const { ids, models } = JSON.parse(readFileSync(new URL('../golden/families-2026.json', import.meta.url), 'utf8')) as {
  ids: number[];
  models: Record<string, Golden>;
};
const VOCAB = 96;
const scratch = mkdtempSync(join(tmpdir(), 'flashrow-families-2026-'));
const table = new Map<string, Nearness[]>();
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
  printTable(table);
});

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
  const add = (tensor: string, shape: number[], values: Float32Array) => {
    header[tensor] = { dtype: 'F32', shape, data_offsets: [end, end + values.byteLength] };
    end += values.byteLength;
    parts.push(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  };
  for (const [index, [tensor, shape, scale, shift]] of tensors.entries()) {
    const values = new Float32Array(shape.reduce((a, b) => a * b));
    let state = index + 1;
    for (let i = 0; i < values.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      values[i] = ((state >>> 8) / 2 ** 24 - 0.5) * scale + shift;
    }
    const [count, ...one] = shape;
    const size = values.length / count;
    if (!tensor.includes('*')) add(tensor, shape, values);
    else
      for (let i = 0; i < count; i++) add(tensor.replace('*', `${i}`), one, values.subarray(i * size, (i + 1) * size));
  }
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([safetensors(header, 0), ...parts]));
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(TOKENIZER));
  return folder;
}

/** Folders in which each of these is the text half of a larger model. */
const WHOLE: Record<string, string> = {
  'gemma4, experts': 'Gemma4ForConditionalGeneration',
  'gemma4, inputs of each layer': 'Gemma4ForConditionalGeneration',
  'qwen3.5': 'Qwen3_5ForConditionalGeneration',
  'qwen3.5-moe': 'Qwen3_5MoeForConditionalGeneration',
};

describe.each(Object.entries(models))('%s', (name, golden) => {
  const folder = writeCheckpoint(name, golden);
  const run = async (options: ModelOptions, source = folder) => {
    const model = await loadModel(source, { cacheDir: scratch, contextSize: 700, ...options });
    try {
      const { tokens } = await model.generate(ids.slice(0, 90), { maxTokens: 30, ignoreEos: true }).result;
      return { rows: await model.logprobs(ids, VOCAB), tokens };
    } finally {
      await model.dispose();
    }
  };

  it('gives the reference probabilities of 600 tokens, which pass windows and chunks', async () => {
    const { rows } = await run({ tuning: { state: 'f32' } });
    const near = nearness(Object.entries(golden.rows).map(([position, row]) => [rows[Number(position)], row]));
    table.set(name, [near]);
    expect(near.worst).toBeLessThan(1e-3);
    expect(near.sameBest).toBe(near.positions);
  });

  it.skipIf(!(name in WHOLE))(
    'is read as the text half of a larger model, and leaves prediction blocks alone',
    async () => {
      const { config, tensors } = golden;
      const whole: Golden = {
        ...golden,
        config: { architectures: [WHOLE[name]], text_config: config, tie_word_embeddings: config.tie_word_embeddings },
        tensors: [
          ...tensors.map(([tensor, ...rest]): Tensor => [tensor.replace('model.', 'model.language_model.'), ...rest]),
          ['model.vision_tower.patch_embedder.weight', [2, 2], 1, 0],
          ['mtp.fc.weight', [2, 2], 1, 0],
        ],
      };
      const larger = writeCheckpoint(`${name}, whole`, whole);
      expect((await run({}, larger)).tokens).toEqual((await run({})).tokens);
    },
  );

  it('writes the same at every budget, cache policy and number of threads', async () => {
    const { rows, tokens } = await run({});
    const mixture = golden.tensors.some(([tensor]) => /experts|sparse/.test(tensor));
    const least = async (cache: Tuning['cache']) => {
      const options = { cacheDir: scratch, contextSize: 700, memory: '1GB', tuning: { cache } };
      return (await planModel(folder, options)).minimumBytes;
    };
    const other = mixture ? 'lfu' : 'pin';
    const ways: ModelOptions[] = [
      { memory: await least('auto') },
      { threads: 1 },
      { memory: (await least('lru')) + 64 * 1024, tuning: { cache: 'lru' } },
      { memory: (await least(other)) + 64 * 1024, tuning: { cache: other } },
    ];
    for (const options of ways) expect(await run(options)).toEqual({ rows, tokens });
  });
});
