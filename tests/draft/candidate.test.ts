import { expect, it } from 'vitest';
import { Candidate } from '../../dist/src/draft/candidate.js';
import { random } from '../support/random.js';

const [SHARES, OTHER_SHARES] = [
  [0.3, 0.6, 0.9],
  [0.1, 0.25],
];
const MOST = 8;

/** Places and ranks of all tokens with their chances, likeliest first; those that are as likely keep their order. */
function byChance(foretold: readonly { certainty: number; others: readonly number[] }[]) {
  const tokens: { place: number; rank: number; chance: number }[] = [];
  let reach = 1;
  for (const [place, { certainty, others }] of foretold.entries()) {
    tokens.push({ place, rank: 0, chance: reach * SHARES[certainty] });
    for (const [i, other] of others.entries()) tokens.push({ place, rank: i + 1, chance: reach * OTHER_SHARES[other] });
    reach *= SHARES[certainty];
  }
  return tokens.sort((one, other) => other.chance - one.chance).slice(0, MOST);
}

it('orders tokens by the chance that the text has them, and none before the one that it follows', () => {
  const next = random(3);
  const below = (count: number) => Math.floor(next() * count);
  for (let round = 0; round < 200; round++) {
    const options = { usualShares: SHARES, usualOtherShares: OTHER_SHARES, tokenMs: 1, catchUpMs: 1 };
    const candidate = new Candidate(options, MOST);
    candidate.open();
    const foretold = Array.from({ length: 1 + below(7) }, () => ({
      certainty: below(3),
      others: Array.from({ length: below(4) }, () => below(2)),
    }));
    for (const { certainty, others } of foretold) candidate.foretold(certainty, others, 1);
    const expected = byChance(foretold);
    expect(candidate.count).toBe(expected.length);
    let sum = 1;
    const chosen = new Set<string>();
    for (const [i, { chance }] of expected.entries()) {
      sum += chance;
      expect(candidate.expected[i + 1]).toBeCloseTo(sum, 9);
      const [place, rank] = [candidate.place(i), candidate.rank(i)];
      expect(place === 0 || chosen.has(`${place - 1} 0`)).toBe(true);
      chosen.add(`${place} ${rank}`);
    }
    // One more that is hoped for changes nothing that is as likely.
    const least = candidate.before(1);
    expect(candidate.hoped(1, least)).toBeCloseTo(candidate.expected[least], 9);
    expect(candidate.hoped(1, least + 1)).toBeGreaterThan(candidate.expected[least]);
  }
});

it('learns how often a token beside the foretold one is right', () => {
  const candidate = new Candidate({ usualShares: [0.5], usualOtherShares: [0.1], tokenMs: 1, catchUpMs: 1 }, MOST);
  const besideAfter = (rank: number) => {
    for (let i = 0; i < 40; i++) {
      candidate.open();
      candidate.foretold(0, [0, 0], 1);
      candidate.seen(0, true, rank);
    }
    candidate.open();
    candidate.foretold(0, [0], 1);
    return candidate.expected[1];
  };
  expect(besideAfter(2)).toBeGreaterThan(1.4);
  expect(besideAfter(0)).toBeLessThan(1.15);
});
