import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBridge } from '../../dist/native-bridge/index.js';
import { ActiveSet } from '../../dist/src/calibrate/active-set.js';
import { activeShareOf, hotShareOf, reuseOver } from '../../dist/src/calibrate/layer-statistics.js';
import { ThresholdHistogram } from '../../dist/src/calibrate/threshold-histogram.js';
import { trainLayer } from '../../dist/src/calibrate/train-layer.js';
import { trainLowRank } from '../../dist/src/calibrate/train-low-rank.js';

/** Uniform in [0, 1), of no library's making. */
function randomly(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

describe('the statistics of a layer', () => {
  const random = randomly(7);
  const tokens = 60;
  const neurons = 37;
  const products = Float32Array.from(
    { length: tokens * neurons },
    (_, i) => random() - 0.5 - 0.4 * ((i % neurons) / neurons),
  );
  const active = new ActiveSet(tokens, neurons);
  active.mark(0, tokens, products);
  const woke = (token: number) =>
    new Set(Array.from({ length: neurons }, (_, n) => n).filter((n) => products[token * neurons + n] > 0));

  it('tells active neurons apart as their products do', () => {
    for (let token = 0; token < tokens; token++)
      for (let n = 0; n < neurons; n++) expect(active.has(token, n)).toBe(woke(token).has(n));
    const total = products.filter((product) => product > 0).length;
    expect(activeShareOf(active, 0, tokens)).toBeCloseTo(total / products.length, 12);
  });

  it('counts what a sliding window holds and misses as sets do', () => {
    const windows = [1, 2, 5, 8];
    const first = 4;
    const end = 55;
    const longest = 8;
    reuseOver(active, first, end, windows).forEach((reuse, i) => {
      let asked = 0;
      let hits = 0;
      let union = 0;
      let measured = 0;
      for (let token = first + longest; token < end; token++) {
        const held = new Set(Array.from({ length: windows[i] }, (_, k) => [...woke(token - 1 - k)]).flat());
        const now = [...woke(token)];
        asked += now.length;
        hits += now.filter((n) => held.has(n)).length;
        union += held.size;
        measured += 1;
      }
      expect(reuse.hitRate).toBeCloseTo(hits / asked, 12);
      expect(reuse.newShare).toBeCloseTo((asked - hits) / (measured * neurons), 12);
      expect(reuse.unionShare).toBeCloseTo(union / (measured * neurons), 12);
    });
  });

  it('finds the fewest neurons that carry four fifths of the activations', () => {
    expect(hotShareOf(Uint32Array.from([50, 30, 10, 10]))).toBe(0.5);
    expect(hotShareOf(Uint32Array.from([1, 1, 1, 1, 1]))).toBe(0.8);
    expect(hotShareOf(new Uint32Array(3))).toBe(0);
  });

  it('counts a product that is not a number as active', () => {
    const damaged = new ActiveSet(1, 2);
    damaged.mark(0, 1, Float32Array.from([Number.NaN, -1]));
    expect([damaged.has(0, 0), damaged.has(0, 1)]).toEqual([true, false]);
  });
});

describe('a threshold', () => {
  const random = randomly(3);
  const scored = Array.from({ length: 5000 }, () => {
    const active = random() < 0.2;
    return { active, score: (random() + random() - 1) * 6 + (active ? 2 : -2) };
  });
  const histogram = new ThresholdHistogram();
  for (const { score, active } of scored) histogram.add(score, active);

  it.each([0.01, 0.05, 0.2, 0.5])('misses at most a share of %d of the active neurons, and hardly less', (allowed) => {
    const threshold = histogram.threshold(allowed);
    const active = scored.filter((one) => one.active);
    const missed = active.filter(({ score }) => score <= threshold).length / active.length;
    expect(missed).toBeLessThanOrEqual(allowed);
    expect(missed).toBeGreaterThan(allowed - 0.01);
  });

  it('divides as counting does', () => {
    const threshold = histogram.threshold(0.1);
    const { falseNegativeRate, falsePositiveRate, load } = histogram.at(threshold);
    const count = (of: boolean, chosen: boolean) =>
      scored.filter(({ active, score }) => active === of && score > threshold === chosen).length;
    expect(falseNegativeRate).toBeCloseTo(count(true, false) / (count(true, true) + count(true, false)), 2);
    expect(falsePositiveRate).toBeCloseTo(count(false, true) / (count(false, true) + count(false, false)), 2);
    expect(load).toBeCloseTo((count(true, true) + count(false, true)) / (count(true, true) + count(true, false)), 2);
  });

  it('is minus infinity only where the lowest score may not be missed', () => {
    const low = new ThresholdHistogram();
    low.add(-1000, true);
    expect(low.threshold(0.5)).toBe(Number.NEGATIVE_INFINITY);
    const none = new ThresholdHistogram();
    none.add(0, false);
    expect(none.at(none.threshold(0.05)).load).toBe(0);
  });
});

describe('a fitted predictor', () => {
  it('finds a rule of low rank from samples, and foretells tokens that it has not seen', { timeout: 300_000 }, () => {
    const random = randomly(11);
    const [hiddenSize, numNeurons, tokens, trainTokens] = [24, 40, 3000, 2400];
    const gaussian = () => random() + random() + random() - 1.5;
    const a = Float32Array.from({ length: 3 * hiddenSize }, gaussian);
    const b = Float32Array.from({ length: numNeurons * 3 }, gaussian);
    const x = Float32Array.from({ length: tokens * hiddenSize }, gaussian);
    const products = new Float32Array(tokens * numNeurons);
    for (let t = 0; t < tokens; t++) {
      const code = [0, 1, 2].map((r) => {
        let sum = 0;
        for (let i = 0; i < hiddenSize; i++) sum += a[r * hiddenSize + i] * x[t * hiddenSize + i];
        return sum;
      });
      for (let n = 0; n < numNeurons; n++)
        products[t * numNeurons + n] = code.reduce((sum, value, r) => sum + b[n * 3 + r] * value, 0) - 1.5;
    }
    const active = new ActiveSet(tokens, numNeurons);
    active.mark(0, tokens, products);
    const inputs = {
      tokens,
      hiddenSize,
      read: (first: number, count: number, into: Float32Array, at: number) =>
        into.set(x.subarray(first * hiddenSize, (first + count) * hiddenSize), at),
    };
    const fit = (threads: number) => {
      const bridge = openBridge({ threads });
      try {
        const shares: number[] = [];
        const options = { rank: 4, trainTokens, steps: 2000, seed: 1, onStep: (share: number) => shares.push(share) };
        const { a: inner, b: outer, bias } = trainLowRank(bridge, inputs, active, options);
        expect(shares).toHaveLength(2000);
        expect(shares.at(-1)).toBe(1);
        return { inner, outer, bias };
      } finally {
        bridge.dispose();
      }
    };
    const { inner, outer, bias } = fit(1);
    const awake = [0, 0];
    const idle = [0, 0];
    for (let t = trainTokens; t < tokens; t++) {
      for (let n = 0; n < numNeurons; n++) {
        let score = bias[n];
        for (let r = 0; r < 4; r++) {
          let code = 0;
          for (let i = 0; i < hiddenSize; i++) code += inner[r * hiddenSize + i] * x[t * hiddenSize + i];
          score += outer[n * 4 + r] * code;
        }
        const found = score > 0 === active.has(t, n) ? 1 : 0;
        const counts = active.has(t, n) ? awake : idle;
        counts[0] += found;
        counts[1] += 1;
      }
    }
    // The loss lets both kinds of neurons count the same, and so does this.
    expect(awake[0] / awake[1]).toBeGreaterThan(0.9);
    expect(idle[0] / idle[1]).toBeGreaterThan(0.9);
    expect(fit(2)).toEqual({ inner, outer, bias });
  });
});

describe('the progress of a layer', () => {
  it.each([
    ['every rank that fits pays', 1e9, [2, 4, 8]],
    ['one does not pay', 1, [2, 4]],
    ['only the first fits', 0, [2]],
  ])('never goes back, whatever ranks are tried: %s', (_, bundleBytes, tried) => {
    const random = randomly(5);
    const [hiddenSize, numNeurons, tokens, trainTokens] = [8, 16, 700, 512];
    const x = Float32Array.from({ length: tokens * hiddenSize }, () => random() - 0.5);
    const active = new ActiveSet(tokens, numNeurons);
    active.mark(
      0,
      tokens,
      Float32Array.from(
        { length: tokens * numNeurons },
        (_, i) => x[Math.floor(i / numNeurons) * hiddenSize + (i % 8)],
      ),
    );
    const folder = mkdtempSync(join(tmpdir(), 'flashrow-training-'));
    const bridge = openBridge({ threads: 1 });
    try {
      const steps: [number, number][] = [];
      trainLayer(
        bridge,
        {
          tokens,
          hiddenSize,
          read: (first, count, into, at) => into.set(x.subarray(first * hiddenSize, (first + count) * hiddenSize), at),
        },
        active,
        {
          trainTokens,
          falseNegativeRate: 0.03,
          ranks: [2, 4, 8],
          maxBytes: bundleBytes === 0 ? 2 : 8,
          predictorBytes: (rank) => rank,
          format: 'f32',
          bundleBytes,
          seed: 1,
          scratchPath: join(folder, 'trial'),
          onStep: (rank, done) => steps.push([rank, done]),
        },
      );
      const shares = steps.map(([, done]) => done);
      expect(shares).toEqual(shares.toSorted((a, b) => a - b));
      expect(shares[0]).toBeGreaterThan(0);
      expect(shares.at(-1)).toBeLessThanOrEqual(1);
      if (tried.length !== 2) expect(shares.at(-1)).toBe(1);
      expect([...new Set(steps.map(([rank]) => rank))].slice(0, tried.length)).toEqual(tried);
    } finally {
      bridge.dispose();
      rmSync(folder, { recursive: true });
    }
  });
});
