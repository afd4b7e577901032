import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { convertModel, loadModel, type ModelOptions, planModel, verifyStore } from '../../dist/src/index.js';
import { safetensors, type TensorHeader, TINY_CONFIG, writeJson } from '../support/tiny-hugging-face.js';

/*
 * A dense model that is read in place says what a converted store of the same file says, to the bit. Such a store is
 * compared with llama.cpp and with exact arithmetic elsewhere.
 */

const scratch = mkdtempSync(join(tmpdir(), 'flashrow-in-place-'));
afterAll(() => rmSync(scratch, { recursive: true }));
let serial = 0;
const unused = (name: string) => join(scratch, `${serial++}-${name}`);

const IDS = [1, 5, 9, 200, 31, 7, 44, 61, 88, 102];

const SHARDS = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
const [HIDDEN, FFN, LAYERS, VOCAB] = [64, 96, 4, 512];

/** A model of random weights over two files. The second file's data begin `odd` bytes off a multiple of eight. */
function writeShards(folder: string, dtype: 'F32' | 'F16' | 'BF16', odd = 0): string {
  mkdirSync(folder);
  const shapes: [string, number[]][] = [['model.embed_tokens.weight', [VOCAB, HIDDEN]]];
  for (let layer = 0; layer < LAYERS; layer++) {
    const prefix = `model.layers.${layer}.`;
    for (const part of ['q', 'k', 'v', 'o']) shapes.push([`${prefix}self_attn.${part}_proj.weight`, [HIDDEN, HIDDEN]]);
    shapes.push([`${prefix}mlp.gate_proj.weight`, [FFN, HIDDEN]], [`${prefix}mlp.up_proj.weight`, [FFN, HIDDEN]]);
    shapes.push([`${prefix}mlp.down_proj.weight`, [HIDDEN, FFN]]);
    for (const norm of ['input', 'post_attention']) shapes.push([`${prefix}${norm}_layernorm.weight`, [HIDDEN]]);
  }
  shapes.push(['model.norm.weight', [HIDDEN]], ['lm_head.weight', [VOCAB, HIDDEN]]);
  const bytesEach = dtype === 'F32' ? 4 : 2;
  let state = 1;
  const weightMap: Record<string, string> = {};
  SHARDS.forEach((shard, index) => {
    const header: TensorHeader = {};
    const parts: Buffer[] = [];
    let end = 0;
    for (const [name, shape] of index === 0 ? shapes.slice(0, 20) : shapes.slice(20)) {
      const count = shape.reduce((product, size) => product * size);
      const data = Buffer.alloc(count * bytesEach);
      for (let i = 0; i < count; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        // Of halves: sign and fraction at random, and an exponent that makes weights of about 0.1.
        if (dtype === 'F32') data.writeFloatLE((state / 2 ** 32 - 0.5) / 2, 4 * i);
        else data.writeUInt16LE((((state >>> 16) & 0x807f) | (dtype === 'F16' ? 0x2c00 : 0x3d80)) & 0xffff, 2 * i);
      }
      header[name] = { dtype, shape, data_offsets: [end, end + data.length] };
      end += data.length;
      weightMap[name] = shard;
      parts.push(data);
    }
    const json = JSON.stringify(header);
    const padding = ((8 - (json.length % 8)) % 8) + (index === 1 ? odd : 0);
    const head = safetensors(Buffer.from(json + ' '.repeat(padding)), 0);
    writeFileSync(join(folder, shard), Buffer.concat([head, ...parts]));
  });
  writeJson(folder, 'model.safetensors.index.json', { weight_map: weightMap });
  writeJson(folder, 'config.json', {
    ...TINY_CONFIG,
    ...{ hidden_act: 'silu', hidden_size: HIDDEN, intermediate_size: FFN, num_hidden_layers: LAYERS },
    ...{ num_attention_heads: 4, num_key_value_heads: 4, vocab_size: VOCAB },
  });
  const vocab = Object.fromEntries(Array.from({ length: VOCAB }, (_, id) => [`word${id}`, id]));
  const model = { type: 'BPE', vocab, merges: [] };
  writeJson(folder, 'tokenizer.json', { added_tokens: [], model, pre_tokenizer: { type: 'ByteLevel' } });
  return folder;
}

async function answer(source: string, options: ModelOptions) {
  const model = await loadModel(source, { contextSize: 32, ...options });
  try {
    const rows = await model.logprobs(IDS, 3);
    const { tokens } = await model.generate(IDS, { maxTokens: 6, temperature: 0 }).result;
    return { rows, tokens };
  } finally {
    await model.dispose();
  }
}

