import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EvaluationResult } from '../../src/contract/generation.js';
import { flashrowJson } from '../support/flashrow.js';
import { haveSharedData, withoutSharedData } from '../support/shared-data.js';
import { readNpyRows } from './npy.js';
import { greedyIds, readReference, stories, useStories } from './stories.js';

describe.skipIf(!haveSharedData)(`logprobs and eval with stories260K${withoutSharedData}`, () => {
  const { model, scratch, shared } = useStories();

  test('logprobs agree with the reference logits', async () => {
    const greedy = greedyIds();
    const tokens = greedy.slice(0, 24);
    const { json } = await flashrowJson<{ rows: [number, number][][] }>([
      'logprobs',
      model,
      '--tokens',
      JSON.stringify(tokens),
      '--top',
      '4',
      ...shared,
    ]);
    const logits = readNpyRows(`${stories}/greedy_logits_f32.npy`);
    expect(json.rows.map((row) => row.length)).toEqual(tokens.map(() => 4));
    json.rows.forEach((row, position) => {
      const normalizer = Math.log(logits[position].reduce((sum, logit) => sum + Math.exp(logit), 0));
      expect(row[0][0]).toBe(greedy[position + 1]);
      for (const [id, lnp] of row) expect(lnp).toBeCloseTo(logits[position][id] - normalizer, 2);
    });
  });

  test('eval --compare of a model that is not ReLU says so', async () => {
    const file = join(scratch, 'compared.json');
    writeFileSync(file, '[[1,2,3]]');
    const { json } = await flashrowJson(['eval', model, '--compare', '--sequences', file, ...shared]);
    expect(json.error.code).toBe('UNSUPPORTED');
    expect(json.error.message).toContain('`flashrow eval --compare` is for ReLU models');
    expect(json.error.message).not.toContain('convert');
  });

  test('eval --sequences scores as the reference does', async () => {
    const stories: { tokens: number[]; nll: number }[] = readReference('ref_ppl_20stories.json').stories.slice(0, 3);
    const scored = stories.reduce((sum, story) => sum + story.tokens.length - 1, 0);
    const file = join(scratch, 'sequences.json');
    writeFileSync(file, JSON.stringify(stories.map((story) => story.tokens)));
    const { json } = await flashrowJson<EvaluationResult>(['eval', model, '--sequences', file, ...shared]);
    expect(json.tokens).toBe(scored);
    expect(json.meanNll).toBeCloseTo(stories.reduce((sum, story) => sum + story.nll, 0) / scored, 3);
    expect(json.perplexity).toBeCloseTo(Math.exp(json.meanNll), 6);
  });

  test('eval --text scores every token of every document once, however small the context', async () => {
    const documents = ['Once upon a time there was a dog.\nIt ran.', 'Lily <s> saw a cat.'];
    const file = join(scratch, 'text.txt');
    writeFileSync(file, documents.join('\n<|endoftext|>\n'));
    const lengths = await Promise.all(
      documents.map(
        async (text) =>
          (await flashrowJson<{ tokens: number[] }>(['tokenize', model, '--text', text, '--no-special'])).json.tokens
            .length,
      ),
    );
    const args = ['eval', model, '--text', file, ...shared];
    const [whole, windows] = await Promise.all([
      flashrowJson<EvaluationResult>(args),
      flashrowJson<EvaluationResult>([...args, '--context', '5']),
    ]);
    expect([whole.json.tokens, windows.json.tokens]).toEqual([lengths[0] + lengths[1], lengths[0] + lengths[1]]);
    expect(windows.json.meanNll).toBeGreaterThan(whole.json.meanNll);
  });
});
