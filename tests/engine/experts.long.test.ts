import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { FrequencyPool } from '../../dist/src/cache/frequency-pool.js';
import { createPlacement } from '../../dist/src/cache/unit-cache.js';
import {
  convertModel,
  type FlashrowError,
  loadModel,
  type Model,
  type ModelOptions,
  planModel,
} from '../../dist/src/index.js';
import { storeOutline } from '../../dist/src/plan/outline.js';
import { planOutline } from '../../dist/src/plan/plan-outline.js';
import { openStore } from '../../dist/src/store/reader.js';
import { readTrace } from '../../dist/src/trace/trace-reader.js';
import { random } from '../store/support.js';

const TOKENS = 48;
let folder: string;
let gguf: string;
const prompt = (() => {
  const next = random(5);
  return Array.from({ length: TOKENS }, () => Math.floor(next() * 500));
})();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-experts-'));
  gguf = join(folder, 'moe.gguf');
  writeRandomGguf(gguf, SHAPES['tiny-moe'], 'q4_0');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function predict(path: string, options: ModelOptions = {}) {
  const model = await loadModel(path, { memory: '256MB', cacheDir: join(folder, 'cache'), ...options });
  try {
    return { rows: await model.logprobs(prompt, 512), info: model.info };
  } finally {
    await model.dispose();
  }
}

async function write(path: string, options: ModelOptions) {
  const model = await loadModel(path, { cacheDir: join(folder, 'cache'), ...options });
  try {
    const { tokens, receipt } = await model.generate(prompt.slice(0, 20), { maxTokens: 24, ignoreEos: true }).result;
    return { tokens, receipt };
  } finally {
    await model.dispose();
  }
}

