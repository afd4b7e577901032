import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadModel, type ModelOptions, planModel, type Tuning } from '../../dist/src/index.js';
import { GOLDENS, type Golden, type Tensor, writeGolden } from '../support/golden-families.js';
import { type Nearness, nearness, printTable } from '../support/how-near.js';
import type { TensorHeader } from '../support/tiny-hugging-face.js';

const { ids, models } = GOLDENS;
const VOCAB = 96;
const scratch = mkdtempSync(join(tmpdir(), 'flashrow-families-2026-'));
const table = new Map<string, Nearness[]>();
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
  printTable(table);
});

const folderOf = (name: string) => join(scratch, name.replace(/\W+/g, '-'));

/** Folders in which each of these is the text half of a larger model. */
const WHOLE: Record<string, string> = {
  'gemma4, experts': 'Gemma4ForConditionalGeneration',
  'gemma4, inputs of each layer': 'Gemma4ForConditionalGeneration',
  'qwen3.5': 'Qwen3_5ForConditionalGeneration',
  'qwen3.5-moe': 'Qwen3_5MoeForConditionalGeneration',
  'qwen4-exp': 'Qwen4ExpForConditionalGeneration',
};

/** Two tensors of one size change places in a file. */
function swap(path: string, one: string, other: string): void {
  const file = readFileSync(path);
  const start = 8 + Number(file.readBigUInt64LE());
  const header = JSON.parse(file.subarray(8, start).toString()) as TensorHeader;
  const [a, b] = [header[one].data_offsets, header[other].data_offsets];
  const moved = Buffer.from(file);
  file.copy(moved, start + b[0], start + a[0], start + a[1]);
  file.copy(moved, start + a[0], start + b[0], start + b[1]);
  header[one].data_offsets = b;
  header[other].data_offsets = a;
  moved.write(JSON.stringify(header).padEnd(start - 8), 8);
  writeFileSync(path, moved);
}

describe.each(Object.entries(models))('%s', (name, golden) => {
  const folder = writeGolden(folderOf(name), golden);
  const run = async (options: ModelOptions, source = folder) => {
    const model = await loadModel(source, { cacheDir: scratch, contextSize: 700, ...options });
    try {
      const { tokens } = await model.generate(ids.slice(0, 90), { maxTokens: 30, ignoreEos: true }).result;
      return { rows: await model.logprobs(ids, VOCAB), tokens };
    } finally {
      await model.dispose();
    }
  };

  let usual: ReturnType<typeof run> | undefined;
  /** Without options: a base of several tests. */
  const usualRun = () => (usual ??= run({}));

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
      const outside = (tensor: string) => tensor.replace('model.', 'model.language_model.');
      const whole: Golden = {
        ...golden,
        integers: Object.fromEntries(
          Object.entries(golden.integers ?? {}).map(([tensor, values]) => [outside(tensor), values]),
        ),
        config: { architectures: [WHOLE[name]], text_config: config, tie_word_embeddings: config.tie_word_embeddings },
        tensors: [
          ...tensors.map(([tensor, ...rest]): Tensor => [outside(tensor), ...rest]),
          ['model.vision_tower.patch_embedder.weight', [2, 2], 1, 0],
          ['mtp.fc.weight', [2, 2], 1, 0],
        ],
      };
      const larger = writeGolden(folderOf(`${name}, whole`), whole);
      expect((await run({}, larger)).tokens).toEqual((await usualRun()).tokens);
    },
  );

  const parts = golden.tensors.filter(([tensor]) => /ngram_embedding\.shard_[01]\.weight$/.test(tensor));
  it.skipIf(parts.length < 2)('reads the same from a table whose parts lie apart', async () => {
    const other = writeGolden(folderOf(`${name}, parts apart`), golden);
    swap(join(other, 'model.safetensors'), parts[0][0], parts[1][0]);
    expect(await run({}, other)).toEqual(await usualRun());
  });

  /** Experts in stacks, of which each layer has two tensors or three. */
  const stacks = golden.tensors.filter(([tensor, shape]) => shape.length === 3 && !/\*|conv/.test(tensor));
  it.skipIf(stacks.length === 0)('streams experts in stacks from the folder itself', async () => {
    const { conversion } = await planModel(folder, { cacheDir: join(scratch, 'none'), contextSize: 700 });
    const bytes = stacks.reduce((sum, [, shape]) => sum + 4 * shape.reduce((a, b) => a * b), 0);
    expect(conversion.bytes).toBeLessThan(bytes / 2);
  });

  it('writes the same at every budget, cache policy and number of threads', async () => {
    const { rows, tokens } = await usualRun();
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
