import { describe, expect, it } from 'vitest';
import { Rotary } from '../../dist/src/dense/rotary.js';
import { naiveRotary, randomVector, relativeError, smallSpec } from './support.js';

const HEADS = 3;
const TOKENS = 4;

const positionsFrom = (position: number) => Array.from({ length: TOKENS }, (_, token) => position + token);

describe.each([
  {
    title: 'neighbouring pairs',
    rotary: { theta: 10000, dimension: 16, layout: 'interleaved', frequencyFactors: null, magnitude: 1 },
  },
  {
    title: 'pairs across halves',
    rotary: { theta: 10000, dimension: 16, layout: 'halves', frequencyFactors: null, magnitude: 1 },
  },
  {
    title: 'a part of each head',
    rotary: { theta: 10000, dimension: 6, layout: 'interleaved', frequencyFactors: null, magnitude: 1 },
  },
  {
    title: 'a part of each head in halves',
    rotary: { theta: 10000, dimension: 6, layout: 'halves', frequencyFactors: null, magnitude: 1 },
  },
  {
    title: 'slowed frequencies',
    rotary: {
      theta: 500000,
      dimension: 16,
      layout: 'halves',
      frequencyFactors: [1, 1, 1, 2, 3.5, 8, 8, 8],
      magnitude: 1,
    },
  },
  {
    title: 'queries and keys that grow',
    rotary: { theta: 10000, dimension: 6, layout: 'halves', frequencyFactors: null, magnitude: 1.25 },
  },
] as const)('rotary of $title', (given) => {
  const frequencyFactors = given.rotary.frequencyFactors ? [...given.rotary.frequencyFactors] : null;
  const spec = smallSpec({ rotary: { ...given.rotary, frequencyFactors } });
  const vectors = randomVector(TOKENS * HEADS * spec.headDim, 5);
  const turned = (rotary: Rotary, position: number) => {
    const out = vectors.slice();
    rotary.apply(out, TOKENS, HEADS, positionsFrom(position));
    return out;
  };

  it.each([0, 1, 131_000])('turns complex numbers by their angle at position %i', (position) => {
    const expected = naiveRotary(Float64Array.from(vectors), TOKENS, HEADS, spec, position);
    expect(relativeError(turned(new Rotary(spec.rotary!, spec.headDim, TOKENS), position), expected)).toBeLessThan(
      1e-6,
    );
  });

  it('leaves the dimensions alone that do not turn', () => {
    const out = turned(new Rotary(spec.rotary!, spec.headDim, TOKENS), 9);
    for (let head = 0; head < TOKENS * HEADS; head++) {
      const rest = [head * spec.headDim + spec.rotary!.dimension, (head + 1) * spec.headDim] as const;
      expect(out.subarray(...rest)).toEqual(vectors.subarray(...rest));
    }
  });

  it('turns each vector by its own position', () => {
    const positions = [7, 131_000, 0, 7, 8, 9].slice(0, TOKENS);
    const out = vectors.slice();
    const rotary = new Rotary(spec.rotary!, spec.headDim, TOKENS);
    turned(rotary, 7);
    rotary.apply(out, positions.length, HEADS, positions);
    const size = HEADS * spec.headDim;
    for (const [token, position] of positions.entries()) {
      const one = vectors.slice(token * size, (token + 1) * size);
      new Rotary(spec.rotary!, spec.headDim, TOKENS).apply(one, 1, HEADS, [position]);
      expect(out.subarray(token * size, (token + 1) * size)).toEqual(one);
    }
  });

  it('does not depend on what it was asked before', () => {
    const rotary = new Rotary(spec.rotary!, spec.headDim, TOKENS);
    const fresh = (position: number) => turned(new Rotary(spec.rotary!, spec.headDim, TOKENS), position);
    for (const position of [3, 4, 3, 0]) expect(turned(rotary, position)).toEqual(fresh(position));
    const one = vectors.slice(0, HEADS * spec.headDim);
    rotary.apply(one, 1, HEADS, [8]);
    expect(turned(rotary, 8)).toEqual(fresh(8));
  });
});

describe('rotary of positions in three parts', () => {
  const rotary = { theta: 100, dimension: 16, layout: 'halves', frequencyFactors: null, magnitude: 1 } as const;
  const spec = smallSpec({ rotary });
  const vectors = randomVector(TOKENS * spec.headDim, 5);
  const apply = (one: Rotary, positions: ArrayLike<number>) => {
    const out = vectors.slice();
    one.apply(out, TOKENS, 1, positions);
    return out;
  };

  it('is the usual one where the three are the same', () => {
    const positions = positionsFrom(11);
    const parted = new Rotary({ ...rotary, sections: [4, 2, 2] }, spec.headDim, TOKENS);
    const usual = new Rotary(rotary, spec.headDim, TOKENS);
    expect(apply(parted, [...positions, ...positions, ...positions])).toEqual(apply(usual, positions));
  });

  it('turns each pair by its part, row and column taking turns with time as long as there are so many', () => {
    const parts = [positionsFrom(3), positionsFrom(50), positionsFrom(700)];
    const parted = new Rotary({ ...rotary, sections: [4, 2, 1] }, spec.headDim, TOKENS);
    // Other positions before, so that nothing of them is held.
    apply(parted, [...parts[0], ...parts[0], ...parts[2]]);
    const found = apply(parted, parts.flat());
    const alone = parts.map((positions) => apply(new Rotary(rotary, spec.headDim, TOKENS), positions));
    for (const [pair, part] of [0, 1, 2, 0, 1, 0, 0, 0].entries())
      for (let token = 0; token < TOKENS; token++)
        for (const at of [pair, pair + 8])
          expect(found[token * spec.headDim + at]).toBe(alone[part][token * spec.headDim + at]);
  });
});
