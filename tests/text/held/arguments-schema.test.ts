import { describe, expect, it } from 'vitest';
import { schemaGrammar } from '../../../dist/src/grammar/schema.js';
import { argumentsSchema, parametersOf } from '../../../dist/src/text/held/arguments-schema.js';
import { accepts } from '../../grammar/support.js';

const toolOf = (parameters: Record<string, unknown> | null) => ({ name: 'f', parameters });

describe('a tool takes no arguments', () => {
  it.each<[Record<string, unknown> | null]>([
    [null],
    [{ type: 'object', properties: {} }],
    [{ properties: {} }],
    [{ type: 'object', properties: {}, required: [], description: 'none', $schema: 'x' }],
    [{ type: 'object', properties: {}, additionalProperties: false }],
  ])('by %j', (parameters) => {
    const grammar = schemaGrammar(argumentsSchema(toolOf(parameters)));
    expect(accepts(grammar, '{}')).toBe(true);
    expect(accepts(grammar, '{"city": "Paris"}')).toBe(false);
    expect(parametersOf(toolOf(parameters))).toEqual({ parameters: [], others: false });
  });
});

describe('a tool takes any arguments', () => {
  it.each<[Record<string, unknown>]>([
    [{}],
    [{ type: 'object' }],
    [{ type: 'object', properties: {}, additionalProperties: true }],
    [{ type: 'object', properties: {}, additionalProperties: { type: 'string' } }],
  ])('by %j', (parameters) => {
    const grammar = schemaGrammar(argumentsSchema(toolOf(parameters)));
    for (const text of ['{}', '{"city": "Paris"}']) expect(accepts(grammar, text)).toBe(true);
  });
});

it('no properties beside what says more are left as they are', () => {
  const parameters = { type: 'object', properties: {}, allOf: [{ properties: { a: { const: 1 } }, required: ['a'] }] };
  expect(accepts(schemaGrammar(argumentsSchema(toolOf(parameters))), '{"a": 1}')).toBe(true);
  const required = { type: 'object', properties: {}, required: ['a'] };
  expect(accepts(schemaGrammar(argumentsSchema(toolOf(required))), '{"a": 1}')).toBe(true);
});
