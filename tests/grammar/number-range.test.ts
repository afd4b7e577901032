import { describe, expect, it } from 'vitest';
import { schemaGrammar } from '../../dist/src/grammar/schema.js';
import { random as randomOf } from '../support/random.js';
import { accepts, drawn } from './support.js';

/* What is valid is told by the bounds themselves, compared with the double that JSON.parse reads. */

const BOUNDS: [minimum: number, isOpen: boolean, maximum: number, isOpen: boolean][] = [
  [100.2, true, 100.25, true],
  [899, false, 900.5, true],
  [0, true, 1, true],
  [-0.3, true, -0.1, true],
  [0.30000000000000004, true, 0.4, false],
  [123456789012345, true, 123456789012350, true],
  [Number.MAX_SAFE_INTEGER - 4, true, Number.MAX_SAFE_INTEGER, true],
  [1e-20, true, 1e-19, true],
];

describe.each(BOUNDS)('numbers from %d (open: %s) to %d (open: %s)', (least, openBelow, most, openAbove) => {
  const grammar = schemaGrammar({
    type: 'number',
    ...(openBelow ? { exclusiveMinimum: least } : { minimum: least }),
    ...(openAbove ? { exclusiveMaximum: most } : { maximum: most }),
  });

  it('are never a bound that is open, however many digits are drawn', () => {
    const random = randomOf(11);
    for (let i = 0; i < 60; i++) {
      const text = drawn(grammar, random)!;
      const value = JSON.parse(text) as number;
      expect(openBelow ? value > least : value >= least, text).toBe(true);
      expect(openAbove ? value < most : value <= most, text).toBe(true);
    }
  });

  it('have at most 15 places, or four more than a bound', () => {
    const placesOf = (value: number) => {
      const [, places = '', exponent = '0'] = /^\d*\.?(\d*)(?:e(-\d+))?$/.exec(String(Math.abs(value)))!;
      return places.length - Number(exponent);
    };
    const limit = Math.max(15, Math.max(placesOf(least), placesOf(most)) + 4);
    const random = randomOf(12);
    for (let i = 0; i < 60; i++) {
      const [whole, places = ''] = drawn(grammar, random)!.trim().replace('-', '').split('.');
      expect(whole.length).toBeLessThanOrEqual(16);
      expect(places.length).toBeLessThanOrEqual(limit);
    }
  });
});

it.each(['123456789012345.001', '123456789012345.0049'])(
  '%s is 123456789012345 for who reads it, and not above',
  (text) => {
    expect(JSON.parse(text)).toBe(123456789012345);
    expect(accepts(schemaGrammar({ type: 'number', exclusiveMinimum: 123456789012345 }), text)).toBe(false);
  },
);

it('one bound leaves room for 15 digits before the point on the other side', () => {
  const grammar = schemaGrammar({ type: 'number', exclusiveMinimum: 5.5 });
  for (const text of ['5.6', '999999999999999', '999999999999998.5']) expect(accepts(grammar, text), text).toBe(true);
  for (const text of ['5.5', '5.50', '1000000000000000']) expect(accepts(grammar, text), text).toBe(false);
});

it('a bound too near to zero is refused by name', () => {
  expect(() => schemaGrammar({ type: 'number', minimum: 5e-324 })).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('a bound of 5e-324') }),
  );
});
