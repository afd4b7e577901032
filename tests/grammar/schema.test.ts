import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { schemaGrammar } from '../../dist/src/grammar/schema.js';
import type { Schema } from '../../dist/src/grammar/schema-values.js';
import { random as randomOf } from '../support/random.js';
import { accepts, drawn } from './support.js';

/* Ajv (https://ajv.js.org) is the judge of what is valid. */

const DRAWN = 40;

function judge(schema: Schema) {
  const ajv = new Ajv2020({ strict: false });
  // Under ES modules the types of this package hide its function.
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  return ajv.compile(schema);
}

const SCHEMAS: [string, Schema, valid: unknown[], invalid: unknown[]][] = [
  ['anything', true, [null, 1, 'x', [1, { a: [] }], { a: 1 }], []],
  ['a type', { type: 'string' }, ['', 'x"\\\n', 'é漢😀', '\u0001'], [1, null]],
  ['several types', { type: ['null', 'integer'] }, [null, 0, -12], [1.5, 'x']],
  ['whole numbers', { type: 'integer' }, [0, -1, 123456789], [0.5]],
  [
    'a range of whole numbers',
    { type: 'integer', minimum: -7, maximum: 1203 },
    [-7, -1, 0, 9, 10, 999, 1203],
    [-8, 1204, 2000],
  ],
  ['above a bound', { type: 'integer', exclusiveMinimum: 10 }, [11, 99, 100000], [10, 0, -11]],
  ['below a bound', { type: 'integer', maximum: -5 }, [-5, -6, -100], [-4, 0, 5]],
  ['a share', { type: 'number', minimum: 0, maximum: 1 }, [0, 1, 0.25, 0.999], [1.1, -0.5, 2]],
  ['an open share', { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }, [0.5, 0.001], [0, 1]],
  [
    'numbers between decimals',
    { type: 'number', minimum: -1.25, maximum: 2.5 },
    [-1.25, 2.5, 0, -0.75, 2.49],
    [-1.3, 2.6, 3],
  ],
  ['lengths', { type: 'string', minLength: 2, maxLength: 3 }, ['ab', 'é漢', '"\\n', '😀😀😀'], ['a', 'abcd']],
  ['a pattern', { type: 'string', pattern: '^[A-Z]{2}-\\d{1,3}$' }, ['AB-1', 'ZZ-999'], ['A-1', 'AB-1234', 'xAB-1']],
  ['a pattern that may lie anywhere', { type: 'string', pattern: 'a' }, ['abc', 'xxa"cyy'], ['x', '']],
  ['a pattern with what JSON escapes', { type: 'string', pattern: '^["\\\\\\n]+$' }, ['"', '\\', '\n"'], ['a']],
  [
    'choices in a pattern',
    { type: 'string', pattern: '^(red|green(ish)?)$' },
    ['red', 'greenish'],
    ['ish', 'redgreen'],
  ],
  ['values', { enum: ['a', 1, null, { x: [1] }] }, ['a', 1, null, { x: [1] }], ['b', 2]],
  ['values of one type', { type: 'string', enum: ['a', 1] }, ['a'], [1]],
  ['one value', { const: 'on' }, ['on'], ['off']],
  [
    'properties',
    {
      type: 'object',
      properties: { a: { type: 'integer' }, b: { type: 'string' }, c: { type: 'boolean' } },
      required: ['b'],
    },
    [{ b: 'x' }, { a: 1, b: '' }, { a: 1, b: '', c: true }, { b: 'x', c: false }],
    [{}, { a: 1 }, { b: 1 }],
  ],
  ['no properties', { type: 'object', properties: {}, additionalProperties: false }, [{}], [{ a: 1 }]],
  ['any object', { type: 'object' }, [{}, { a: 1, b: [2] }], [[]]],
  [
    'other properties',
    {
      type: 'object',
      properties: { kind: { const: 1 }, kinds: { const: 2 } },
      additionalProperties: { type: 'string' },
    },
    [{ kind: 1 }, { kind: 1, kinds: 2, k: 'x', kindred: '', other: 'y' }, { a: 'b' }],
    [{ kind: 'x' }, { a: 1 }],
  ],
  [
    'a name that only required has',
    { type: 'object', required: ['x'], additionalProperties: true },
    [{ x: 1 }],
    [{}, { y: 1 }],
  ],
  [
    'items',
    { type: 'array', items: { type: 'integer' }, minItems: 1, maxItems: 3 },
    [[1], [1, 2, 3]],
    [[], [1, 2, 3, 4], ['x']],
  ],
  [
    'first items',
    { type: 'array', prefixItems: [{ const: 'a' }, { type: 'integer' }], items: false },
    [[], ['a'], ['a', 1]],
    [[1], ['a', 1, 2]],
  ],
  [
    'first items and others',
    { type: 'array', prefixItems: [{ const: 'a' }], items: { type: 'null' }, minItems: 2, maxItems: 3 },
    [
      ['a', null],
      ['a', null, null],
    ],
    [['a'], ['a', null, null, null], ['a', 1]],
  ],
  ['any of', { anyOf: [{ type: 'string' }, { type: 'integer', minimum: 5 }] }, ['x', 5, 77], [4, null]],
  [
    'one of, told apart by a property',
    {
      oneOf: [
        { type: 'object', properties: { type: { const: 'circle' }, r: { type: 'number' } }, required: ['type', 'r'] },
        {
          type: 'object',
          properties: { type: { const: 'square' }, side: { type: 'number' } },
          required: ['type', 'side'],
        },
      ],
    },
    [
      { type: 'circle', r: 1 },
      { type: 'square', side: 2.5 },
    ],
    [{ type: 'circle', side: 1 }, { type: 'triangle' }],
  ],
  [
    'what restricts nothing in its place',
    {
      type: 'object',
      properties: {
        a: { type: 'string', minLength: 0, enum: ['x', 'y'], 'x-order': 1, $anchor: 'a' },
        b: { type: 'array', items: { type: 'integer' }, minItems: 0, uniqueItems: false, minContains: 2 },
        c: { type: 'object', additionalProperties: { const: 1 }, propertyNames: { type: 'string', title: 't' } },
        d: { type: 'null', not: false, if: { type: 'null' }, contains: { const: 1 }, minContains: 0 },
        e: { type: 'object', properties: { k: true }, unevaluatedProperties: false, propertyNames: true },
        f: { type: 'array', prefixItems: [{ const: 1 }], unevaluatedItems: false },
      },
      ...{ minProperties: 0, patternProperties: {}, dependentRequired: {}, dependentSchemas: {}, else: false },
      ...{ additionalProperties: false, unevaluatedProperties: false, nullable: false },
    },
    [{}, { a: 'x', b: [1, 1], c: { z: 1 }, d: null, e: { k: 2 }, f: [1] }, { c: {}, f: [] }],
    [{ a: 'z' }, { b: ['x'] }, { c: { z: 2 } }, { e: { l: 1 } }, { f: [1, 1] }, { g: 1 }],
  ],
  [
    'names that are listed',
    { type: 'object', propertyNames: { enum: ['a', 'b'] }, additionalProperties: { type: 'null' }, required: ['a'] },
    [{ a: null }, { a: null, b: null }],
    [{}, { b: null }, { a: 1 }, { a: null, c: null }],
  ],
  ['no unevaluated properties', { type: 'object', unevaluatedProperties: false }, [{}], [{ a: 1 }]],
  [
    'all evaluated by what is additional',
    { allOf: [{ properties: { a: { const: 1 } } }], additionalProperties: true, unevaluatedProperties: false },
    [{ a: 1 }, { b: 2 }],
    [{ a: 2 }],
  ],
  ['bounds beyond what is written', { type: 'integer', minimum: -1e20, maximum: 1e20 }, [0, 999999999999999], [0.5]],
  ['bounds of 17 digits', { type: 'number', minimum: -12345678901234568 }, [-5, 7.5, -1e15], ['x']],
  ['one of types', { oneOf: [{ type: 'integer' }, { type: 'string' }] }, [1, 'x'], [null]],
  [
    'all of',
    {
      allOf: [
        { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] },
        { properties: { b: { type: 'string' }, a: { maximum: 9 } }, required: ['b'] },
      ],
    },
    [{ a: 9, b: 'x' }],
    [{ a: 10, b: 'x' }, { a: 1 }],
  ],
  [
    'references, to itself as well',
    {
      $defs: {
        node: {
          type: 'object',
          properties: { v: { type: 'integer' }, next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
          required: ['v', 'next'],
        },
      },
      $ref: '#/$defs/node',
    },
    [
      { v: 1, next: null },
      { v: 1, next: { v: 2, next: { v: 3, next: null } } },
    ],
    [{ v: 1 }, { v: 1, next: { v: 2 } }],
  ],
  ['a list of itself', { type: 'array', items: { $ref: '#' } }, [[], [[], [[]]]], [[1]]],
  [
    'an escaped reference',
    { properties: { x: { $ref: '#/definitions/a~1b%25' } }, required: ['x'], definitions: { 'a/b%': { const: 3 } } },
    [{ x: 3 }],
    [{ x: 4 }],
  ],
  [
    'names that need escapes',
    { properties: { 'a"b\n': { const: 1 } }, required: ['a"b\n'] },
    [{ 'a"b\n': 1 }],
    [{ a: 1 }],
  ],
  ...['date', 'time', 'date-time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid'].map(
    (format): [string, Schema, unknown[], unknown[]] => [
      `the format ${format}`,
      { type: 'string', format },
      [],
      ['', 'no '],
    ],
  ),
];

