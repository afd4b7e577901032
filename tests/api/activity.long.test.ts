import { describe, expect, it } from 'vitest';
import type { ActivitySample, LoadOptions, Model } from '../../dist/src/index.js';
import { loadModel } from '../../dist/src/index.js';
import { PROMPT, TALES, withTales } from '../support/shipped.js';

/** Takes samples until nothing more comes. All of a call are there when its answer is. */
function watch(model: Model): { samples: ActivitySample[]; leave: () => Promise<unknown> } {
  const samples: ActivitySample[] = [];
  const looking = model.activity();
  const loop = (async () => {
    for await (const sample of looking) samples.push(sample);
  })();
  return { samples, leave: () => looking.return!().then(() => loop) };
}

const total = (samples: readonly ActivitySample[], of: (sample: ActivitySample) => number): number =>
  samples.reduce((sum, sample) => sum + of(sample), 0);
const bitsIn = (bitmap: Uint8Array): number[] =>
  [...bitmap].flatMap((byte, at) => [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => byte & (1 << bit)).map((b) => at * 8 + b));

const MODES: readonly [string, LoadOptions][] = [
  ['neurons in a cache', { memory: '8MB' }],
  ['every unit, pinned, with a ring', { memory: '8MB', tuning: { selector: 'all', cache: 'pin' } }],
  ['every unit, in waves', { memory: '8MB', tuning: { selector: 'all', cache: 'lru' } }],
  ['more memory than the model', { memory: '64MB' }],
];

describe.each(MODES)('activity with %s', (_, options) => {
  it('adds up to what the receipts say', () =>
    withTales({ ...options, contextSize: 256 }, async (model) => {
      const { samples, leave } = watch(model);
      const receipts = [];
      let tokens = 0;
      for (const prompt of [PROMPT, 'The dog said that']) {
        const { receipt, usage } = await model.generate(prompt, { maxTokens: 40, temperature: 0 }).result;
        receipts.push(receipt);
        // The last token is not run: nobody asks what comes after it. What was guessed wrong is run and left out.
        const { drafted, accepted } = receipt.speculation;
        tokens += usage.prompt - usage.cached + usage.completion - 1 + drafted - accepted;
      }
      await leave();
      const [first, ...others] = samples;
      expect(first).toMatchObject({ passes: 0, tokens: 0, bundlesHit: 0, bundlesMissed: 0 });
      expect(others.length).toBeGreaterThan(1);
      const hit = receipts.reduce((sum, { bundlesHit }) => sum + bundlesHit, 0);
      const missed = receipts.reduce((sum, { bundlesMissed }) => sum + bundlesMissed, 0);
      expect(total(samples, ({ bundlesHit }) => bundlesHit)).toBe(hit);
      expect(total(samples, ({ bundlesMissed }) => bundlesMissed)).toBe(missed);
      const ofLayers = (field: 'bundlesHit' | 'bundlesMissed') =>
        total(samples, ({ layers }) => layers.reduce((sum, layer) => sum + layer[field], 0));
      expect(ofLayers('bundlesHit')).toBe(hit);
      expect(ofLayers('bundlesMissed')).toBe(missed);
      expect(total(samples, (sample) => sample.tokens)).toBe(tokens);
      const read = receipts.reduce((sum, { payloadBytesRead: { prefill, decode } }) => sum + prefill + decode, 0);
      // A ring reads ahead after an answer, too.
      expect(total(samples, ({ payloadBytesRead }) => payloadBytesRead)).toBeGreaterThanOrEqual(read);
    }));

  it('says which units were asked for and read, within the layers that there are', () =>
    withTales({ ...options, contextSize: 256 }, async (model) => {
      const { samples, leave } = watch(model);
      await model.generate(PROMPT, { maxTokens: 30, temperature: 0 }).result;
      await leave();
      expect(samples[0].layers).toHaveLength(model.info.layers);
      for (const { layers, ms, readWaitMs, ffnMs, denseMs, otherMs, memoryBytes } of samples) {
        for (const { units, bundles, asked, read, bundlesHit, bundlesMissed } of layers) {
          expect(units).toBeLessThanOrEqual(bundles);
          expect([asked.length, read.length]).toEqual([Math.ceil(units / 8), Math.ceil(units / 8)]);
          const [all, missing] = [bitsIn(asked), new Set(bitsIn(read))];
          expect(all.filter((unit) => unit >= units)).toEqual([]);
          expect([...missing].filter((unit) => !all.includes(unit))).toEqual([]);
          expect(all.length > 0).toBe(bundlesHit + bundlesMissed > 0);
          expect(missing.size > 0).toBe(bundlesMissed > 0);
        }
        expect(Math.abs(ms - readWaitMs - ffnMs - denseMs - otherMs)).toBeLessThan(0.01 * ms + 5);
        expect(memoryBytes).toBeLessThanOrEqual(model.plan.budgetBytes);
      }
    }));
});

