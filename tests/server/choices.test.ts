import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../dist/src/index.js';
import { TALES } from '../support/shipped.js';
import { type Served, serveTales } from './support.js';

let served: Served;
let openai: OpenAI;
beforeAll(async () => {
  served = await serveTales();
  openai = new OpenAI({ baseURL: served.url, apiKey: 'none' });
});
afterAll(() => served.end());

const messages = [{ role: 'user' as const, content: 'Once upon a time' }];
const ASKED = { model: 'tales', messages, max_tokens: 8, seed: 5, temperature: 1.2 };

describe('several choices', () => {
  it('are what their seeds give alone, and the prompt runs once', async () => {
    const { choices, usage, ...rest } = await openai.chat.completions.create({ ...ASKED, n: 3 });
    const alone = [];
    for (const seed of [5, 6, 7]) {
      const answer = await openai.chat.completions.create({ ...ASKED, seed });
      alone.push(answer.choices[0].message.content);
      expect(usage?.prompt_tokens).toBe(answer.usage?.prompt_tokens);
    }
    expect(choices.map(({ index, message }) => [index, message.content])).toEqual([...alone.entries()]);
    expect(new Set(alone).size).toBeGreaterThan(1);
    expect(usage).toMatchObject({ completion_tokens: 24 });
    expect(rest).not.toHaveProperty('timings');
    const cached = choices.map((choice) => (choice as unknown as { timings: { cache_n: number } }).timings.cache_n);
    // The last token of a prompt always runs: its logits are needed.
    expect(cached.slice(1)).toEqual([usage!.prompt_tokens - 1, usage!.prompt_tokens - 1]);
  });

  it('come streamed, each with its own end, and one usage', async () => {
    const whole = await openai.chat.completions.create({ ...ASKED, n: 2 });
    const stream = openai.chat.completions.stream({ ...ASKED, n: 2, stream_options: { include_usage: true } });
    const final = await stream.finalChatCompletion();
    expect(final.choices.map(({ message }) => message.content)).toEqual(
      whole.choices.map(({ message }) => message.content),
    );
    expect(final.choices.map(({ finish_reason }) => finish_reason)).toEqual(['length', 'length']);
    expect(final.usage).toEqual({ ...whole.usage, prompt_tokens_details: final.usage!.prompt_tokens_details });
  });

  it('of completions are told apart, too', async () => {
    const asked = { model: 'tales', prompt: 'Once upon a time', max_tokens: 5, n: 2, seed: 1, temperature: 1 };
    const { choices } = await openai.completions.create(asked);
    expect(choices.map(({ index }) => index)).toEqual([0, 1]);
    const texts = ['', ''];
    for await (const chunk of await openai.completions.create({ ...asked, stream: true }))
      for (const { index, text } of chunk.choices) texts[index] += text;
    expect(texts).toEqual(choices.map(({ text }) => text));
  });
});

describe('log-probabilities', () => {
  it('are those of the model, whole and streamed', async () => {
    const asked = { ...ASKED, logprobs: true, top_logprobs: 3 };
    const [{ logprobs, message }] = (await openai.chat.completions.create(asked)).choices;
    expect(logprobs!.content!.map(({ token }) => token).join('')).toBe(message.content);
    const streamed = await openai.chat.completions.stream(asked).finalChatCompletion();
    expect(streamed.choices[0].logprobs?.content).toEqual(logprobs!.content);
    await using model = await loadModel(TALES, { memory: '12MB', contextSize: 256 });
    const ids = await model.tokenize('Once upon a time');
    const [row] = (await model.logprobs(ids, 3)).slice(-1);
    const told = logprobs!.content![0].top_logprobs;
    for (const [i, [id, logprob]] of row.entries()) {
      expect(told[i].token).toBe(await model.detokenize([id]));
      expect(Buffer.from(told[i].bytes!).toString()).toBe(told[i].token);
      expect(told[i].logprob).toBeCloseTo(logprob, 4);
    }
  });

  it('of completions stand beside their texts', async () => {
    const asked = { model: 'tales', prompt: 'Once upon a time', max_tokens: 6, temperature: 0, logprobs: 2 };
    const [{ text, logprobs }] = (await openai.completions.create(asked)).choices;
    expect(logprobs!.tokens!.join('')).toBe(text);
    for (const [i, token] of logprobs!.tokens!.entries()) {
      expect(text.startsWith(token, logprobs!.text_offset![i])).toBe(true);
      // At temperature 0 each is the likeliest.
      expect(Object.entries(logprobs!.top_logprobs![i])[0]).toEqual([token, logprobs!.token_logprobs![i]]);
    }
    const streamed: number[] = [];
    for await (const chunk of await openai.completions.create({ ...asked, stream: true }))
      for (const choice of chunk.choices) streamed.push(...(choice.logprobs?.token_logprobs ?? []));
    expect(streamed).toEqual(logprobs!.token_logprobs);
  });
});

it('biases and penalties change what is drawn, in both spellings of a bias', async () => {
  const ask = async (more: object) => {
    const { choices } = await openai.chat.completions.create({ ...ASKED, temperature: 0, max_tokens: 3, ...more });
    return choices[0].message.content;
  };
  const plain = await ask({});
  const forced = await ask({ logit_bias: { 65: 100 } });
  expect(await ask({ logit_bias: [[65, 100]] })).toBe(forced);
  expect(await ask({ logit_bias: { 65: 100 }, presence_penalty: 2, repeat_last_n: -1 })).toBe(forced);
  expect(await ask({ logit_bias: { 65: 100 }, presence_penalty: 200 })).not.toBe(forced);
  expect(await ask({ logit_bias: [[65, false]] })).toBe(plain);
});
