import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { HeldParts } from '../../dist/src/dense/held-parts.js';
import { loadDraft, openDraft } from '../../dist/src/engine/drafts/load-draft.js';
import { Speculation } from '../../dist/src/engine/drafts/speculation.js';
import { loadModel, planModel } from '../../dist/src/index.js';
import type { PlanOptions } from '../../dist/src/plan/model-options.js';
import { prepare } from '../../dist/src/worker/file-work.js';
import { DraftingHost, eagerGovernor } from '../support/drafting-host.js';
import { nearness } from '../support/how-near.js';
import { TALES } from '../support/shipped.js';
import { type Answers, haveTiny2026, withoutTiny2026, writeTiny } from '../support/tiny-2026.js';

/** What the blocks say, computed in numpy from the same files: tests/golden/prediction_blocks.py. */
const GOLDEN: (Omit<Answers, 'top'> & { rows: Answers['top'] })[] = JSON.parse(
  readFileSync(new URL('../golden/prediction-blocks.json', import.meta.url), 'utf8'),
);

const folder = mkdtempSync(join(tmpdir(), 'flashrow-block-draft-'));
const cacheDir = join(folder, 'cache');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The store of the block of a file that predicts further tokens. */
async function blockOf(source: string, options: PlanOptions): Promise<PlanOptions['draft']> {
  const plain = { ...options, tuning: undefined };
  const { store } = await prepare(
    { source, options: plain, part: 'prediction' },
    new AbortController().signal,
    () => {},
  );
  return { model: 'mtp', store };
}

describe.skipIf(!haveTiny2026)(`a block that predicts further tokens${withoutTiny2026}`, () => {
  it.each(GOLDEN.map((golden) => [golden.model, golden] as const))('%s says what numpy says', async (_, golden) => {
    const { tokens } = golden;
    const options: PlanOptions = { cacheDir, contextSize: 64, tuning: { state: 'f32' } };
    const draft = await blockOf(writeTiny(folder, golden), options);
    const held = new HeldParts();
    const opened = openDraft({ ...options, draft })!;
    const plan = { contextSize: 64 } as Parameters<typeof loadDraft>[2];
    const { engine, hiddenSize, vocabSize } = await loadDraft(opened, options, plan, held, () => false);
    try {
      const lane = engine.lanes.begin({ aborted: () => false, account: null });
      const own = new Float32Array(hiddenSize);
      lane.sees = (_position, x, row, count) =>
        own.set(x.subarray((row + count - 1) * hiddenSize, (row + count) * hiddenSize));
      const { rows, ...input } = engine.hidden!;
      expect(input.isOwn).toBe(false);
      const ours: [number, number][][] = [];
      for (const [from, to] of [
        [0, 8],
        [8, tokens.length - 1],
        [tokens.length - 1, tokens.length],
      ]) {
        engine.hidden!.isOwn = to === tokens.length;
        for (let i = 0; i < (to - from) * hiddenSize; i++) {
          const position = from + Math.floor(i / hiddenSize);
          rows[i] = Math.sin(0.37 * position + 0.11 * (i % hiddenSize) + 0.5);
        }
        if (to === tokens.length) rows.set(own);
        await lane.verify(tokens.slice(from, to));
        for (let i = 0; i < to - from; i++) ours.push(logProbabilities(lane.logits(i), vocabSize));
      }
      const near = nearness(golden.rows.map((row, i) => [ours[i], row]));
      expect(near.mean).toBeLessThan(0.0005);
      expect(near.worst).toBeLessThan(0.005);
      expect(near.sameBest).toBe(tokens.length);
    } finally {
      await held.dispose();
    }
  });

  it.each(GOLDEN.map((golden) => [golden.model, golden] as const))('%s changes no text', async (_, golden) => {
    const source = writeTiny(folder, golden);
    const options: PlanOptions = { cacheDir, contextSize: 400 };
    const draft = await blockOf(source, options);
    for (const most of [1, 7]) {
      const host = await DraftingHost.open(
        source,
        { ...options, draft },
        (_selector, _settings, _spec, { drafting }) => {
          return new Speculation({ sources: [drafting!.source], governor: eagerGovernor(most), now: () => 0 });
        },
      );
      try {
        for (const prompt of [golden.tokens, Array.from({ length: 300 }, (_, i) => (i * i) % 90)])
          for (const settings of [{}, { temperature: 0.9, seed: 4 }]) {
            const asked = { maxTokens: 30, ...settings };
            const plain = await host.write(prompt, asked, null);
            const drafted = await host.write(prompt, asked, ANY);
            expect(drafted.tokens).toEqual(plain.tokens);
            expect(drafted.receipt.speculation).toMatchObject({ draft: 'mtp' });
            expect(drafted.receipt.speculation.drafted).toBeGreaterThan(10);
          }
      } finally {
        await host.dispose();
      }
    }
  });

  it('is loaded by its name, and takes its memory from the budget', async () => {
    const source = writeTiny(folder, GOLDEN[0]);
    const alone = await planModel(source, { cacheDir, contextSize: 128, memory: '40MB' });
    const both = await planModel(source, { cacheDir, contextSize: 128, memory: '40MB', draft: 'mtp' });
    expect(both.draftBytes).toBeGreaterThan(100_000);
    expect(both.minimumBytes).toBe(alone.minimumBytes + both.draftBytes);
    const model = await loadModel(source, { cacheDir, contextSize: 128, memory: '40MB', draft: 'mtp' });
    try {
      expect(model.plan.draftBytes).toBe(both.draftBytes);
      const asked = { maxTokens: 60, ignoreEos: true };
      const drafted = await model.generate(GOLDEN[0].tokens, asked).result;
      const plain = await model.generate(GOLDEN[0].tokens, { ...asked, draft: 'off' }).result;
      expect(drafted.tokens).toEqual(plain.tokens);
      expect(drafted.receipt.speculation.draft).toBe('mtp');
      expect(drafted.receipt.draftBytes).toBe(both.draftBytes);
    } finally {
      await model.dispose();
    }
  });

  it.each([
    ['llama', /has no block that predicts further tokens/],
    ['bailingmoe2', /"bailingmoe2", whose block .* is not understood/],
    ['nemotron_h_moe-latent', /"nemotron_h_moe", whose block .* is not understood/],
  ])('is refused by name: %s', async (model, message) => {
    const source = writeTiny(folder, { model, type: 'f32', seed: 1, shape: 'b' });
    await expect(loadModel(source, { cacheDir, draft: 'mtp' })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(message),
    });
    await expect(planModel(source, { cacheDir, draft: 'mtp' })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });
});

it('a store has no block that predicts further tokens', async () => {
  await expect(loadModel(TALES, { draft: 'mtp' })).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringMatching(/needs the GGUF file/),
  });
});

/** The draft does not go by a script. */
const ANY = { right: [], accuracy: 1, seed: 1, most: 7 };

function logProbabilities(logits: Float32Array, size: number): [number, number][] {
  const sum = Math.log(logits.subarray(0, size).reduce((total, logit) => total + Math.exp(logit), 0));
  return Array.from({ length: size }, (_, id): [number, number] => [id, logits[id] - sum]).sort((a, b) => b[1] - a[1]);
}
