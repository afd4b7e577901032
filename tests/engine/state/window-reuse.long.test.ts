import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoadOptions, loadModel, planModel } from '../../../dist/src/index.js';
import { random } from '../../import/support.js';
import { haveTiny2026, writeTiny } from '../../support/tiny-2026.js';
import { CONFIG, PACKED, writeGptOss } from '../../support/tiny-gpt-oss.js';
import { safetensors, TINY_CONFIG, tinyHeader, writeJson } from '../../support/tiny-hugging-face.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-windows-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A vocabulary of single letters. */
const letters = (count: number) => ({
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
  model: {
    type: 'BPE',
    vocab: Object.fromEntries(Array.from({ length: count }, (_, id) => [String.fromCharCode(97 + id), id])),
    merges: [],
  },
});

/** A Mistral with one layer and a window of 16, of random weights. */
function writeMistral(): string {
  const path = join(folder, 'mistral');
  mkdirSync(path);
  const header = tinyHeader();
  const next = random(3);
  const values = new Float32Array(Math.max(...Object.values(header).map((tensor) => tensor.data_offsets[1])) / 4);
  for (let i = 0; i < values.length; i++) values[i] = 2 * next() - 1;
  writeFileSync(join(path, 'model.safetensors'), Buffer.concat([safetensors(header, 0), Buffer.from(values.buffer)]));
  writeJson(path, 'tokenizer.json', letters(16));
  writeJson(path, 'config.json', {
    ...TINY_CONFIG,
    architectures: ['MistralForCausalLM'],
    hidden_act: 'silu',
    max_position_embeddings: 32768,
    sliding_window: 16,
  });
  return path;
}

function writeOss(): string {
  const path = join(folder, 'gpt-oss');
  mkdirSync(path);
  writeGptOss(path, PACKED, { ...CONFIG, max_position_embeddings: 32768 });
  writeJson(path, 'tokenizer.json', letters(8));
  return path;
}

/** Windows of 12 and 16 positions beside layers that see everything, and layers that share keys and values. */
const gemma = (model: string) => () => writeTiny(folder, { model, type: 'q8_0', seed: 4, shape: 'a' });

/** With the number of tokens in the vocabulary, and a context that is longer than what a window keeps. */
const MODELS: [name: string, write: () => string, vocabulary: number, context: number][] = [
  ['mistral', writeMistral, 16, 1024],
  ['gpt-oss', writeOss, 8, 2560],
];
if (haveTiny2026) for (const name of ['gemma4-e', 'gemma4-moe']) MODELS.push([name, gemma(name), 300, 1024]);
const GREEDY = { temperature: 0, ignoreEos: true } as const;

describe.each(MODELS)('a sliding window: %s', (_, write, vocabulary, contextSize) => {
  const ids = (count: number, first: number) =>
    Array.from({ length: count }, (_, i) => 4 + (((first + i) * 37 + (i >> 3)) % (vocabulary - 4)));
  /** Tokens of the first prompt: with an answer of 380 tokens they fill most of the context. */
  const start = contextSize - 460;
  let path: string;
  beforeAll(() => {
    path = write();
  });
  const load = (options: LoadOptions = {}) =>
    loadModel(path, { cacheDir: join(folder, 'cache'), contextSize, memory: '1GB', ...options });

  it('keeps the prefix that an edited turn has in common, and gives what a fresh run gives', async () => {
    const model = await load();
    const fresh = await load();
    try {
      const prompt = ids(start, 1);
      const first = await model.generate(prompt, { ...GREEDY, maxTokens: 20 }).result;
      const history = [...prompt, ...first.tokens];
      const second = [...history, ...ids(40, 500)];
      const cases: [string, number[], number][] = [
        ['the turn goes on', second, start + 19],
        ['the same prompt again', second, second.length - 1],
        ['the message, edited in its middle', [...second.slice(0, start + 40), ...ids(30, 3)], start + 40],
        ['the message, edited in its beginning', [...second.slice(0, start + 22), ...ids(25, 7)], start + 22],
        ['the whole message', [...history.slice(0, start + 19), ...ids(5, 77)], start + 19],
      ];
      for (const [what, tokens, least] of cases) {
        const reused = await model.generate(tokens, { ...GREEDY, maxTokens: 380 }).result;
        expect(reused.usage.cached, what).toBeGreaterThanOrEqual(least);
        expect(reused.receipt.stateBytes, what).toBeLessThanOrEqual(model.plan.stateBytes);
        await fresh.generate(ids(4, 11), { ...GREEDY, maxTokens: 1 }).result;
        const again = await fresh.generate(tokens, { ...GREEDY, maxTokens: 380 }).result;
        expect(again.usage.cached, what).toBeLessThan(4);
        expect(reused.tokens, what).toEqual(again.tokens);
      }
    } finally {
      await model.dispose();
      await fresh.dispose();
    }
  });

  it('gives the same tokens at every budget and number of threads, and after an abort', async () => {
    const prompt = ids(contextSize - 100, 3);
    const run = async (options: LoadOptions, abortAt = 0) => {
      const model = await load(options);
      try {
        if (abortAt > 0) {
          const stop = new AbortController();
          let seen = 0;
          const onProgress = () => ++seen === abortAt && stop.abort();
          await model.generate(prompt, { ...GREEDY, signal: stop.signal, onProgress }).result;
        }
        return (await model.generate(prompt, { ...GREEDY, maxTokens: 24 }).result).tokens;
      } finally {
        await model.dispose();
      }
    };
    const expected = await run({});
    const { minimumBytes } = await planModel(path, { contextSize, cacheDir: join(folder, 'cache') });
    expect(await run({ memory: minimumBytes })).toEqual(expected);
    expect(await run({ threads: 1 })).toEqual(expected);
    expect(await run({ threads: 3 }, 5)).toEqual(expected);
  });

  it('takes no more state for a longer context, but in layers that see all of it', async () => {
    const stateOf = async (tokens: number) =>
      (await planModel(path, { contextSize: tokens, memory: '1GB' })).stateBytes;
    const [short, long, longer] = [
      await stateOf(contextSize - 384),
      await stateOf(contextSize - 192),
      await stateOf(contextSize),
    ];
    expect(longer - long).toBe(long - short);
    // Mistral and this gpt-oss have no layer that sees everything.
    if (vocabulary < 20) expect(long).toBe(short);
  });
});
