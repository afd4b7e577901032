import { afterAll, expect, it } from 'vitest';
import { createServer } from '../../dist/src/server/index.js';
import { TALES } from '../support/shipped.js';
import { request } from './support.js';

/** The shipped model does not reason: it tells its tale where a template has it begin with reasoning. */
const template = `{{ bos_token }}{{ messages[0].content }}{{ '<think>' if true else '</think>' }}`;
const server = createServer({
  models: [{ name: 'tales', source: TALES, template, options: { contextSize: 256 } }],
  ...{ memory: '12MB', maxReasoningTokens: 5 },
});
afterAll(() => server.close());

const reasoned = async (more: object) => {
  const messages = [{ role: 'user', content: 'Once upon a time' }];
  const body = { messages, max_tokens: 40, temperature: 0, ...more };
  const answer = await (await server.fetch(request('/v1/chat/completions', body))).json();
  return (answer as { usage: { completion_tokens_details: { reasoning_tokens: number } } }).usage
    .completion_tokens_details.reasoning_tokens;
};

it('a limit of reasoning holds for requests that name none, and gives way to one of theirs', async () => {
  const limited = await reasoned({});
  // Of the mark that ends it some tokens may count, too.
  expect(limited).toBeGreaterThanOrEqual(5);
  expect(limited).toBeLessThan(12);
  const asked = await reasoned({ thinking_budget_tokens: 12 });
  expect(asked).toBeGreaterThanOrEqual(12);
  expect(asked).toBeLessThan(40);
  expect(await reasoned({ reasoning_budget_tokens: -1 })).toBe(40);
});