const written = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);

async function compare(source: string): Promise<string> {
  const store = unused('store');
  await convertModel(source, store);
  const cacheDir = unused('cache');
  mkdirSync(cacheDir);
  const plan = await planModel(source, { cacheDir, contextSize: 32 });
  expect(plan.conversion).toEqual({ needed: false, bytes: 0 });
  const { minimumBytes } = plan;
  for (const memory of [minimumBytes, Math.round(1.3 * minimumBytes), 64e6])
    expect(await answer(source, { cacheDir, memory })).toEqual(await answer(store, { memory: 64e6 }));
  expect(await answer(source, { cacheDir, tuning: { cache: 'lru' } })).toEqual(await answer(store, {}));
  return cacheDir;
}

describe('a dense model that is read in place says what a converted store says', () => {
  it('from a GGUF file, which is not copied, and is verified as far as is known', async () => {
    const path = unused('model.gguf');
    writeRandomGguf(path, SHAPES.tiny, 'q4_1', { rows: 'q8_0' });
    const cacheDir = await compare(path);
    // Vectors, a block of 4096 bytes each, and the tokenizer.
    expect(written(cacheDir)).toBeLessThan(150_000);
    const [store] = readdirSync(cacheDir).filter((name) => /-[0-9a-f]{16}$/.test(name));
    expect(await verifyStore(join(cacheDir, store))).toMatchObject({ ok: true, bundles: 0 });
  }, 60_000);

  it.each(['F32', 'F16', 'BF16'] as const)(
    'from safetensors in two shards, in %s',
    async (dtype) => {
      const cacheDir = await compare(writeShards(unused('folder'), dtype));
      expect(written(cacheDir)).toBeLessThan(150_000);
    },
    60_000,
  );

  it('with a matrix that lies where it cannot be read, which is written alone, and named', async () => {
    // A header of an odd length: safetensors files of old were not padded.
    const folder = writeShards(unused('folder'), 'F32', 1);
    const cacheDir = unused('cache');
    const plan = await planModel(folder, { cacheDir, contextSize: 32 });
    expect(plan.conversion.needed).toBe(true);
    expect(plan.conversion.bytes).toBeLessThan(statSync(join(folder, SHARDS[1])).size + 100_000);
    expect(plan.warnings.join()).toMatch(/cannot be read in place: model\.layers\.\S+ \(it begins at byte \d+/);
    const store = unused('store');
    await convertModel(folder, store);
    expect(await answer(folder, { cacheDir })).toEqual(await answer(store, {}));
  }, 60_000);
});

describe('a file that is read in place and changes', () => {
  it.each<[string, (path: string) => void]>([
    ['grows', (path) => appendFileSync(path, 'x')],
    ['is cut', (path) => truncateSync(path, statSync(path).size - 40_000)],
    ['is written anew', (path) => writeFileSync(path, readFileSync(path).fill(1, 1_000_000))],
  ])(
    'ends a generation with CORRUPT, by its name, where it %s',
    async (_, change) => {
      const path = unused('model.gguf');
      writeRandomGguf(path, SHAPES.tiny, 'q8_0');
      const cacheDir = unused('cache');
      const { minimumBytes: memory } = await planModel(path, { cacheDir, contextSize: 64 });
      const model = await loadModel(path, { cacheDir, contextSize: 64, memory });
      try {
        const generation = model.generate(IDS, { maxTokens: 50, ignoreEos: true });
        let pieces = 0;
        const all = async () => {
          for await (const _piece of generation) if (pieces++ === 1) change(path);
        };
        await expect(all()).rejects.toMatchObject({ code: 'CORRUPT', message: expect.stringContaining(path) });
      } finally {
        await model.dispose();
      }
    },
    60_000,
  );

  it('is read as it is now by the next load', async () => {
    const path = unused('model.gguf');
    writeRandomGguf(path, SHAPES.tiny, 'q8_0');
    const cacheDir = unused('cache');
    const before = await answer(path, { cacheDir });
    writeRandomGguf(`${path}.new`, SHAPES.tiny, 'q8_0', { seed: 2 });
    rmSync(path);
    writeRandomGguf(path, SHAPES.tiny, 'q8_0', { seed: 2 });
    const now = await answer(path, { cacheDir });
    expect(now).not.toEqual(before);
    expect(now).toEqual(await answer(`${path}.new`, { cacheDir }));
  }, 60_000);
});
