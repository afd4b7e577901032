import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertModel, loadModel, type ModelOptions, planModel } from '../../dist/src/index.js';
import { haveSharedData, sharedJson, sharedPath, withoutSharedData } from '../support/shared-data.js';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'flashrow-golden-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Every way of running that must not change a single token. */
const WAYS: [string, ModelOptions & { share: number }][] = [
  ['the minimum budget', { share: 0 }],
  ['a middle budget', { share: 0.5 }],
  ['everything cached', { share: 2 }],
  ['one thread', { share: 0.5, threads: 1 }],
  ['two threads', { share: 0.5, threads: 2 }],
  ['lru at the minimum', { share: 0, tuning: { selector: 'all', cache: 'lru' } }],
  ['lru in the middle', { share: 0.5, tuning: { selector: 'all', cache: 'lru' } }],
  ['window:2', { share: 0.5, tuning: { selector: 'all', cache: 'window:2' } }],
  ['pin', { share: 0.3, tuning: { selector: 'all', cache: 'pin' } }],
  ['the page cache in between', { share: 0.3, tuning: { direct: false } }],
];

async function budgetFor(
  source: string,
  { share, ...options }: ModelOptions & { share: number },
): Promise<ModelOptions> {
  const { minimumBytes, ffnBytes } = await planModel(source, { ...options, memory: '1GB' });
  return { ...options, memory: Math.ceil(minimumBytes + share * ffnBytes) };
}

/** Greedy continuations of prompts, each as long as asked for. */
async function greedy(
  source: string,
  options: ModelOptions,
  prompts: { ids: number[]; maxTokens: number }[],
): Promise<number[][]> {
  const model = await loadModel(source, options);
  try {
    const written: number[][] = [];
    for (const { ids, maxTokens } of prompts) {
      const { tokens, receipt } = await model.generate(ids, { maxTokens, ignoreEos: true }).result;
      expect(receipt.memoryBytes).toBeLessThanOrEqual(receipt.budgetBytes);
      written.push(tokens);
    }
    return written;
  } finally {
    await model.dispose();
  }
}

describe.skipIf(!haveSharedData)(`stories260K${withoutSharedData}`, () => {
  const source = sharedPath('models/stories260K/stories260K.gguf');
  const base = () => ({ cacheDir: scratch, contextSize: 512 });

  it.each(WAYS)('writes the reference ids with %s', async (_, way) => {
    const ids: number[] = sharedJson('models/stories260K/greedy_ids.json');
    const options = await budgetFor(source, { ...base(), ...way });
    expect(await greedy(source, options, [{ ids: ids.slice(0, 1), maxTokens: 256 }])).toEqual([ids.slice(1, 257)]);
  });

  it.each([
    ['f32', 1e-3],
    ['f16', 1e-2],
  ] as const)('predicts the reference logits with %s keys and values', async (state, tolerance) => {
    const ids: number[] = sharedJson('models/stories260K/greedy_ids.json').slice(0, 256);
    const expected = npyFloats(sharedPath('models/stories260K/greedy_logits_f32.npy'));
    const model = await loadModel(source, { ...base(), tuning: { state } });
    try {
      const rows = await model.logprobs(ids, 512);
      let worst = 0;
      rows.forEach((row, position) => {
        // Probabilities leave out one constant a row; compare around the row's mean.
        const logits = expected.subarray(position * 512, position * 512 + 512);
        const mean = logits.reduce((a, b) => a + b) / 512 - row.reduce((a, [, lnp]) => a + lnp, 0) / 512;
        for (const [id, lnp] of row) worst = Math.max(worst, Math.abs(lnp + mean - logits[id]));
      });
      expect(worst).toBeLessThan(tolerance);
    } finally {
      await model.dispose();
    }
  });

  it('scores 20 stories as the reference does, and in q8_0 within half a percent', async () => {
    const reference = sharedJson('models/stories260K/ref_ppl_20stories.json');
    const sequences = reference.stories.map((story: { tokens: number[] }) => story.tokens);
    const model = await loadModel(source, base());
    try {
      const { tokens, meanNll } = await model.evaluate(sequences);
      expect(tokens).toBe(reference.n);
      expect(Math.abs(meanNll - reference.mean_nll)).toBeLessThan(1e-3);
    } finally {
      await model.dispose();
    }
    const store = join(scratch, 'stories-q8_0');
    const { requantized } = await convertModel(source, store, { rows: 'q8_0', dense: 'q8_0' });
    expect(requantized.length).toBeGreaterThan(0);
    const quantized = await loadModel(store, base());
    try {
      const { perplexity } = await quantized.evaluate(sequences);
      expect(Math.abs(perplexity / Math.exp(reference.mean_nll) - 1)).toBeLessThan(5e-3);
    } finally {
      await quantized.dispose();
    }
  });
});

