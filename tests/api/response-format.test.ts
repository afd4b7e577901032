import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, type Model, type ResponseFormat } from '../../dist/src/index.js';
import { TALES } from '../support/shipped.js';

/* The shipped model tells tales and knows no JSON: whatever comes out right is the constraint's work. */

const TEMPLATE = '{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}';
const PERSON = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 12 },
    age: { type: 'integer', minimum: 0, maximum: 120 },
    pets: { type: 'array', items: { enum: ['cat', 'dog'] }, maxItems: 2 },
  },
  required: ['name', 'age', 'pets'],
};

let model: Model;
beforeAll(async () => {
  model = await loadModel(TALES, { memory: '12MB', contextSize: 256 });
});
afterAll(() => model.dispose());

const answer = (responseFormat: ResponseFormat, options: object = {}) =>
  model.generate('Once upon a time', { responseFormat, maxTokens: 240, ...options }).result;

describe('an answer of a format', () => {
  const isValid = new Ajv2020().compile(PERSON);

  it.each([0, 1, 2, 3])('is valid for its schema whatever is drawn (seed %i)', async (seed) => {
    const { text, finishReason } = await answer({ type: 'json_schema', schema: PERSON }, { temperature: 1, seed });
    expect(finishReason).toBe('stop');
    expect(isValid(JSON.parse(text)), text).toBe(true);
  });

  it('is the likeliest that keeps it, without a temperature, and the same in a chat', async () => {
    const format: ResponseFormat = { type: 'json_schema', schema: PERSON };
    const { text, endedBy } = await answer(format);
    expect(isValid(JSON.parse(text)), text).toBe(true);
    expect(endedBy).toBe('endToken');
    const messages = [{ role: 'user', content: 'Once upon a time' }];
    const chat = await model.chat(messages, { template: TEMPLATE, responseFormat: format, temperature: 0 }).result;
    expect(chat.text).toBe(text);
  });

  it('is one of the choices, or a text of the pattern', async () => {
    const choices = ['yes', 'no', 'perhaps'];
    expect(choices).toContain((await answer({ type: 'choice', choices }, { temperature: 2, seed: 5 })).text);
    const { text } = await answer({ type: 'regex', pattern: '^[A-Z]{3}-[0-9]{2}$' }, { temperature: 2, seed: 5 });
    expect(text).toMatch(/^[A-Z]{3}-[0-9]{2}$/);
  });

  it('ends by itself where nothing may follow, even if the end token is never drawn', async () => {
    const { text, endedBy } = await answer({ type: 'choice', choices: ['word'] }, { ignoreEos: true });
    expect([text, endedBy]).toEqual(['word', 'endToken']);
  });

  it('is a JSON object', async () => {
    const { text, finishReason } = await answer({ type: 'json_object' }, { temperature: 1, seed: 3 });
    if (finishReason === 'stop') expect(typeof JSON.parse(text)).toBe('object');
    else expect(finishReason).toBe('length');
    expect(text.trimStart()[0]).toBe('{');
  });

  it('is kept in channels, on that of the answer', async () => {
    const template = `${TEMPLATE}{{ '<|channel|>' and '<|start|>assistant' }}`;
    const format: ResponseFormat = { type: 'choice', choices: ['yes', 'no'] };
    const messages = [{ role: 'user', content: 'Once upon a time' }];
    const texts: string[] = [];
    for (const seed of [0, 1, 2, 3]) {
      const options = { template, responseFormat: format, maxTokens: 60, temperature: 2, seed };
      const { text, finishReason } = await model.chat(messages, options).result;
      if (finishReason === 'stop') texts.push(text);
      else expect([text, finishReason]).toEqual(['', 'length']);
    }
    expect(texts.length).toBeGreaterThan(0);
    for (const text of texts) expect(['yes', 'no']).toContain(text);
  });

  it('says `length` where it is cut off', async () => {
    const { finishReason, endedBy } = await answer({ type: 'json_schema', schema: PERSON }, { maxTokens: 3 });
    expect([finishReason, endedBy]).toEqual(['length', 'maxTokens']);
  });

  it('changes nothing of the answers after it', async () => {
    const before = await answer({ type: 'text' }, { maxTokens: 20 });
    await answer({ type: 'choice', choices: ['a'] });
    expect((await answer({ type: 'text' }, { maxTokens: 20 })).text).toBe(before.text);
  });
});

describe('a format that cannot be had', () => {
  it.each<[string, unknown]>([
    ['a text', 'json'],
    ['an unknown type', { type: 'xml' }],
    ['no schema', { type: 'json_schema' }],
    ['a schema that is a text', { type: 'json_schema', schema: '{}' }],
    ['a field more', { type: 'json_schema', schema: {}, strict: true }],
    ['no choices', { type: 'choice', choices: [] }],
    ['an empty choice', { type: 'choice', choices: [''] }],
  ])('%s is BAD_USAGE at once', (_, responseFormat) => {
    expect(() => model.generate('x', { responseFormat } as never)).toThrow(
      expect.objectContaining({ code: 'BAD_USAGE', message: expect.stringContaining('responseFormat') }),
    );
  });

  it('is refused by name, before its turn', async () => {
    const schema = { type: 'array', uniqueItems: true };
    await expect(answer({ type: 'json_schema', schema })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('uniqueItems cannot be kept'),
      details: { option: 'responseFormat' },
    });
    await expect(answer({ type: 'regex', pattern: '(?<=a)b' })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });
});
