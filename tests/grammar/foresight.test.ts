import { expect, it } from 'vitest';
import { Constraint } from '../../dist/src/grammar/constraint.js';
import { answerGrammar } from '../../dist/src/grammar/response-format.js';
import { schemaGrammar } from '../../dist/src/grammar/schema.js';
import type { SchemaObject } from '../../dist/src/grammar/schema-values.js';
import { isAllowed } from '../../dist/src/grammar/token-table.js';
import { random as randomOf } from '../support/random.js';
import { SchemaMaker, TREE } from './schema-maker.js';
import { BYTES, table } from './support.js';

const MOST = 7;
const allowedIn = (constraint: Constraint): number[] => {
  const mask = constraint.allowed();
  return BYTES.flatMap((_, id) => (isAllowed(mask, id) ? [id] : []));
};
const textOf = (ids: readonly number[]) => Buffer.concat(ids.map((id) => BYTES[id])).toString();

/** The first token of a text, as the longest of the vocabulary that it begins with. */
function longest(text: string): number {
  const fits = BYTES.flatMap((bytes, id) =>
    bytes.length > 0 && text.startsWith(Buffer.from(bytes).toString()) ? [id] : [],
  );
  return fits.reduce((best, id) => (BYTES[id].length > BYTES[best].length ? id : best));
}

function after(format: Parameters<typeof answerGrammar>[0], text: string): Constraint {
  const constraint = new Constraint(answerGrammar(format)!, table);
  for (let rest = text; rest !== ''; rest = rest.slice(textOf([longest(rest)]).length))
    expect(constraint.take(BYTES[longest(rest)])).toBe(true);
  return constraint;
}

it('what is certain is what the masks leave alone, in answers drawn from generated schemas', () => {
  const random = randomOf(7);
  const maker = new SchemaMaker(random);
  let [places, certain] = [0, 0];
  for (let i = 0; i < 60; i++) {
    let grammar: ReturnType<typeof schemaGrammar>;
    try {
      grammar = schemaGrammar({ ...(maker.schema(3) as SchemaObject), $defs: { tree: TREE } });
    } catch {
      continue;
    }
    const constraint = new Constraint(grammar, table);
    /** Tokens that were certain before they came. */
    let expected: number[] = [];
    for (let step = 0; step < 60; step++) {
      const ids = allowedIn(constraint);
      if (ids.length === 0) break;
      const isAlone = ids.length === 1 && !constraint.complete;
      const foreseen = constraint.foresee(MOST);
      places++;
      if (expected.length > 0) {
        expect([isAlone, ids]).toEqual([true, [expected.shift()]]);
        certain++;
      }
      expect(foreseen.certain > 0).toBe(isAlone);
      if (isAlone) expect(foreseen.ids[0]).toBe(ids[0]);
      expect(foreseen.ids.length).toBeLessThanOrEqual(MOST);
      expect(foreseen.certainties.length).toBe(foreseen.ids.length);
      if (foreseen.ids.length > 0) expect(ids).toContain(foreseen.ids[0]);
      if (expected.length === 0) expected = foreseen.ids.slice(1, foreseen.certain);
      const id = ids[Math.floor(random() * ids.length)];
      expect(constraint.take(BYTES[id])).toBe(true);
    }
  }
  expect(places).toBeGreaterThan(500);
  expect(certain).toBeGreaterThan(50);
});

it('what is likely is the longest tokens of what has to come', () => {
  const schema = { type: 'object', properties: { name: { const: 'hello world' } }, required: ['name'] };
  const constraint = after({ type: 'json_schema', schema }, '{"');
  const { ids, certain } = constraint.foresee(MOST);
  expect(ids.map((id) => textOf([id]))).toEqual(['name', '": ', '"', 'hello', ' world', '"}']);
  // "n" begins one token more.
  expect(certain).toBe(0);
});

it('white space is guessed by that of the last such place', () => {
  const names = ['one', 'two', 'three', 'four'];
  const schema = {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, { type: 'boolean' }])),
    required: names,
  };
  const likely = (text: string) => textOf(after({ type: 'json_schema', schema }, text).foresee(MOST).ids);
  expect(likely('{"one"')).toBe(':');
  expect(likely('{\n  "one" :true,\n  "two"')).toBe(' :');
  expect(likely('{\n  "one":true,')).toBe(' "two":');
  expect(likely('{\n  "one":true,\n  "two":true,')).toBe('\n  "three');
  expect(likely('{\n  "one":true,\n  "two":true,\n')).toBe('  "three');
});

it('says nothing where the answer may end, or anything may come', () => {
  const number = after({ type: 'json_schema', schema: { type: 'integer' } }, '10');
  expect(number.foresee(MOST).ids).toEqual([]);
  const text = after({ type: 'json_schema', schema: { type: 'string' } }, '"a');
  expect(text.foresee(MOST).ids).toEqual([]);
});