interface Story {
  promptTokens: number[];
  tokens: number[];
  margins: number[];
}

describe.skipIf(!haveSharedData)(`tales${withoutSharedData}`, () => {
  const source = sharedPath('models/tales');
  const base = () => ({ cacheDir: scratch });

  /** Ids up to the first token whose two best candidates are too close to tell apart. */
  function certain({ tokens, margins }: Story): number[] {
    const doubtful = margins.findIndex((margin) => margin < 0.01);
    return doubtful < 0 ? tokens : tokens.slice(0, doubtful);
  }

  it.each([
    ...WAYS,
    ['gate at its minimum', { share: 0, tuning: { selector: 'gate' } }] as (typeof WAYS)[number],
    ['gate with pinned rows', { share: 0.2, tuning: { selector: 'gate', cache: 'pin' } }] as (typeof WAYS)[number],
  ])('writes the reference ids with %s', async (_, way) => {
    const { greedy: cases } = sharedJson('models/tales/reference.json');
    const options = await budgetFor(source, { ...base(), ...way });
    const expected = cases.map((story: Story) => certain(story));
    const prompts = cases.map((story: Story, i: number) => ({
      ids: story.promptTokens,
      maxTokens: expected[i].length,
    }));
    expect(await greedy(source, options, prompts)).toEqual(expected);
  });

  it('scores the held-out stories as the reference does', async () => {
    const { sequences, valMeanNll, valTokens } = sharedJson('models/tales/reference.json');
    const model = await loadModel(source, base());
    try {
      const { tokens, meanNll } = await model.evaluate(sequences);
      expect(tokens).toBe(valTokens);
      expect(Math.abs(meanNll - valMeanNll)).toBeLessThan(1e-3);
    } finally {
      await model.dispose();
    }
  });

  it("gives the same ids by gate as by all, and reads under 42% of all's bytes while decoding, both at the gate's minimum", async () => {
    const { greedy: cases } = sharedJson('models/tales/reference.json');
    const { minimumBytes } = await planModel(source, { ...base(), tuning: { selector: 'gate' } });
    const outcomes = [];
    for (const selector of ['gate', 'all'] as const) {
      // Without drafts, which read more or less as the clock has it.
      const options = { ...base(), memory: minimumBytes, tuning: { selector }, draft: 'off' } as const;
      const model = await loadModel(source, options);
      try {
        outcomes.push(await model.generate(cases[0].promptTokens, { maxTokens: 160, ignoreEos: true }).result);
      } finally {
        await model.dispose();
      }
    }
    const [gate, all] = outcomes;
    expect(gate.tokens).toEqual(all.tokens);
    // A part of the dense half streams at this budget, the same for both.
    expect(gate.receipt.payloadBytesRead.decode).toBeLessThan(0.42 * all.receipt.payloadBytesRead.decode);
    expect(gate.receipt.payloadBytesRead.decode).toBeGreaterThan(0);
  });
});

/** Floats of a little-endian float32 .npy file (numpy's format 1.0). */
function npyFloats(path: string): Float32Array {
  const bytes = readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
}
