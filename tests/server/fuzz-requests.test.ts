import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { createServer } from '../../dist/src/server/index.js';
import { TALES } from '../support/shipped.js';
import { request, TEMPLATE } from './support.js';

const errors: unknown[] = [];
const server = createServer({
  models: [{ name: 'tales', source: TALES, template: TEMPLATE, options: { contextSize: 32 } }],
  ...{ memory: '12MB', onError: (error: unknown) => errors.push(error) },
});
afterAll(() => server.close());

const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }];
const messages = [{ role: 'user', content: [{ type: 'text', text: 'Once' }] }];
/** Bodies that are right, each with all that is read. */
const BODIES: Record<string, object> = {
  '/v1/chat/completions': {
    ...{ model: 'tales', messages, max_tokens: 1, n: 1, stop: ['x'], seed: 1, top_k: 5, logit_bias: { 5: 1 }, tools },
    ...{ tool_choice: 'auto', logprobs: true, top_logprobs: 1, stream_options: { include_usage: true } },
    ...{ response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'integer' } } } },
  },
  '/v1/completions': {
    model: 'tales',
    prompt: [1, 2],
    max_tokens: 1,
    echo: false,
    logprobs: 1,
    logit_bias: [[5, false]],
  },
  '/v1/responses': {
    ...{
      model: 'tales',
      input: [{ role: 'user', content: [{ type: 'input_text', text: 'x' }] }],
      max_output_tokens: 1,
    },
    ...{ text: { format: { type: 'json_object' } }, tools: [{ type: 'function', name: 'f', parameters: {} }] },
  },
  '/v1/messages': { model: 'tales', max_tokens: 1, messages, system: 'x', tools: [{ name: 'f', input_schema: {} }] },
  '/v1/messages/count_tokens': { model: 'tales', messages },
};

/** Every place in a value, as the way there. */
function placesIn(value: unknown, way: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [way];
  return [way, ...Object.entries(value).flatMap(([key, part]) => placesIn(part, [...way, key]))];
}

function withChange(value: unknown, [key, ...rest]: string[], change: unknown): unknown {
  if (key === undefined) return change;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = withChange(copy[key], rest, change);
  return copy;
}

it('a body with anything in any place is answered, or refused with what is wrong', async () => {
  const strange = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<unknown>,
    fc.constantFrom<unknown>(1e308, -1, 2 ** 53, '', '\u0000', '\ud800', [], {}, null, true, { __proto__: null }),
  );
  const bodies = fc
    .constantFrom(...Object.keys(BODIES))
    .chain((path) => fc.tuple(fc.constant(path), fc.constantFrom(...placesIn(BODIES[path])), strange));
  await fc.assert(
    fc.asyncProperty(bodies, async ([path, place, change]) => {
      const body = withChange(BODIES[path], place, change);
      const response = await server.fetch(request(path, JSON.stringify(body)));
      const text = await response.text();
      expect([200, 400, 404], `${path} ${place.join('.')} ${JSON.stringify(change)}: ${text}`).toContain(
        response.status,
      );
      if (response.status !== 200)
        expect((JSON.parse(text) as { error: { message: string } }).error.message).not.toBe('');
    }),
    { numRuns: 150, seed: 19 },
  );
  expect(errors).toEqual([]);
});

it('a text cut anywhere, or with bytes turned, is refused as no JSON or answered', async () => {
  const whole = JSON.stringify(BODIES['/v1/completions']);
  const cuts = fc.tuple(fc.nat(whole.length - 1), fc.nat(255), fc.boolean());
  await fc.assert(
    fc.asyncProperty(cuts, async ([at, byte, isCut]) => {
      const bytes = Buffer.from(whole);
      bytes[at] = byte;
      const sent = new Request('http://localhost/v1/completions', {
        method: 'POST',
        body: isCut ? bytes.subarray(0, at) : bytes,
      });
      expect([200, 400, 404]).toContain((await server.fetch(sent)).status);
    }),
    { numRuns: 150, seed: 20 },
  );
  expect(errors).toEqual([]);
});
