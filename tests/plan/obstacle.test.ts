import { describe, expect, it } from 'vitest';
import { parseBytes } from '../../dist/src/plan/bytes.js';
import { obstacleTo, type Sizes, shortage } from '../../dist/src/plan/obstacle.js';

/** A model of 7B in 4 bits on a small device. */
const sizes = (change: Partial<Sizes> = {}): Sizes => ({
  minimumBytes: 2_543_914_336,
  budgetBytes: 8e9,
  contextSize: 2048,
  largestContextSize: 2048,
  left: { availableBytes: 16e9, limitBytes: null, roomBytes: null },
  residentBytes: 1_425_173_600,
  stateBytes: 1_090_519_040,
  scratchBytes: 26_255_616,
  cacheBytes: 2.7e9,
  draftBytes: 0,
  overheadBytes: 60e6,
  ...change,
});
const capped = (limitBytes: number, roomBytes: number) => ({ availableBytes: roomBytes, limitBytes, roomBytes });

describe('an obstacle', () => {
  it('is none where the memory is there', () => {
    expect(obstacleTo(sizes())).toBeNull();
    expect(obstacleTo(sizes({ left: capped(6e9, 5.9e9) }))).toBeNull();
  });

  it('is a budget that is too small, with each part, and what would do', () => {
    const said = obstacleTo(sizes({ budgetBytes: 1_917_852_057, largestContextSize: 832 }));
    expect(said).toBe(
      'a budget of 1.92 GB is too small: resident weights take 1.43 GB, state for 2048 tokens of context 1.09 GB, ' +
        'scratch 26.3 MB, the smallest cache 1.97 MB, together 2.54 GB; ' +
        "set `memory: '2.55GB'`, or `contextSize: 832` in 1.92 GB",
    );
  });

  it('advises an amount that is enough, and hardly more', () => {
    for (const minimumBytes of [6_192_384, 999_999, 1e9, 2_543_914_336, 1_000_000_001, 999_500_001, 812]) {
      const said = obstacleTo(sizes({ minimumBytes, budgetBytes: 1, largestContextSize: 0 }));
      const advised = parseBytes(/memory: '(.*?)'/.exec(said!)![1]);
      expect(advised).toBeGreaterThanOrEqual(minimumBytes);
      expect(advised).toBeLessThan(1.011 * minimumBytes);
    }
  });

  it('advises no more memory than is left', () => {
    const left = { availableBytes: 2.5e9, limitBytes: null, roomBytes: null };
    const small = { budgetBytes: 1.9e9, left };
    expect(obstacleTo(sizes({ ...small, largestContextSize: 832 }))).toMatch(
      /2\.50 GB of memory are left: set `contextSize: 832` in 1\.90 GB$/,
    );
    expect(obstacleTo(sizes({ ...small, largestContextSize: 0 }))).toMatch(
      /left: free some, or choose a smaller model$/,
    );
  });

  it('is a limit that the plan would break, whatever the budget: the kernel would kill', () => {
    const said = obstacleTo(sizes({ left: capped(3.67e9, 3.57e9) }))!;
    expect(said).toMatch(/takes 5\.30 GB .* allows 3\.67 GB and has 3\.57 GB of it left.*kernel/);
    // Nine tenths of 3.57 GB, less the overhead.
    expect(said).toContain("set `memory: '3.15GB'` or less");
    // A cache that the model cannot fill takes no memory.
    expect(obstacleTo(sizes({ budgetBytes: 1e14, cacheBytes: 1e6, left: capped(3.67e9, 3.57e9) }))).toBeNull();
  });
});

describe('a shortage', () => {
  it('is told of where a plan takes more than is left now, without a limit that kills', () => {
    const left = { availableBytes: 5e9, limitBytes: null, roomBytes: null };
    expect(obstacleTo(sizes({ left }))).toBeNull();
    expect(shortage(sizes({ left }))).toMatch(
      /takes 5\.30 GB .* 5\.00 GB of memory are left now.*set `memory: '4\.44GB'`/,
    );
    expect(shortage(sizes())).toBeNull();
  });

  it('names the least budget where nine tenths less the overhead are not enough, and less would be taken', () => {
    // 90 MB less 60 are 30, and the model needs 40; with a cache it takes 58 of the 60% that it was given.
    const parts = { residentBytes: 30e6, stateBytes: 5e6, scratchBytes: 4e6, overheadBytes: 60e6 };
    const left = { availableBytes: 100e6, limitBytes: null, roomBytes: null };
    const small = { ...parts, minimumBytes: 40e6, budgetBytes: 60e6, left };
    expect(shortage(sizes({ ...small, cacheBytes: 19e6 }))).toContain(
      "set `memory: '40MB'`, the least that it runs in",
    );
    expect(shortage(sizes({ ...small, cacheBytes: 1e6, left: { ...left, availableBytes: 90e6 } }))).toMatch(
      /needs a budget of 40\.0 MB: free some memory/,
    );
  });
});
