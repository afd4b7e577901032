import { describe, expect, it } from 'vitest';
import { Governor } from '../../dist/src/draft/governor.js';
import { random } from '../support/random.js';

/*
 * A simulated model and a simulated draft: passes take what a curve says, and a foretold token is right with a chance.
 * What would be best is computed here, by trying every fixed length.
 */

/** ms of a pass over n tokens. */
type Curve = (tokens: number) => number;
const MOST = 8;
const CURVES: Record<string, { curve: Curve; readsGrow: boolean }> = {
  'the disk is waited for': { curve: (n) => Math.max(500, 60 + 12 * n), readsGrow: false },
  'the disk, then the processor': { curve: (n) => Math.max(500, 100 * n), readsGrow: false },
  'in memory, a token more costs an eighth': { curve: (n) => 29 * (1 + 0.12 * (n - 1)), readsGrow: false },
  'each token costs as much': { curve: (n) => 30 * n, readsGrow: false },
  'a mixture with cold caches': { curve: (n) => 400 * n ** 0.9, readsGrow: true },
  'a mixture with warm caches': { curve: (n) => 100 + 60 * n ** 0.8, readsGrow: true },
};

interface Draft {
  /** ms that a foretold token takes, in passes over one token. */
  cost: number;
  /** The chance that a token is right, by the number of tokens so far. */
  share: (tokens: number) => number;
}

interface Outcome {
  /** ms after so many tokens. */
  at: number[];
  /** Tokens verified. */
  drafted: number;
}

function simulate(name: string, { cost, share }: Draft, seed: number, tokens: number, noise: number): Outcome {
  const { curve, readsGrow } = CURVES[name];
  const next = random(seed);
  const usualShares = cost > 0 ? [0.75] : [0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
  const certainty = cost > 0 ? 0 : 3;
  const governor = new Governor({ mostTokens: MOST, readsGrow, usualShares, usualCost: cost });
  const draftMs = cost * curve(1);
  const at = [0];
  let ms = 0;
  let drafted = 0;
  governor.begin();
  while (at.length <= tokens) {
    governor.open(MOST - 1);
    let foretold = 0;
    for (; governor.asks; foretold++) {
      governor.foretold(certainty, draftMs);
      ms += draftMs;
    }
    const verified = governor.close();
    const isRight = () => next() < share(at.length);
    let right = 0;
    while (right < verified && isRight()) right++;
    const passMs = curve(verified + 1) * (1 + noise * (2 * next() - 1));
    ms += passMs;
    drafted += verified;
    const after = foretold > verified ? isRight() : null;
    governor.ran(verified + 1, passMs, right + 1, right < verified ? false : after);
    for (let i = 0; i <= right; i++) at.push(ms);
  }
  return { at, drafted };
}

/** Tokens per ms at the best fixed number of foretold tokens. */
function best(name: string, cost: number, share: number): number {
  const { curve } = CURVES[name];
  let most = 0;
  for (let length = 0, expected = 0; length < MOST; length++) {
    expected += share ** length;
    most = Math.max(most, expected / (curve(length + 1) + length * cost * curve(1)));
  }
  return most;
}

const SEEDS = [1, 2, 3, 4, 5, 6];
const SHARES = [0, 0.3, 0.6, 0.9, 0.98];
const cases = Object.keys(CURVES).flatMap((name) => [0, 0.05, 0.4].map((cost) => [name, cost] as const));

describe.each(cases)('the governor where %s, and a foretold token costs %d passes', (name, cost) => {
  it.each(SHARES)('is near the best fixed length when a share of %d is right', (share) => {
    const speeds = SEEDS.map((seed) => {
      const { at } = simulate(name, { cost, share: () => share }, seed, 1500, 0.1);
      return 1500 / at[1500];
    });
    const mean = speeds.reduce((sum, speed) => sum + speed, 0) / speeds.length;
    expect(mean / best(name, cost, share)).toBeGreaterThan(name.startsWith('a mixture') ? 0.7 : 0.88);
  });

  it('costs less than 3% of an answer of 100 tokens where it loses, and never 6%, though times vary', () => {
    const alone = 100 * CURVES[name].curve(1);
    for (const share of SHARES)
      for (const noise of [0, 0.1]) {
        const times = SEEDS.map(
          (seed) => simulate(name, { cost, share: () => share }, seed, 100, noise).at[100] / alone,
        );
        expect(Math.max(...times)).toBeLessThan(1.06);
        expect(times.reduce((sum, time) => sum + time, 0) / times.length).toBeLessThan(1.03);
      }
  });
});

describe('the governor', () => {
  const DISK = 'the disk is waited for';

  it('drops a draft within a few passes once the text changes, and takes it up again', () => {
    const share = (tokens: number) => (tokens > 200 && tokens <= 400 ? 0 : 0.95);
    for (const seed of SEEDS) {
      const { at } = simulate('in memory, a token more costs an eighth', { cost: 0.1, share }, seed, 600, 0.05);
      const parts = [at[200], at[400] - at[200], at[600] - at[400]];
      const alone = 200 * CURVES['in memory, a token more costs an eighth'].curve(1);
      expect(parts[0]).toBeLessThan(alone / 1.8);
      expect(parts[1]).toBeLessThan(alone * 1.08);
      expect(parts[2]).toBeLessThan(alone / 1.5);
    }
  });

  it('verifies nothing before it knows what a pass over one token takes, nor beyond what there is room for', () => {
    const governor = new Governor({ mostTokens: MOST, readsGrow: false, usualShares: [0.9], usualCost: 0 });
    governor.begin();
    governor.open(7);
    while (governor.asks) governor.foretold(0, 0);
    expect(governor.close()).toBe(0);
    governor.ran(1, 100, 1, true);
    governor.open(2);
    let asked = 0;
    for (; governor.asks; asked++) governor.foretold(0, 0);
    expect(asked).toBe(2);
    expect(governor.close()).toBeLessThanOrEqual(2);
  });

  it('wins more the longer a draft is right', () => {
    const speeds = [0.3, 0.6, 0.9].map(
      (share) => simulate(DISK, { cost: 0.03, share: () => share }, 1, 500, 0).at[500],
    );
    expect(speeds[0]).toBeGreaterThan(1.3 * speeds[1]);
    expect(speeds[1]).toBeGreaterThan(1.3 * speeds[2]);
  });
});
