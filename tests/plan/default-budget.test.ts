import { describe, expect, it } from 'vitest';
import { chooseDefaults, largestContext, type Wish } from '../../dist/src/plan/default-budget.js';

/** A model of 1 GB whose state takes a megabyte a token, in pages of 64. */
const minimumFor = (contextSize: number) => 1e9 + Math.ceil(contextSize / 64) * 64e6;
const choose = (availableBytes: number, change: Partial<Wish> = {}) =>
  chooseDefaults({
    budgetBytes: null,
    contextSize: 1024,
    contextIsOpen: true,
    left: { availableBytes, limitBytes: null, roomBytes: null },
    overheadBytes: 100e6,
    minimumFor,
    ...change,
  });

describe('a budget that is left open', () => {
  it('is 60% of what is left, where the model runs in that', () => {
    expect(choose(10e9)).toEqual({ budgetBytes: 6e9, contextSize: 1024, warnings: [] });
  });

  it('is 90% less the overhead, said aloud, where the model needs more than 60%', () => {
    // The model needs 2.024 GB; 60% of 3 GB are 1.8.
    const { warnings, ...sizes } = choose(3e9);
    expect(sizes).toEqual({ budgetBytes: 2.6e9, contextSize: 1024 });
    expect(warnings).toEqual([
      expect.stringMatching(/1\.80 GB.*60% of the 3\.00 GB.*the budget is 2\.60 GB.*`memory`/),
    ]);
  });

  it('comes with the largest context that fits, said aloud, where even that is not enough', () => {
    // 1.8 GB less 0.1 are 1.7: 700 tokens, in pages 640.
    const { warnings, ...sizes } = choose(2e9);
    expect(sizes).toEqual({ budgetBytes: 1.7e9, contextSize: 640 });
    expect(warnings).toEqual([expect.stringMatching(/context of 1024 tokens.*context 640 tokens.*`contextSize`/)]);
  });

  it('leaves a context alone that was asked for, and does not shorten it below 256 tokens', () => {
    expect(choose(2e9, { contextIsOpen: false })).toEqual({ budgetBytes: 1.2e9, contextSize: 1024, warnings: [] });
    expect(choose(1.4e9)).toEqual({ budgetBytes: 840e6, contextSize: 1024, warnings: [] });
  });

  it('leaves room for the overhead where little is left', () => {
    expect(choose(200e6, { minimumFor: () => 1 }).budgetBytes).toBe(80e6);
  });

  it('is taken as it is where it is given', () => {
    for (const budgetBytes of [0, 5, 1e14]) expect(choose(1e9, { budgetBytes })).toMatchObject({ budgetBytes });
  });
});

describe('the largest context', () => {
  it('is the limit, or as many whole pages as fit, or nothing', () => {
    expect(largestContext(3e9, 1000, minimumFor)).toBe(1000);
    expect(largestContext(1e9 + 640e6, 5000, minimumFor)).toBe(640);
    expect(largestContext(1e9 + 640e6 - 1, 5000, minimumFor)).toBe(576);
    expect(largestContext(1e9, 5000, minimumFor)).toBe(0);
  });
});