describe.each(SCHEMAS)('a schema for %s', (_, schema, valid, invalid) => {
  const grammar = schemaGrammar(schema);

  it('allows what is valid, and nothing else', () => {
    const isValid = judge(schema);
    for (const value of valid) {
      expect(isValid(value), JSON.stringify(value)).toBe(true);
      expect(accepts(grammar, JSON.stringify(value)), JSON.stringify(value)).toBe(true);
      expect(accepts(grammar, JSON.stringify(value, null, 2)), JSON.stringify(value)).toBe(true);
    }
    for (const value of invalid) expect(accepts(grammar, JSON.stringify(value)), JSON.stringify(value)).toBe(false);
  });

  it('gives valid answers, whatever is drawn', () => {
    const isValid = judge(schema);
    const random = randomOf(7);
    let ended = 0;
    for (let i = 0; i < DRAWN; i++) {
      const text = drawn(grammar, random);
      if (text === null) continue;
      ended++;
      expect(isValid(JSON.parse(text)), text).toBe(true);
    }
    expect(ended).toBeGreaterThan(DRAWN / 4);
  });
});

/* Ajv passes over the name __proto__, so that these are told by hand. */
describe.each<[string, string, valid: string[], invalid: string[]]>([
  [
    'properties',
    '{"properties":{"__proto__":{"type":"string"},"constructor":{"const":1}},"required":["__proto__","toString"]}',
    ['{"__proto__":"x","constructor":1,"toString":null}', '{"__proto__":"","toString":1}'],
    ['{}', '{"__proto__":1,"toString":1}', '{"__proto__":"x"}', '{"__proto__":"x","constructor":2,"toString":1}'],
  ],
  [
    'parts',
    '{"allOf":[{"properties":{"a":{"const":1}}},{"properties":{"__proto__":{"const":2},"valueOf":{"const":3}}}]}',
    ['{}', '{"a":1,"__proto__":2,"valueOf":3}'],
    ['{"__proto__":3}', '{"valueOf":4}'],
  ],
  ['values', '{"const":{"__proto__":[1]}}', ['{"__proto__":[1]}'], ['{}']],
])('names that all objects inherit, in %s', (_, schema, valid, invalid) => {
  it('are names like others', () => {
    const grammar = schemaGrammar(JSON.parse(schema));
    for (const text of valid) expect(accepts(grammar, text), text).toBe(true);
    for (const text of invalid) expect(accepts(grammar, text), text).toBe(false);
  });
});

