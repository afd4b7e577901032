import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import Anthropic from '@anthropic-ai/sdk';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Served, serveTales } from './support.js';

let served: Served;
let openai: OpenAI;
beforeAll(async () => {
  served = await serveTales({ apiKey: 'secret' });
  openai = new OpenAI({ baseURL: served.url, apiKey: 'secret' });
});
afterAll(() => served.end());

const ASKED = { model: 'tales', temperature: 0, messages: [{ role: 'user' as const, content: 'Once upon a time' }] };

describe('openai', () => {
  it('chats, whole and streamed, and its stream helper finds all that it looks for', async () => {
    const whole = await openai.chat.completions.create({ ...ASKED, max_tokens: 16 });
    expect(whole.choices[0].finish_reason).toBe('length');
    const runner = openai.chat.completions.stream({
      ...{ ...ASKED, max_tokens: 16, stream_options: { include_usage: true } },
    });
    const final = await runner.finalChatCompletion();
    expect(final.choices[0].message.content).toBe(whole.choices[0].message.content);
    expect(final.usage?.completion_tokens).toBe(16);
  });

  it('completes, and lists models', async () => {
    const { choices } = await openai.completions.create({
      model: 'tales',
      prompt: 'Once',
      max_tokens: 4,
      temperature: 0,
    });
    expect(choices[0].text.length).toBeGreaterThan(0);
    const ids = [];
    for await (const { id } of openai.models.list()) ids.push(id);
    expect(ids).toEqual(['tales']);
  });

  it('is told what is wrong by the classes of its errors', async () => {
    const create = (more: object) => openai.chat.completions.create({ ...ASKED, max_tokens: 1, ...more });
    await expect(create({ model: 'other' })).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(create({ n: 0 })).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(create({ messages: [{ role: 'user', content: 'go on '.repeat(400) }] })).rejects.toMatchObject({
      code: 'context_length_exceeded',
    });
    const stranger = new OpenAI({ baseURL: served.url, apiKey: 'wrong' });
    await expect(stranger.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    await expect(openai.embeddings.create({ model: 'tales', input: 'x' })).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  it('leaves, and the next one is served', async () => {
    const answers = async () => {
      const text = await (
        await fetch(`${served.listening.url}/metrics`, { headers: { 'x-api-key': 'secret' } })
      ).text();
      return Number(/^flashrow_answers_total\{model="tales"\} (\d+)/m.exec(text)?.[1]);
    };
    const before = await answers();
    const stream = await openai.chat.completions.create({ ...ASKED, stream: true });
    let chunks = 0;
    for await (const _ of stream) if (++chunks === 3) break;
    const controller = new AbortController();
    const waiting = openai.chat.completions.create(ASKED, { signal: controller.signal });
    setTimeout(() => controller.abort(), 30);
    await expect(waiting).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    const { choices } = await openai.chat.completions.create({ ...ASKED, max_tokens: 2 });
    expect(choices).toHaveLength(1);
    // Those that left were not answered to the end.
    expect(await answers()).toBe(before + 1);
  });

  it('asks by the responses API too', async () => {
    const asked = { model: 'tales', input: 'Once upon a time', temperature: 0, max_output_tokens: 12 };
    const whole = await openai.responses.create(asked);
    expect(whole).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
    expect(whole.output_text.length).toBeGreaterThan(0);
    const stream = openai.responses.stream(asked);
    const final = await stream.finalResponse();
    expect(final.output_text).toBe(whole.output_text);
    expect(final.usage?.output_tokens).toBe(12);
    await expect(openai.responses.create({ ...asked, previous_response_id: 'resp_1' })).rejects.toMatchObject({
      param: 'previous_response_id',
    });
  });

  it('is eight at once, and each gets the whole of its own answer', async () => {
    const prompts = Array.from({ length: 8 }, (_, index) => `Tom had ${index} balls.`);
    const ask = async (content: string) => {
      const stream = await openai.chat.completions.create({
        ...{ ...ASKED, messages: [{ role: 'user', content }], max_tokens: 12, stream: true },
      });
      let text = '';
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      return text;
    };
    const alone = [];
    for (const prompt of prompts) alone.push(await ask(prompt));
    expect(await Promise.all(prompts.map(ask))).toEqual(alone);
  });
});

describe('ai', () => {
  const provider = () =>
    createOpenAICompatible({ name: 'flashrow', baseURL: served.url, apiKey: 'secret', includeUsage: true });

  it('generates and streams', async () => {
    const given = { model: provider()('tales'), prompt: 'Once upon a time', temperature: 0, maxOutputTokens: 12 };
    const whole = await generateText(given);
    expect(whole.finishReason).toBe('length');
    const stream = streamText(given);
    let text = '';
    for await (const delta of stream.textStream) text += delta;
    expect(text).toBe(whole.text);
    expect((await stream.usage).outputTokens).toBe(12);
  });
});

describe('@langchain/openai', () => {
  it('invokes and streams', async () => {
    const chat = new ChatOpenAI({
      ...{ model: 'tales', apiKey: 'secret', temperature: 0, maxTokens: 12, configuration: { baseURL: served.url } },
    });
    const whole = await chat.invoke('Once upon a time');
    let text = '';
    for await (const chunk of await chat.stream('Once upon a time')) text += chunk.content;
    expect(text).toBe(whole.content);
    expect(whole.usage_metadata?.output_tokens).toBe(12);
  });
});

describe('@anthropic-ai/sdk', () => {
  const client = () => new Anthropic({ baseURL: served.listening.url, apiKey: 'secret' });
  const asked = {
    model: 'tales',
    max_tokens: 12,
    temperature: 0,
    system: 'Once',
    messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: ' upon a time' }] }],
  };

  it('chats, whole and streamed', async () => {
    const whole = await client().messages.create(asked);
    expect(whole).toMatchObject({ role: 'assistant', stop_reason: 'max_tokens', usage: { output_tokens: 12 } });
    const final = await client().messages.stream(asked).finalMessage();
    expect(final.content).toEqual(whole.content);
    expect(final.stop_reason).toBe('max_tokens');
  });

  it('counts tokens, and is told what is wrong', async () => {
    const { max_tokens: _, temperature: __, ...counted } = asked;
    const { input_tokens } = await client().messages.countTokens(counted);
    const { usage } = await client().messages.create(asked);
    expect(usage.input_tokens + (usage.cache_read_input_tokens ?? 0)).toBe(input_tokens);
    const long = { ...asked, messages: [{ role: 'user' as const, content: 'go on '.repeat(400) }] };
    await expect(client().messages.create(long)).rejects.toThrowError(/prompt is too long: \d+ tokens > 256 maximum/);
    await expect(client().messages.create({ ...asked, model: 'other' })).rejects.toBeInstanceOf(
      Anthropic.NotFoundError,
    );
  });
});
