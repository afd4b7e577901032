import { fileURLToPath } from 'node:url';
import { generateObject, generateText, stepCountIs, streamText, tool } from 'ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type FlashrowLanguageModel, languageModel } from '../../dist/src/ai-sdk/index.js';
import { loadModel, type Model } from '../../dist/src/index.js';

let model: Model;
let flashrow: FlashrowLanguageModel;
beforeAll(async () => {
  model = await loadModel(fileURLToPath(new URL('../../weights/chat', import.meta.url)), { memory: '16MB' });
  flashrow = languageModel(model, { options: { temperature: 0 } });
});
afterAll(() => model.dispose());

/** The weather in a city, by a tool; the small model that talks knows such ones. */
const tools = {
  get_weather: tool({
    description: 'The weather in a city.',
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => ({ weather: city === 'Oslo' ? 'windy' : 'sunny' }),
  }),
};

describe('a model in the AI SDK', () => {
  it('answers as the model does, whole and streamed, and tells what it cost', async () => {
    const asked = { model: flashrow, prompt: 'What is the opposite of hot?' };
    const own = await model.chat([{ role: 'user', content: asked.prompt }], { temperature: 0 }).result;
    const whole = await generateText(asked);
    expect(whole.text).toBe(own.text);
    expect(whole.finishReason).toBe('stop');
    expect(whole.usage).toMatchObject({ inputTokens: own.usage.prompt, outputTokens: own.usage.completion });
    expect(whole.providerMetadata?.flashrow).toMatchObject({ receipt: { exact: true }, warnings: [] });
    const stream = streamText(asked);
    let text = '';
    for await (const delta of stream.textStream) text += delta;
    expect(text).toBe(own.text);
    expect((await stream.usage).outputTokens).toBe(own.usage.completion);
    expect((await stream.providerMetadata)?.flashrow).toHaveProperty('receipt.payloadBytesRead');
    // The prompt ran before: all but its last token was there.
    expect((await stream.usage).inputTokenDetails.cacheReadTokens).toBe(own.usage.prompt - 1);
  });

  it('calls tools, and goes on with what they found', async () => {
    const asked = { model: flashrow, prompt: 'What is the weather in Oslo?', tools, stopWhen: stepCountIs(3) };
    const { text, steps } = await generateText(asked);
    expect(steps.map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop']);
    expect(steps[0].toolCalls.map(({ toolName, input }) => [toolName, input])).toEqual([
      ['get_weather', { city: 'Oslo' }],
    ]);
    expect(text).toBe('It is windy in Oslo.');
    const stream = streamText(asked);
    expect(await stream.text).toBe(text);
    expect((await stream.steps)[0].toolResults.map(({ output }) => output)).toEqual([{ weather: 'windy' }]);
  });

  it('keeps a schema, and the choice of a tool', async () => {
    const schema = z.object({ animal: z.enum(['cow', 'cat']), legs: z.number().int().min(1).max(9) });
    const { object } = await generateObject({ model: flashrow, schema, prompt: 'What does a cow say?' });
    expect(schema.parse(object)).toEqual(object);
    const { toolCalls } = await generateText({
      ...{ model: flashrow, prompt: 'Hello!', tools: { get_weather: { ...tools.get_weather, execute: undefined } } },
      toolChoice: { type: 'tool', toolName: 'get_weather' },
    });
    expect(toolCalls.map(({ toolName }) => toolName)).toEqual(['get_weather']);
  });

  it('takes options of its own, and is told what is wrong', async () => {
    const ask = (flashrowOptions: object) =>
      generateText({
        ...{ model: flashrow, prompt: 'Hello!', maxOutputTokens: 2, maxRetries: 0 },
        providerOptions: { flashrow: flashrowOptions as never },
      });
    const { finishReason, providerMetadata } = await ask({ topLogprobs: 2 });
    expect(finishReason).toBe('length');
    expect(providerMetadata?.flashrow.logprobs).toHaveLength(2);
    await expect(ask({ minP: 5 })).rejects.toThrow('minP is from 0 to 1');
    const file = { type: 'file' as const, data: 'AAAA', mediaType: 'application/pdf' };
    await expect(
      generateText({ model: flashrow, messages: [{ role: 'user', content: [file] }], maxRetries: 0 }),
    ).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  it('ends where the caller aborts, before and within a stream', async () => {
    await expect(
      generateText({ model: flashrow, prompt: 'Tell me a story.', abortSignal: AbortSignal.abort(), maxRetries: 0 }),
    ).rejects.toThrow(/abort/i);
    const controller = new AbortController();
    const { stream } = await flashrow.doStream({
      prompt: [{ role: 'user', content: [{ type: 'text', text: 'Tell me a story.' }] }],
      abortSignal: controller.signal,
    });
    const read = async () => {
      for await (const part of stream) if (part.type === 'text-delta') controller.abort(new Error('enough'));
    };
    await expect(read()).rejects.toThrow('enough');
    expect((await generateText({ model: flashrow, prompt: 'What does a cow say?' })).text).toBe('A cow says moo.');
  });

  it('heeds how much it should reason, by the variables that templates read', async () => {
    const prompt = [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'Hi' }] }];
    const template =
      '{{ enable_thinking }}/{{ reasoning_effort }}/{{ messages[0].content[0].text }}{{ messages[0].content }}';
    const told = languageModel(model, { options: { template, temperature: 0, maxTokens: 1 } });
    const counts = [];
    for (const reasoning of ['none', 'high', 'provider-default'])
      counts.push((await told.doGenerate({ prompt, reasoning })).usage.inputTokens.total);
    const count = (templateVariables: Record<string, unknown>) =>
      model.countTokens([{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }], { template, templateVariables });
    expect(counts).toEqual([
      await count({ enable_thinking: false }),
      await count({ enable_thinking: true, reasoning_effort: 'high' }),
      await count({}),
    ]);
  });
});