describe('a schema that cannot be kept is refused by name', () => {
  it.each<[string, Schema, RegExp]>([
    ['not', { not: { type: 'string' } }, /not cannot be kept/],
    ['uniqueItems', { type: 'array', uniqueItems: true }, /uniqueItems cannot be kept/],
    ['a condition', { if: { type: 'null' }, else: {} }, /if cannot be kept/],
    ['multipleOf', { type: 'number', multipleOf: 0.1 }, /multipleOf of anything but 1/],
    ['patternProperties', { type: 'object', patternProperties: { a: {} } }, /patternProperties cannot be kept/],
    [
      'a nested one',
      { properties: { a: { items: { contains: 1 } } } },
      /at #\/properties\/a\/items, contains cannot be kept/,
    ],
    ['an unknown format', { type: 'string', format: 'iri' }, /format "iri" cannot be kept; known are date/],
    ['a look ahead', { type: 'string', pattern: '^b?(?=a)a$' }, /\(\?=a\) cannot be kept/],
    ['a word boundary', { type: 'string', pattern: '\\bx' }, /\\b cannot be kept/],
    ['an edge in the middle', { type: 'string', pattern: 'a^b' }, /\^ stands inside/],
    ['a reference elsewhere', { $ref: 'https://example.com/x' }, /leads out of it/],
    [
      'branches that overlap',
      { oneOf: [{ type: 'integer' }, { type: 'number' }] },
      /might be valid for both 0 and 1 of oneOf/,
    ],
    ['a keyword that all objects inherit', { constructor: 1 }, /constructor cannot be kept/],
    ['another', JSON.parse('{"__proto__":{}}'), /__proto__ cannot be kept/],
    ['an escape of a lone surrogate', { pattern: '^a|\\ud800$' }, /\\ud800 is a lone surrogate/],
    ['a class of surrogates', { pattern: '^[\\ud800-\\udbff]$' }, /is a lone surrogate/],
    ['two formats', { allOf: [{ format: 'date' }, { format: 'uuid' }] }, /two parts of it ask for format/],
    ['a format that JSON Schema defines', { format: 'iri', pattern: 'a' }, /format "iri" cannot be kept/],
    ['a pattern without the flag u', { pattern: '^\\_$' }, /no regular expression with the flag u/],
    ['names', { propertyNames: { maxLength: 3 } }, /propertyNames cannot be kept/],
    ['what is not evaluated', { anyOf: [{}], unevaluatedProperties: false }, /unevaluatedProperties cannot be kept/],
    ['a bound that no number reaches', { type: 'number', minimum: 1e20 }, /a bound of 100000000000000000000 cannot/],
  ])('%s', (_, schema, message) => {
    expect(() => schemaGrammar(schema)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringMatching(message) }),
    );
  });

  it.each<[string, unknown, RegExp]>([
    ['an unknown type', { type: 'float' }, /type "float" is none of null/],
    ['a list', [], /no JSON Schema/],
    ['a text', 'string', /no JSON Schema/],
    ['no value at all', false, /no value is valid/],
    ['bounds that cross', { type: 'integer', minimum: 5, maximum: 4 }, /no value is valid/],
    [
      'a value that never ends',
      { type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] },
      /none that ends/,
    ],
    ['a reference to nothing', { $ref: '#/$defs/x' }, /leads to nothing/],
    ['a reference to itself', { $ref: '#' }, /leads to itself/],
    ['a broken pattern', { type: 'string', pattern: '[' }, /no regular expression/],
    ['a value with a lone surrogate', { const: 'a\ud800' }, /lone surrogate/],
    ['a list of such values', { enum: ['a', { b: ['\udc00'] }] }, /lone surrogate/],
    ['a name with a lone surrogate', { properties: { 'a\ud800': {} } }, /lone surrogate/],
    ['a pattern with a lone surrogate', { pattern: '^\ud800$' }, /lone surrogate/],
    ['a bound that is a text', { type: 'number', minimum: '5' }, /minimum is a number, not "5"/],
    ['a format that is none', { format: 5 }, /format is a text, not 5/],
    ['a list of patterns', { pattern: ['a', 'b'] }, /pattern is a text, not \["a", "b"\]/],
    ['a length below zero', { type: 'string', minLength: -1 }, /a whole number from 0 on/],
    ['required that is no list', { required: 'a' }, /required is a list of names/],
    [
      'a required name that may not be',
      { properties: { a: {} }, required: ['b'], additionalProperties: false },
      /no value is valid/,
    ],
  ])('%s is no schema', (_, schema, message) => {
    expect(() => schemaGrammar(schema as Schema)).toThrow(
      expect.objectContaining({ code: 'BAD_USAGE', message: expect.stringMatching(message) }),
    );
  });

  it('a place deep in it is told by its beginning and its end', () => {
    const nested = (depth: number): Schema => (depth === 0 ? { not: {} } : { items: nested(depth - 1) });
    expect(() => schemaGrammar(nested(100))).toThrow(
      `at #${'/items'.repeat(6)}/(88 more)${'/items'.repeat(6)}, not cannot be kept`,
    );
  });
});
