import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { calibrateStore, compareSelectors, loadModel, planModel } from '../../dist/src/index.js';
import { storeIdentity } from '../../dist/src/store/predictors.js';
import { splitDocuments } from '../../dist/src/text/documents.js';
import { addPredictors } from '../store/predictors.js';
import { haveSharedData, sharedJson, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { PROMPT, TALES } from '../support/shipped.js';

interface Reference {
  sequences: number[][];
  activeShare: number[];
  unionOfWindow: Record<string, number[]>;
}

const MINUTES = 60_000;
let scratch: string;
let store: string;
let result: Awaited<ReturnType<typeof calibrateStore>>;
const shares: [stage: string, done: number][] = [];
const stories = () => splitDocuments(readFileSync(sharedPath('text/stories_train.txt'), 'utf8'));
const predictorsOf = (path: string) => join(path, 'predictors.bin');

describe.skipIf(!haveSharedData)(`calibration of the shipped model${withoutSharedData}`, () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'flashrow-calibration-'));
    store = join(scratch, 'tales');
    cpSync(TALES, store, { recursive: true });
    rmSync(predictorsOf(store), { force: true });
    result = await calibrateStore(store, stories(), {
      tokens: 4000,
      rank: 32,
      memory: '20MB',
      onProgress: (progress) => shares.push([progress.stage, progress.done]),
    });
  }, 5 * MINUTES);
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it('tells progress that never goes back', () => {
    for (const stage of ['collect', 'train']) {
      const done = shares.filter(([name]) => name === stage).map(([, share]) => share);
      expect(done.length).toBeGreaterThan(7);
      expect(done).toEqual(done.toSorted((a, b) => a - b));
    }
  });

  it('measures what an independent forward measured: active neurons, and what windows of tokens share', () => {
    const reference = sharedJson('models/tales/reference.json') as Reference;
    result.layers.forEach((layer, i) => {
      // Another text, of the same kind: the order of magnitude is the model's own.
      expect(layer.activeShare / reference.activeShare[i]).toBeGreaterThan(0.8);
      expect(layer.activeShare / reference.activeShare[i]).toBeLessThan(1.25);
      expect(layer.reuse[3].unionShare / reference.unionOfWindow[4][i]).toBeGreaterThan(0.8);
      expect(layer.reuse[3].unionShare / reference.unionOfWindow[4][i]).toBeLessThan(1.25);
    });
  });

  it('holds the share of missed neurons that was asked for, on tokens it did not train on', () => {
    for (const layer of result.layers) {
      expect(layer.falseNegativeRate).toBeLessThanOrEqual(0.03);
      expect(layer.chosenShare).toBeLessThan(0.7);
      expect(layer.rank).toBe(32);
    }
    expect(existsSync(join(store, 'predictors.partial'))).toBe(false);
  });

  it(
    'costs what a comparison says: the same active shares as elsewhere, few misses, nearly the same predictions',
    async () => {
      const { sequences, activeShare } = sharedJson('models/tales/reference.json') as Reference;
      const options = { memory: '12MB', exact: false, tuning: { selector: 'low-rank' } } as const;
      const told = await compareSelectors(store, { sequences }, options);
      told.layers.forEach((layer, i) => {
        expect(Math.abs(layer.activeShare / activeShare[i] - 1)).toBeLessThan(0.01);
        expect(layer.falseNegativeRate).toBeLessThan(0.08);
      });
      expect(told.dense.receipt).toMatchObject({ exact: true, selector: 'gate', falseNegativeRate: null });
      expect(told.sparse.receipt).toMatchObject({ exact: false, selector: 'low-rank' });
      expect(told.sparse.receipt.falseNegativeRate).toBeCloseTo(0.03, 2);
      expect(told.warnings).toEqual([]);
      expect(told.topOneAgreement).toBeGreaterThan(0.8);
      expect(told.klDivergence).toBeGreaterThan(0);
      expect(told.klDivergence).toBeLessThan(0.2);
      expect(Math.abs(told.sparse.perplexity / told.dense.perplexity - 1)).toBeLessThan(0.1);
    },
    MINUTES,
  );

  it(
    'of a selector that is exact finds no difference',
    async () => {
      const { sequences } = sharedJson('models/tales/reference.json') as Reference;
      const told = await compareSelectors(store, { sequences: sequences.slice(0, 4) }, { memory: '12MB' });
      expect(told).toMatchObject({ topOneAgreement: 1, klDivergence: 0 });
      expect(told.warnings).toEqual([expect.stringContaining('both runs used the selector gate')]);
      for (const layer of told.layers) expect(layer.falseNegativeRate).toBe(0);
    },
    MINUTES,
  );

  it(
    'writes the same tokens at every budget and number of threads, and the mask of a token is its own in any chunk',
    async () => {
      const written = async (memory: number, threads: number, selector: 'low-rank' | 'sign') => {
        const model = await loadModel(store, { memory, threads, exact: false, contextSize: 256, tuning: { selector } });
        try {
          const ids = await model.tokenize(PROMPT);
          const { tokens } = await model.generate(ids, { maxTokens: 24 }).result;
          // Fed again as one prompt, its tokens run in chunks: each row of logits has to be that of a token which ran
          // alone.
          const rows = await model.logprobs([...ids, ...tokens], 1);
          expect(rows.slice(ids.length - 1, -1).map(([[id]]) => id)).toEqual(tokens);
          return tokens;
        } finally {
          await model.dispose();
        }
      };
      for (const selector of ['low-rank', 'sign'] as const) {
        const options = { exact: false, contextSize: 256, tuning: { selector } };
        const { minimumBytes } = await planModel(store, { ...options, memory: '1GB' });
        const small = await written(minimumBytes, 1, selector);
        expect(await written(2 * minimumBytes, 2, selector)).toEqual(small);
        expect(await written(20e6, 1, selector)).toEqual(small);
      }
    },
    MINUTES,
  );

  it('is offered by auto only where guessing is allowed, with the reason', async () => {
    const tight = (await planModel(store, { memory: '1GB', exact: false, tuning: { selector: 'low-rank' } }))
      .minimumBytes;
    const lossy = await planModel(store, { memory: tight, exact: false });
    expect(lossy).toMatchObject({ fits: true, selector: 'low-rank' });
    expect(lossy.reason).toMatch(/predictors/);
    expect((await planModel(store, { memory: tight })).selector).not.toBe('low-rank');
    await expect(loadModel(store, { tuning: { selector: 'low-rank' } })).rejects.toMatchObject({ code: 'BAD_USAGE' });
  });

  it(
    'refuses damaged predictors and those of another model, and still runs exactly beside them',
    async () => {
      const damagedStore = join(scratch, 'damaged');
      cpSync(store, damagedStore, { recursive: true });
      const good = readFileSync(predictorsOf(store));
      const lossy = () => loadModel(damagedStore, { exact: false, contextSize: 64, tuning: { selector: 'low-rank' } });
      for (const at of [0, 9, 40, good.length - 20_000, good.length - 60_000]) {
        const bad = Buffer.from(good);
        bad[at] ^= 0x40;
        writeFileSync(predictorsOf(damagedStore), bad);
        await expect(lossy()).rejects.toMatchObject({
          code: 'CORRUPT',
          message: expect.stringMatching(/run `calibrateStore\(\)` again/),
        });
      }
      for (const length of [0, 5, 100, good.length - 100_000]) {
        writeFileSync(predictorsOf(damagedStore), good.subarray(0, length));
        await expect(lossy()).rejects.toMatchObject({ code: 'CORRUPT' });
      }
      const other = join(scratch, 'other');
      const { convert } = await import('../../dist/src/index.js');
      await convert(sharedPath('models/tales'), other, { rows: 'q4_0', dense: 'q8_0' });
      writeFileSync(predictorsOf(other), good);
      await expect(loadModel(other, { exact: false, tuning: { selector: 'low-rank' } })).rejects.toMatchObject({
        code: 'CORRUPT',
        message: expect.stringMatching(/another model/),
      });
      await (await loadModel(other, { contextSize: 64 })).dispose();
    },
    MINUTES,
  );

  it('refuses predictors that were measured on nothing', async () => {
    const measuredOnNothing = join(scratch, 'nothing');
    cpSync(TALES, measuredOnNothing, { recursive: true });
    for (const spoiled of [{ heldOutTokens: 0 }, { activeShare: Number.NaN }, { activeShare: 0.1 }]) {
      addPredictors(measuredOnNothing, storeIdentity(measuredOnNothing), spoiled);
      const loaded = planModel(measuredOnNothing, { exact: false, tuning: { selector: 'low-rank' } });
      // The last ones are sound.
      if (spoiled.activeShare === 0.1) await expect(loaded).resolves.toMatchObject({ selector: 'low-rank' });
      else
        await expect(loaded).rejects.toMatchObject({
          code: 'CORRUPT',
          message: expect.stringMatching(/predictors\.bin.*run `calibrateStore\(\)` again/),
        });
    }
  });

  it(
    'refuses too little text and a model without idle neurons, and leaves what is there',
    async () => {
      const before = readFileSync(predictorsOf(store));
      for (const documents of [[], [''], ['Once upon a time.']])
        await expect(calibrateStore(store, documents)).rejects.toMatchObject({ code: 'BAD_USAGE' });
      for (const options of [{ tokens: 10 }, { rank: 100_000 }])
        await expect(calibrateStore(store, stories(), options)).rejects.toMatchObject({
          code: 'BAD_USAGE',
          details: { option: Object.keys(options)[0] },
        });
      expect(readFileSync(predictorsOf(store)).equals(before)).toBe(true);
      const gguf = sharedPath('models/stories260K/stories260K.gguf');
      await expect(calibrateStore(gguf, stories(), { cacheDir: scratch })).rejects.toMatchObject({
        code: 'UNSUPPORTED',
        message: expect.stringMatching(/silu/),
      });
      await expect(
        loadModel(gguf, { cacheDir: scratch, exact: false, tuning: { selector: 'low-rank' } }),
      ).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    },
    MINUTES,
  );

  it(
    'goes on where it was stopped, and comes to the same bytes',
    async () => {
      const resumed = join(scratch, 'resumed');
      cpSync(TALES, resumed, { recursive: true });
      rmSync(predictorsOf(resumed), { force: true });
      const options = { tokens: 4000, rank: 32, memory: '20MB' };
      const controller = new AbortController();
      let collected = 0;
      await expect(
        calibrateStore(resumed, stories(), {
          ...options,
          signal: controller.signal,
          onProgress: (progress) => {
            if (progress.stage === 'collect') collected = progress.done;
            if (progress.stage === 'train' && progress.layer === 1) controller.abort(new Error('enough'));
          },
        }),
      ).rejects.toThrow('enough');
      expect(collected).toBeGreaterThanOrEqual(4000);
      expect(existsSync(predictorsOf(resumed))).toBe(false);
      const stages: string[] = [];
      await calibrateStore(resumed, stories(), {
        ...options,
        threads: 1,
        onProgress: (progress) => stages.push(`${progress.stage} ${'layer' in progress ? progress.layer : ''}`),
      });
      expect(stages).not.toContain('collect ');
      expect(stages).not.toContain('train 0');
      expect(readFileSync(predictorsOf(resumed)).equals(readFileSync(predictorsOf(store)))).toBe(true);
    },
    5 * MINUTES,
  );
});
