import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChatOptions, loadModel, type Model } from '../../dist/src/index.js';
import { TALES } from '../support/shipped.js';

/* The shipped model does not reason. It tells its tale where a template has it begin with reasoning. */

const TALE = '{{ bos_token }}{{ messages[0].content }}';
const BEGUN = {
  thinking: `${TALE}{{ '<think>' if true else '</think>' }}`,
  mistral: `${TALE}{{ '[THINK]' if true else '[TOOL_CALLS]' }}`,
  'gemma-4': `${TALE}{{ '<|channel>thought\n' if true else '<|tool_call>' }}`,
  harmony: `${TALE}{{ '<|start|>assistant<|channel|>analysis<|message|>' }}`,
};
const LIMIT = 6;

let model: Model;
beforeAll(async () => {
  model = await loadModel(TALES, { memory: '12MB', contextSize: 256 });
});
afterAll(() => model.dispose());

const chat = (template: string, options: ChatOptions) =>
  model.chat([{ role: 'user', content: 'Once upon a time' }], { template, temperature: 0, maxTokens: 90, ...options })
    .result;

describe.each(Object.entries(BEGUN))('reasoning in %s', (_, template) => {
  it('ends after so many tokens, and the answer begins', async () => {
    const free = await chat(template, { maxTokens: 30 });
    expect([free.text, free.usage.reasoning]).toEqual(['', 30]);
    const { text, reasoning, tokens, usage, warnings } = await chat(template, { maxReasoningTokens: LIMIT });
    expect(tokens.slice(0, LIMIT)).toEqual(free.tokens.slice(0, LIMIT));
    expect(free.reasoning.startsWith(reasoning)).toBe(true);
    expect(reasoning.length).toBeGreaterThan(0);
    expect(text.length).toBeGreaterThan(0);
    expect(usage.reasoning).toBeGreaterThanOrEqual(LIMIT);
    expect(usage.reasoning).toBeLessThan(30);
    expect(warnings).toEqual([]);
  });

  it('may have no tokens, before an answer of a format, too', async () => {
    const responseFormat = { type: 'choice' as const, choices: ['yes', 'no'] };
    const { text, reasoning, finishReason } = await chat(template, { maxReasoningTokens: 0, responseFormat });
    expect([reasoning, finishReason]).toEqual(['', 'stop']);
    expect(['yes', 'no']).toContain(text);
  });
});

it('a limit changes nothing where there is no reasoning, and says so where none would be known', async () => {
  const template = `${TALE}{{ '' if true else '</think>' }}`;
  const plain = await chat(template, { maxTokens: 12 });
  expect((await chat(template, { maxTokens: 12, maxReasoningTokens: 0 })).tokens).toEqual(plain.tokens);
  const { warnings } = await chat(TALE, { maxTokens: 1, maxReasoningTokens: 5 });
  expect(warnings).toEqual([expect.stringContaining('`maxReasoningTokens` changed nothing')]);
  expect(() => model.generate('x', { maxReasoningTokens: -1 })).toThrowError(/maxReasoningTokens/);
});