describe('a mixture of experts', () => {
  it('runs from the GGUF file it came in, by its own router, and says so', async () => {
    const { minimumBytes } = await planModel(gguf, { memory: 0, cacheDir: join(folder, 'cache') });
    const { info } = await predict(gguf, { memory: minimumBytes });
    expect(info).toMatchObject({ selector: 'router', cachePolicy: 'lfu', exact: true });
    const [store] = readdirSync(join(folder, 'cache')).filter((name) => name.startsWith('moe'));
    expect(readdirSync(join(folder, 'cache', store)).sort()).toEqual([
      'manifest.msgpack',
      'resident.bin',
      'sources.json',
      'tokenizer.json',
      'uses.json',
    ]);
  });

  it('writes the same tokens with biases, sinks and windows at every budget and thread count, in place or converted', async () => {
    const source = join(folder, 'gpt-oss.gguf');
    writeRandomGguf(source, { ...SHAPES['tiny-moe'], family: 'gpt-oss' }, 'q8_0', { rows: 'mxfp4' });
    const store = join(folder, 'gpt-oss');
    await convertModel(source, store, { rows: 'q8_0', dense: 'f16' });
    for (const path of [source, store]) {
      const expected = await write(path, { memory: '256MB' });
      for (const options of [{}, { threads: 1 }, { tuning: { cache: 'lru' } }] as ModelOptions[]) {
        const { minimumBytes } = await planModel(path, { ...options, memory: 0, cacheDir: join(folder, 'cache') });
        expect((await write(path, { ...options, memory: minimumBytes })).tokens).toEqual(expected.tokens);
      }
    }
  });

  it('writes the same tokens at every budget, policy and thread count, in place or converted', async () => {
    const store = join(folder, 'converted');
    await convertModel(gguf, store, { rows: 'q4_0' });
    expect(readdirSync(store)).toContain('rows.bin');
    const expected = await write(gguf, { memory: '256MB' });
    expect(expected.tokens).toHaveLength(24);
    const { minimumBytes, ffnBytes } = await planModel(gguf, { memory: 0, cacheDir: join(folder, 'cache') });
    for (const source of [gguf, store]) {
      for (const [share, options] of [
        [0, {}],
        [0.3, {}],
        [0.3, { threads: 1 }],
        [0.3, { tuning: { cache: 'lru' } }],
        [0.3, { tuning: { cache: 'window:2', direct: false } }],
        [0.3, { tuning: { cache: 'pin' } }],
      ] as [number, ModelOptions][]) {
        const found = await write(source, { memory: Math.ceil(minimumBytes + share * ffnBytes), ...options });
        expect(found.tokens, JSON.stringify([source, share, options])).toEqual(expected.tokens);
        if (share === 0.3) expect(found.receipt.bundlesHit).toBeGreaterThan(0);
        expect(found.receipt.bundlesMissed).toBeGreaterThan(0);
      }
    }
  });

  it('hits and misses what its pool of slots does under the routes that it recorded', async () => {
    const store = join(folder, 'pooled');
    const trace = join(folder, 'pooled.trace');
    await convertModel(gguf, store);
    const outline = storeOutline(openStore(store));
    const { minimumBytes, ffnBytes } = await planModel(store, { memory: 0 });
    const memory = Math.ceil(minimumBytes + 0.3 * ffnBytes);
    const { allocation } = planOutline(outline, { memory });
    const model = await loadModel(store, { memory });
    // A trace does not say how many tokens of a prompt asked for an expert: here, there is one.
    const options = { maxTokens: 60, ignoreEos: true, trace };
    const { receipt } = await model.generate(prompt.slice(0, 1), options).result;
    await model.dispose();

    expect(new Set(allocation.layers.map(({ pool }) => pool))).toEqual(new Set([0]));
    const units = allocation.layers.map(({ unit }) => unit.units);
    const pool = new FrequencyPool({ units, slots: allocation.layers[0].slots });
    const placement = createPlacement(Math.max(...units));
    let [hit, missed] = [0, 0];
    for (const pass of readTrace(trace).passes) {
      for (const [layer, asked] of pass.units.entries()) {
        pool.layers[layer].place(asked, asked.length, placement);
        hit += asked.length - placement.missed;
        missed += placement.missed;
      }
      for (const layer of pool.layers) layer.endToken();
    }
    expect({ hit, missed }).toEqual({ hit: receipt.bundlesHit, missed: receipt.bundlesMissed });
  });

  it('gives a token of a prompt what it gives that token alone', async () => {
    const model = await loadModel(gguf, { memory: '256MB', cacheDir: join(folder, 'cache') });
    const whole = await model.logprobs(prompt, 4);
    const { tokens } = await model.generate(prompt.slice(0, 10), { maxTokens: 1, ignoreEos: true }).result;
    await model.dispose();
    expect(tokens[0]).toBe(whole[9][0][0]);
  });

  it('says what its file has become when that changed, and opens it again as what it is', async () => {
    const copy = join(folder, 'changed.gguf');
    copyFileSync(gguf, copy);
    const store = join(folder, 'changed.store');
    await convertModel(copy, store);
    appendFileSync(copy, 'x');
    await expect(loadModel(store, { memory: '256MB' })).rejects.toMatchObject({ code: 'CORRUPT' });
    truncateSync(copy, readFileSync(gguf).length);
    utimesSync(copy, 1, 1);
    await expect(loadModel(store, { memory: '256MB' })).rejects.toThrow(/changed\.gguf/);
    rmSync(copy);
    await expect(loadModel(store, { memory: '256MB' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  describe('whose file changes under it', () => {
    const right = async () => (await write(gguf, { memory: '256MB' })).tokens.slice(0, 4);
    const begin = (model: Model) => model.generate(prompt.slice(0, 20), { maxTokens: 4, ignoreEos: true });

    /** A copy of the model with a time that can be given back, loaded with as little memory as will do. */
    async function loadCopy(name: string) {
      const copy = join(folder, name);
      const restore = () => {
        copyFileSync(gguf, copy);
        utimesSync(copy, 1.6e9, 1.6e9);
      };
      restore();
      const { minimumBytes } = await planModel(copy, { memory: 0, cacheDir: join(folder, 'cache') });
      const model = await loadModel(copy, { memory: minimumBytes, cacheDir: join(folder, 'cache') });
      onTestFinished(() => model.dispose());
      return { copy, model, restore };
    }

    it('names a file that was cut rather than the read that met its end, and lives on', async () => {
      const { copy, model, restore } = await loadCopy('cut.gguf');
      const bytes = Math.floor(readFileSync(gguf).length / 2);
      truncateSync(copy, bytes);
      await expect(begin(model).result).rejects.toMatchObject({
        name: 'FlashrowError',
        code: 'CORRUPT',
        message: expect.stringContaining(`it has ${bytes} bytes, not`),
        details: { path: copy },
      });
      restore();
      expect((await begin(model).result).tokens).toEqual(await right());
    });

    it('refuses to go on with other weights, and goes on with its own', async () => {
      const { copy, model, restore } = await loadCopy('overwritten.gguf');
      expect((await begin(model).result).tokens).toEqual(await right());
      const bytes = readFileSync(copy);
      writeFileSync(copy, bytes.fill(7, bytes.length / 2));
      await expect(begin(model).result).rejects.toMatchObject({
        code: 'CORRUPT',
        message: expect.stringMatching(/overwritten\.gguf has changed/),
      });
      await expect(model.logprobs(prompt, 4)).rejects.toMatchObject({ code: 'CORRUPT' });
      restore();
      expect((await begin(model).result).tokens).toEqual(await right());
      rmSync(copy);
      await expect(begin(model).result).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('ends a generation that is under way', async () => {
      const { copy, model, restore } = await loadCopy('touched.gguf');
      const generation = model.generate(prompt.slice(0, 20), { maxTokens: 400, ignoreEos: true });
      generation.result.catch(() => {});
      let pieces = 0;
      await expect(
        (async () => {
          for await (const _ of generation) if (pieces++ === 0) utimesSync(copy, 1, 1);
        })(),
      ).rejects.toMatchObject({ code: 'CORRUPT' });
      expect(pieces).toBeLessThan(400);
      restore();
      expect((await begin(model).result).tokens).toEqual(await right());
    });
  });

  it('names the expert whose checksum does not match', async () => {
    const store = join(folder, 'damaged');
    await convertModel(gguf, store, { rows: 'q8_0' });
    const [{ offset, stride }] = openStore(store).layers[2].extents;
    const rows = readFileSync(join(store, 'rows.bin'));
    const { numExperts } = SHAPES['tiny-moe'].experts!;
    for (let expert = 0; expert < numExperts; expert++) rows[offset + expert * stride + 100] ^= 1;
    writeFileSync(join(store, 'rows.bin'), rows);
    const model = await loadModel(store, { memory: '256MB' });
    onTestFinished(() => model.dispose());
    const error = await model.logprobs(prompt, 4).then(
      () => null,
      (error: FlashrowError<'CORRUPT'>) => error,
    );
    expect(error).toMatchObject({ code: 'CORRUPT', details: { layer: 2 } });
    const { expert } = error!.details;
    expect(error!.details.offset).toBe(offset + expert! * stride);
    expect(error!.message).toMatch(new RegExp(`expert ${expert} of layer 2|layer 2, expert ${expert}`));
    expect(error!.message).not.toContain('bundle');
  });

  it('does not take selectors that are not its own', async () => {
    await expect(predict(gguf, { tuning: { selector: 'all' } })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });
});