it('activity of several generations at once adds up to all of their receipts', () =>
  withTales({ memory: '10MB', sequences: 2, contextSize: 128 }, async (model) => {
    const { samples, leave } = watch(model);
    const prompts = [PROMPT, 'The dog said that', 'One day'];
    const results = await Promise.all(
      prompts.map((prompt) => model.generate(prompt, { maxTokens: 30, temperature: 0 }).result),
    );
    await leave();
    const all = (field: 'bundlesHit' | 'bundlesMissed') =>
      results.reduce((sum, { receipt }) => sum + receipt[field], 0);
    expect(total(samples, ({ bundlesHit }) => bundlesHit)).toBe(all('bundlesHit'));
    expect(total(samples, ({ bundlesMissed }) => bundlesMissed)).toBe(all('bundlesMissed'));
    expect(total(samples, ({ passes }) => passes)).toBeLessThan(total(samples, ({ tokens }) => tokens));
  }));

describe('who looks', () => {
  it('gets samples that were added up, where nobody took them', () =>
    withTales({ memory: '8MB' }, async (model) => {
      const looking = model.activity();
      const { receipt } = await model.generate(PROMPT, { maxTokens: 40, temperature: 0 }).result;
      const { value } = await looking.next();
      expect([value.bundlesHit, value.bundlesMissed]).toEqual([receipt.bundlesHit, receipt.bundlesMissed]);
      await looking.return!();
      expect(await looking.next()).toEqual({ value: undefined, done: true });
    }));

  it('sees the same as others who look, each at their own pace', () =>
    withTales({ memory: '8MB' }, async (model) => {
      const slow = model.activity();
      const { samples, leave } = watch(model);
      await model.generate(PROMPT, { maxTokens: 40, temperature: 0 }).result;
      await leave();
      const { value } = await slow.next();
      expect(value.bundlesHit).toBe(total(samples, ({ bundlesHit }) => bundlesHit));
      const layers = samples[0].layers.map((_, at) =>
        bitsIn(value.layers[at].asked).every((unit) =>
          samples.some(({ layers }) => layers[at].asked[unit >> 3] & (1 << (unit & 7))),
        ),
      );
      expect(layers).not.toContain(false);
      await slow.return!();
    }));

  it('sees nothing of what ran before, and changes no token', () =>
    withTales({ memory: '8MB' }, async (model) => {
      const before = await model.generate(PROMPT, { maxTokens: 20, temperature: 0 }).result;
      const looking = model.activity();
      await looking.next();
      const after = await model.generate(PROMPT, { maxTokens: 20, temperature: 0 }).result;
      const { value } = await looking.next();
      expect(after.tokens).toEqual(before.tokens);
      expect(value.bundlesHit + value.bundlesMissed).toBe(after.receipt.bundlesHit + after.receipt.bundlesMissed);
      await looking.return!();
    }));

  it('is let go when the model is disposed of', async () => {
    const model = await loadModel(TALES, { memory: '8MB' });
    const { samples } = watch(model);
    const waiting = model.activity();
    await waiting.next();
    const next = waiting.next();
    await model.dispose();
    expect(await next).toEqual({ value: undefined, done: true });
    expect(samples).toHaveLength(1);
  });
});
