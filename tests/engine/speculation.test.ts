import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../dist/src/index.js';
import type { PlanOptions } from '../../dist/src/plan/model-options.js';
import { DraftingHost } from '../support/drafting-host.js';
import { TALES } from '../support/shipped.js';

/*
 * The text of a model without drafts is the measure: it is what a pass for each token gives.
 */

const PROMPT = [5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
const SCRIPTS = [
  { accuracy: 1, seed: 1, most: 7 },
  { accuracy: 0.8, seed: 2, most: 7 },
  { accuracy: 0.5, seed: 3, most: 3 },
  { accuracy: 0, seed: 4, most: 7 },
];
const SETTINGS = [
  {},
  { temperature: 0.8, seed: 3 },
  { temperature: 1.2, seed: 4, topP: 0.9, repeatPenalty: 1.2 },
  { temperature: 1, seed: 5, topK: 20, minP: 0.02 },
  { repeatPenalty: 1.3 },
  { temperature: 0.7, seed: 6, ignoreEos: false, maxTokens: 80 },
  { temperature: 0.9, seed: 7, responseFormat: { type: 'json_object' } as const, maxTokens: 60 },
];

async function withHost<T>(options: PlanOptions, work: (host: DraftingHost) => Promise<T>): Promise<T> {
  const host = await DraftingHost.open(TALES, { contextSize: 128, ...options });
  try {
    return await work(host);
  } finally {
    await host.dispose();
  }
}

describe('an answer with drafts', () => {
  let host: DraftingHost;
  beforeAll(async () => {
    host = await DraftingHost.open(TALES, { contextSize: 128 });
  });
  afterAll(() => host.dispose());

  it.each(SETTINGS)('is the one without, however often they are right: %j', async (settings) => {
    const plain = await host.write(PROMPT, settings, null);
    expect(plain.receipt.speculation).toMatchObject({ draft: 'off', drafted: 0, accepted: 0 });
    for (const script of SCRIPTS) {
      const drafted = await host.write(PROMPT, settings, { ...script, right: plain.tokens });
      const { speculation } = drafted.receipt;
      expect({ ...drafted, receipt: 0 }).toEqual({ ...plain, usage: drafted.usage, receipt: 0 });
      expect(speculation.drafted).toBeGreaterThan(plain.tokens.length > 8 ? 0 : -1);
      if (script.accuracy === 1) expect(speculation.accepted).toBe(speculation.drafted);
      if (script.accuracy === 0) expect(speculation.accepted).toBeLessThan(5);
    }
  });

  it('ends before the same stop text, and where the context ends', async () => {
    const { text, tokens } = await host.write(PROMPT, { maxTokens: 60 }, null);
    for (const settings of [{ maxTokens: 60, stop: [text.slice(30, 37)] }, { maxTokens: 1000 }]) {
      const plain = await host.write(PROMPT, settings, null);
      expect(plain.endedBy).toBe('stop' in settings ? 'stop' : 'contextSize');
      for (const script of SCRIPTS) {
        const right = 'stop' in settings ? tokens : plain.tokens;
        const drafted = await host.write(PROMPT, settings, { ...script, right });
        expect({ ...drafted, receipt: 0 }).toEqual({ ...plain, usage: drafted.usage, receipt: 0 });
      }
    }
  });

  it('leaves the state that it leaves without: the next turn takes up as much, and goes on alike', async () => {
    const turn = { maxTokens: 25, temperature: 0.9, seed: 8 };
    const plain = await host.write(PROMPT, turn, null);
    const further = [...PROMPT, ...plain.tokens, 20, 21, 22];
    const next = await host.write(further, turn, null);
    for (const script of SCRIPTS) {
      await host.write([3], { maxTokens: 1 }, null);
      await host.write(PROMPT, turn, { ...script, right: plain.tokens });
      const again = await host.write(further, turn, { ...script, right: next.tokens });
      expect([again.usage.cached, again.tokens]).toEqual([next.usage.cached, next.tokens]);
    }
  });

  it('draws no more than was asked for', async () => {
    const { tokens } = await host.write(PROMPT, { maxTokens: 40 }, null);
    for (const maxTokens of [0, 1, 2, 3, 9]) {
      const drafted = await host.write(PROMPT, { maxTokens }, { right: tokens, accuracy: 1, seed: 1, most: 7 });
      expect([drafted.tokens, drafted.endedBy]).toEqual([tokens.slice(0, maxTokens), 'maxTokens']);
    }
  });
});

describe('drafts at other budgets, policies and threads', () => {
  it.each<[string, PlanOptions]>([
    ['the least memory', { memory: '4.2MB' }],
    ['lru', { memory: '5MB', tuning: { cache: 'lru' } }],
    ['window:2', { memory: '5MB', tuning: { cache: 'window:2' } }],
    ['lfu', { memory: '6MB', tuning: { cache: 'lfu' } }],
    ['every row, pinned', { memory: '4.5MB', tuning: { selector: 'all', cache: 'pin' } }],
    ['predictors that guess', { memory: '8MB', exact: false, tuning: { selector: 'low-rank' } }],
    ['signs that guess', { memory: '8MB', exact: false, tuning: { selector: 'sign' } }],
    ['one thread', { threads: 1 }],
    ['three threads, keys and values in 8 bits', { threads: 3, tuning: { state: 'q8' } }],
    ['keys and values in 32 bits', { tuning: { state: 'f32' } }],
  ])('%s: the same text', async (_, options) => {
    await withHost(options, async (host) => {
      const settings = { maxTokens: 50, temperature: 0.8, seed: 21 };
      const plain = await host.write(PROMPT, settings, null);
      for (const script of SCRIPTS) {
        const drafted = await host.write(PROMPT, settings, { ...script, right: plain.tokens });
        expect(drafted.tokens).toEqual(plain.tokens);
      }
    });
  });
});

describe('the option draft', () => {
  it('refuses what does not exist, and what is no draft', async () => {
    await expect(loadModel(TALES, { draft: 'self' })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(loadModel(TALES, { draft: 'mtp' })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(loadModel(TALES, { draft: 'guess' as never })).rejects.toMatchObject({ code: 'BAD_USAGE' });
  });

  it('rests while calls share their passes, and each has its own text', async () => {
    const prompts = [5, 40].map((first) => Array.from({ length: 50 }, (_, i) => first + (i % 5)));
    const model = await loadModel(TALES, { contextSize: 256, sequences: 2 });
    try {
      const options = { maxTokens: 50, ignoreEos: true, temperature: 0.3, seed: 9 };
      const alone: number[][] = [];
      for (const prompt of prompts)
        alone.push((await model.generate(prompt, { ...options, draft: 'off' }).result).tokens);
      const together = await Promise.all(prompts.map((prompt) => model.generate(prompt, options).result));
      expect(together.map(({ tokens }) => tokens)).toEqual(alone);
      for (const prompt of prompts) {
        const { tokens } = await model.generate(prompt, options).result;
        expect(alone).toContainEqual(tokens);
      }
    } finally {
      await model.dispose();
    }
  });

  it('looks up by itself, and not where it is off', async () => {
    const prompt = Array.from({ length: 60 }, (_, i) => 20 + (i % 6));
    const model = await loadModel(TALES, { contextSize: 256 });
    try {
      const options = { maxTokens: 60, ignoreEos: true };
      const drafted = await model.generate(prompt, options).result;
      const plain = await model.generate(prompt, { ...options, draft: 'off' }).result;
      expect(drafted.tokens).toEqual(plain.tokens);
      expect([drafted.receipt.speculation.draft, plain.receipt.speculation.draft]).toEqual(['lookup', 'off']);
      expect(plain.receipt.speculation).toMatchObject({ drafted: 0, tokensPerPass: 1 });
      expect(() => model.generate(prompt, { draft: 'auto' as never })).toThrowError(
        expect.objectContaining({ code: 'BAD_USAGE' }),
      );
    } finally {
      await model.dispose();
    }
  });
});
