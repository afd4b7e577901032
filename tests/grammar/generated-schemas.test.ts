import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import { FlashrowError } from '../../dist/src/errors.js';
import { schemaGrammar } from '../../dist/src/grammar/schema.js';
import type { SchemaObject } from '../../dist/src/grammar/schema-values.js';
import { random as randomOf } from '../support/random.js';
import { SchemaMaker, TREE } from './schema-maker.js';
import { accepts, drawn } from './support.js';

/* Schemas put together at random from all that is kept. Ajv says which answers are valid. */

const SCHEMAS = 200;
const DRAWN = 6;

it('every answer that is drawn from a generated schema is valid for it', () => {
  const random = randomOf(2020);
  const maker = new SchemaMaker(random);
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  let [kept, ended] = [0, 0];
  for (let i = 0; i < SCHEMAS; i++) {
    const schema = { ...(maker.schema(3) as SchemaObject), $defs: { tree: TREE } };
    const isValid = ajv.compile(schema);
    let grammar: ReturnType<typeof schemaGrammar>;
    try {
      grammar = schemaGrammar(schema);
    } catch (error) {
      // Bounds may cross, so that nothing is valid. No other refusal may be right.
      expect(error).toBeInstanceOf(FlashrowError);
      expect((error as FlashrowError).message).toMatch(/no value is valid/);
      continue;
    }
    kept++;
    for (let draw = 0; draw < DRAWN; draw++) {
      const text = drawn(grammar, random, 300);
      if (text === null) continue;
      ended++;
      const value = JSON.parse(text);
      expect(isValid(value), `${JSON.stringify(schema)}\n${text}`).toBe(true);
      expect(accepts(grammar, text)).toBe(true);
    }
  }
  expect(kept).toBeGreaterThan(0.9 * SCHEMAS);
  expect(ended).toBeGreaterThan((SCHEMAS * DRAWN) / 2);
});
