import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, type Model, type TokenLogprob } from '../../../dist/src/index.js';
import { PROMPT, TALES } from '../../support/shipped.js';

let model: Model;
beforeAll(async () => {
  model = await loadModel(TALES, { contextSize: 128 });
});
afterAll(() => model.dispose());

describe('the log-probabilities of an answer', () => {
  it('are those that the model gives its tokens, however they are drawn', async () => {
    const options = { maxTokens: 12, temperature: 1.5, seed: 3, repeatPenalty: 1.3, topLogprobs: 4 };
    const { tokens, logprobs } = await model.generate(PROMPT, options).result;
    const ids = await model.tokenize(PROMPT);
    const rows = await model.logprobs([...ids, ...tokens.slice(0, -1)], 4096);
    expect(logprobs!.map(({ token }) => token)).toEqual(tokens);
    for (const [place, { token, logprob, top }] of logprobs!.entries()) {
      const row = rows[ids.length - 1 + place];
      // Another call runs the tokens in chunks: their sums are rounded the same, but for the last bits.
      expect(logprob).toBeCloseTo(row.find(([id]) => id === token)![1], 4);
      expect(top.map((other) => other.token)).toEqual(row.slice(0, 4).map(([id]) => id));
      for (const [i, other] of top.entries()) expect(other.logprob).toBeCloseTo(row[i][1], 4);
    }
    // Drawn at this temperature, some are not the likeliest.
    expect(logprobs!.some(({ token, top }) => token !== top[0].token)).toBe(true);
  });

  it('come with the first piece of each token, and spell it', async () => {
    const told: TokenLogprob[] = [];
    const generation = model.generate(PROMPT, { maxTokens: 10, logprobs: true });
    for await (const { logprob } of generation) if (logprob) told.push(logprob);
    const { text, logprobs } = await generation.result;
    expect(told).toEqual(logprobs);
    expect(Buffer.concat(told.map(({ bytes }) => Buffer.from(bytes))).toString()).toBe(text);
    expect(told.map((each) => each.text).join('')).toBe(text);
    expect(told.every(({ top }) => top.length === 0)).toBe(true);
  });

  it('are left out where nobody asks', async () => {
    expect(await model.generate(PROMPT, { maxTokens: 2 }).result).not.toHaveProperty('logprobs');
  });
});

describe('biases', () => {
  it('rule tokens out, and bring others in, at temperature 0 too', async () => {
    const plain = await model.generate(PROMPT, { maxTokens: 1 }).result;
    const [likeliest] = plain.tokens;
    const without = await model.generate(PROMPT, { maxTokens: 1, logitBias: { [likeliest]: -Infinity } }).result;
    const [[, second]] = [await model.logprobs(await model.tokenize(PROMPT), 2)].map((rows) =>
      rows.at(-1)!.map(([id]) => id),
    );
    expect(without.tokens).toEqual([second]);
    const forced = await model.generate(PROMPT, { maxTokens: 3, logitBias: { 65: 100 } }).result;
    expect(forced.tokens).toEqual([65, 65, 65]);
  });

  it('of ids that do not exist, and those that leave nothing, are BAD_USAGE', async () => {
    const bad = expect.objectContaining({ code: 'BAD_USAGE', details: { option: 'logitBias' } });
    expect(() => model.generate('x', { logitBias: { 4096: 1 } })).toThrowError(bad);
    const all = Object.fromEntries(Array.from({ length: 4096 }, (_, id) => [id, -Infinity]));
    await expect(model.generate('x', { logitBias: all }).result).rejects.toThrowError(bad);
  });
});
