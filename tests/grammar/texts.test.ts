import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { schemaGrammar } from '../../dist/src/grammar/schema.js';
import type { SchemaObject } from '../../dist/src/grammar/schema-values.js';
import { random as randomOf } from '../support/random.js';
import { accepts, drawn } from './support.js';

/* Patterns, formats and lengths of one text, which all have to be kept. Ajv (https://ajv.js.org) is the judge. */

const DRAWN = 30;

function judge(schema: SchemaObject) {
  // What other formats mean stands in the patterns beside them.
  const ajv = new Ajv2020({ strict: false, logger: false });
  // Under ES modules the types of this package hide its function.
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  return ajv.compile(schema);
}

const text = (rules: SchemaObject): SchemaObject => ({ type: 'string', ...rules });
const ofZod = (type: z.ZodType) => z.toJSONSchema(type) as SchemaObject;
const ID = '123e4567-e89b-12d3-a456-426614174000';

const TEXTS: [string, SchemaObject, valid: string[], invalid: string[]][] = [
  ['a pattern and a length', text({ pattern: '^[a-z]+$', maxLength: 5 }), ['a', 'abcde'], ['', 'abcdef', 'aB']],
  ['a length that a pattern has not', text({ pattern: '^a*$', minLength: 3 }), ['aaa', 'aaaaaa'], ['', 'aa', 'aab']],
  ['a pattern anywhere', text({ pattern: 'é', minLength: 2, maxLength: 3 }), ['aé', 'é漢é'], ['é', 'aaa', 'aaéa']],
  ['a format and a length', text({ format: 'email', maxLength: 9 }), ['a@b.cd', 'ab@cd.efg'], ['abc@de.fgh', 'ab']],
  ['a format and a pattern', text({ format: 'date', pattern: '^2024' }), ['2024-02-28'], ['2023-01-01', '2024-02-30']],
  ['two patterns', { type: 'string', allOf: [{ pattern: 'a' }, { pattern: 'b$' }] }, ['ab', 'bab'], ['b', 'a', 'ba']],
  [
    'three patterns in a choice',
    { type: 'string', allOf: [{ pattern: 'a' }, { pattern: 'b' }], anyOf: [{ pattern: 'c' }, { maxLength: 1 }] },
    ['abc', 'cba'],
    ['ab', 'a', 'ac'],
  ],
  ['what may not be ahead', text({ pattern: '^(?!.*admin)[a-z]+$' }), ['adm', 'min'], ['admin', 'xadminx', '']],
  [
    'a whole text that may not be',
    text({ pattern: '^(?!(?:no|none)$)[a-z]+$' }),
    ['n', 'non', 'nones'],
    ['no', 'none'],
  ],
  ['what has to be ahead', text({ pattern: '^(?=.*\\d)(?=.*[a-z]).{4,}$' }), ['abc1', '1xyzw'], ['abcd', '1234', 'a1']],
  ['what JSON escapes', text({ pattern: '^["\\\\\\n]+$', maxLength: 2 }), ['"', '\\\n'], ['', '"""', 'a']],
  ['characters of all lengths', text({ pattern: '^[a-é漢😀]+$', maxLength: 2 }), ['漢😀', 'é', 'aé'], ['A', '😀😀😀']],
  ['a long text', text({ pattern: '^([a-z]+ )*[a-z]+$', maxLength: 100_000 }), ['a b', 'abc'], ['', ' ', 'a ']],
  ['email of zod', ofZod(z.email()), ['a@b.cd', 'a.b+c@de-f.gh'], ['.a@b.cd', 'a..b@c.de', 'a@b', '']],
  ['email and a length of zod', ofZod(z.string().email().max(254)), ['a@b.cd'], ['a@b', `${'a'.repeat(250)}@b.cd`]],
  ['uuid of zod', ofZod(z.uuid()), [ID], [ID.slice(1), 'x']],
  ['datetime of zod', ofZod(z.iso.datetime()), ['2024-02-28T10:20:30Z'], ['2023-02-29T10:20:30Z', '2024-02-29']],
  ['date of zod', ofZod(z.iso.date()), ['2024-12-31'], ['2023-02-29', '2024-2-2']],
  ['ipv4 of zod', ofZod(z.ipv4()), ['1.2.3.4', '255.0.10.99'], ['256.1.1.1', '1.2.3']],
  ['hostname of zod', ofZod(z.hostname()), ['a.bc', 'x'], ['-a', 'a..b']],
  ['ends of zod', ofZod(z.string().startsWith('ab').endsWith('c')), ['abc', 'abxc'], ['ab', 'bc', 'abcx']],
  ['a part of zod', ofZod(z.string().includes('x').max(3)), ['x', 'axb'], ['a', 'abxc']],
  ['base64 of zod', ofZod(z.base64()), ['', 'YWI=', 'YWJj'], ['a', 'YW=']],
];

describe.each(TEXTS)('a text of %s', (_, schema, valid, invalid) => {
  const grammar = schemaGrammar(schema);
  const isValid = judge(schema);

  it('may be what is valid, and nothing else', () => {
    for (const value of valid) {
      expect(isValid(value), value).toBe(true);
      expect(accepts(grammar, JSON.stringify(value)), value).toBe(true);
    }
    for (const value of invalid) {
      expect(isValid(value), value).toBe(false);
      expect(accepts(grammar, JSON.stringify(value)), value).toBe(false);
    }
  });

  it('is valid, whatever is drawn', () => {
    const random = randomOf(11);
    let ended = 0;
    for (let i = 0; i < DRAWN; i++) {
      const answer = drawn(grammar, random);
      if (answer === null) continue;
      ended++;
      expect(isValid(JSON.parse(answer)), answer).toBe(true);
    }
    expect(ended).toBeGreaterThan(0);
  });
});

it('a text of which nothing is left is BAD_USAGE', () => {
  for (const rules of [
    { pattern: '^a+$', allOf: [{ pattern: '^b+$' }] },
    { format: 'uuid', maxLength: 9 },
    { pattern: '^(?!a)a$' },
  ])
    expect(() => schemaGrammar(text(rules))).toThrow(
      expect.objectContaining({ code: 'BAD_USAGE', message: expect.stringMatching(/no value is valid/) }),
    );
});

it('what takes too many states together is refused by name', () => {
  const ends = (n: number) => `(a|b)*a(a|b){${n}}$`;
  expect(() => schemaGrammar(text({ pattern: `^${ends(20)}`, minLength: 300 }))).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringMatching(/more than 10000 states/) }),
  );
});
