import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { InsufficientMemoryError, type LoadOptions, loadModel, planModel } from '../../dist/src/index.js';
import { PROMPT, TALES } from '../support/shipped.js';
import { haveTiny2026, withoutTiny2026, writeTiny } from '../support/tiny-2026.js';

/*
 * The shipped model drafts for itself: it is always right at temperature 0. The text without drafts is the measure.
 */

const folder = mkdtempSync(join(tmpdir(), 'flashrow-model-draft-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function withModel<T>(options: LoadOptions, work: (model: Awaited<ReturnType<typeof loadModel>>) => Promise<T>) {
  const model = await loadModel(TALES, { contextSize: 256, ...options });
  try {
    return await work(model);
  } finally {
    await model.dispose();
  }
}

describe('a draft model', () => {
  it('changes no text, at any temperature, budget, turn and constraint', async () => {
    for (const memory of ['40MB', '16MB'])
      await withModel({ memory, draft: { model: TALES } }, async (model) => {
        expect(model.plan.draftBytes).toBeGreaterThan(1e6);
        for (const options of [
          { maxTokens: 120, ignoreEos: true },
          { maxTokens: 60, temperature: 0.9, seed: 4, topP: 0.9, repeatPenalty: 1.1 },
          { maxTokens: 60, temperature: 0.8, seed: 5, responseFormat: { type: 'json_object' } as const },
        ]) {
          const drafted = await model.generate(PROMPT, options).result;
          const plain = await model.generate(PROMPT, { ...options, draft: 'off' }).result;
          expect([drafted.tokens, drafted.endedBy]).toEqual([plain.tokens, plain.endedBy]);
          const further = await model.tokenize(`${PROMPT}${drafted.text} The cat`);
          const second = await model.generate(further, options).result;
          const again = await model.generate(further, { ...options, draft: 'off' }).result;
          expect(second.tokens).toEqual(again.tokens);
          expect(drafted.receipt.speculation.draft).toBe('model');
        }
      });
  });

  it('takes its memory from the budget, whole, and the receipt counts it', async () => {
    const alone = await planModel(TALES, { contextSize: 256, memory: '40MB' });
    const both = await planModel(TALES, { contextSize: 256, memory: '40MB', draft: { model: TALES } });
    // The same model, all of it in memory, without an index to look up in.
    const { residentBytes, stateBytes, scratchBytes, cacheBytes } = await planModel(TALES, {
      ...{ contextSize: 256, memory: '40MB', draft: 'off' },
    });
    const whole = residentBytes + stateBytes + scratchBytes + cacheBytes;
    expect(alone.scratchBytes - scratchBytes).toBe(4 * (256 + 2 * 257 + 16));
    expect(alone.cachedShare).toBe(1);
    expect(both.draftBytes).toBe(whole);
    expect(both.minimumBytes).toBe(alone.minimumBytes + whole);
    const budget = both.minimumBytes + 200_000;
    await withModel({ memory: budget, draft: { model: TALES } }, async (model) => {
      // A longer answer may find that the draft does not pay, and give its memory to the cache.
      const { receipt } = await model.generate(PROMPT, { maxTokens: 1 }).result;
      expect(receipt.draftBytes).toBe(whole);
      expect(receipt.memoryBytes).toBeLessThanOrEqual(budget);
      expect(receipt.memoryBytes).toBeGreaterThan(whole);
    });
    const tooSmall = loadModel(TALES, { contextSize: 256, memory: both.minimumBytes - 1, draft: { model: TALES } });
    await expect(tooSmall).rejects.toThrowError(InsufficientMemoryError);
    await expect(tooSmall).rejects.toThrowError(/the draft model, which is held whole/);
  });

  it('is warned of where weights that every token reads do not fit beside it', async () => {
    const plan = (memory: string) => planModel(TALES, { contextSize: 128, memory, draft: { model: TALES } });
    expect((await plan('24MB')).warnings).toEqual([]);
    const { warnings, denseStreamedBytes } = await plan('18MB');
    expect(denseStreamedBytes).toBeGreaterThan(1e6);
    expect(warnings).toEqual([expect.stringMatching(/^beside the draft \S+ MB of attention, embedding and head/)]);
  });

  it('is NOT_FOUND where it is not there, and BAD_USAGE where it is no path', async () => {
    const load = (draft: unknown) => loadModel(TALES, { draft: draft as never });
    await expect(load({ model: join(folder, 'none.gguf') })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(
        /^the draft .*none.gguf.*`draft` is auto, off, lookup, self, mtp, or such a model/,
      ),
    });
    for (const draft of [{ model: 5 }, { model: '' }, {}, { model: TALES, more: 1 }, [], 7])
      await expect(load(draft)).rejects.toMatchObject({ code: 'BAD_USAGE' });
  });

  it.skipIf(!haveTiny2026)(`is refused where a token of its vocabulary is another one${withoutTiny2026}`, async () => {
    const other = writeTiny(folder, { model: 'llama', type: 'q8_0', seed: 4, shape: 'a' });
    const options = { cacheDir: join(folder, 'cache'), draft: { model: other } };
    for (const open of [loadModel, planModel])
      await expect(open(TALES, options)).rejects.toMatchObject({
        code: 'UNSUPPORTED',
        message: expect.stringMatching(/cannot draft for this model: token \d+ is .* there and .* here/),
      });
  });
});
