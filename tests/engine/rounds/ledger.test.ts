import { describe, expect, it } from 'vitest';
import { COST_COUNT, COSTS, Ledger } from '../../../dist/src/engine/rounds/ledger.js';

/** What was counted, and accounts of it. */
function counted() {
  const counters = new Float64Array(COST_COUNT);
  const cacheCounts = { hit: 0, missed: 0 };
  const denseTime = { total: 0 };
  const stream = { counters: (into: Float64Array) => into.set(counters.subarray(0, COSTS.denseMs)) };
  const ledger = new Ledger({ stream: stream as never, cacheCounts, denseTime });
  const account = () => {
    const costs = new Float64Array(COST_COUNT);
    const state = { costs, shared: false };
    const own = {
      charge(cost: number, amount: number) {
        costs[cost] += amount;
      },
      noteShared() {
        state.shared = true;
      },
    };
    ledger.open(own);
    return Object.assign(state, { own });
  };
  const part = ({ own }: ReturnType<typeof account>, tokens: number, dropped = false) => ({
    tokens,
    dropped,
    caller: { account: own },
  });
  return { counters, cacheCounts, denseTime, ledger, account, part };
}

describe('a ledger', () => {
  it('shares bytes and bundles by tokens, in whole numbers that add up, and time not at all', () => {
    const { counters, cacheCounts, denseTime, ledger, account, part } = counted();
    const accounts = [account(), account(), account()];
    for (let pass = 1; pass <= 50; pass++) {
      counters[COSTS.payloadBytes] += 1000 + pass;
      counters[COSTS.readWaitMs] += 3;
      cacheCounts.hit += 7;
      cacheCounts.missed += pass;
      denseTime.total += 2;
      ledger.charge([part(accounts[0], 1), part(accounts[1], 1), part(accounts[2], 1 + (pass % 5))]);
    }
    const sum = (cost: number) => accounts.reduce((total, { costs }) => total + costs[cost], 0);
    expect(sum(COSTS.payloadBytes)).toBe(counters[COSTS.payloadBytes]);
    expect(sum(COSTS.missed)).toBe(cacheCounts.missed);
    expect(sum(COSTS.hit)).toBe(350);
    for (const { costs, shared } of accounts) {
      expect(costs[COSTS.readWaitMs]).toBe(150);
      expect(costs[COSTS.denseMs]).toBe(100);
      expect(costs.every((cost) => Number.isInteger(cost))).toBe(true);
      expect(shared).toBe(true);
    }
    expect(accounts[2].costs[COSTS.payloadBytes]).toBeGreaterThan(accounts[0].costs[COSTS.payloadBytes]);
  });

  it('charges one that is alone with all that was counted, also after its passes', () => {
    const { counters, ledger, account, part } = counted();
    counters[COSTS.payloadBytes] = 500;
    const one = account();
    counters[COSTS.payloadBytes] += 11;
    ledger.charge([part(one, 4)]);
    counters[COSTS.payloadBytes] += 5;
    ledger.settle(one.own);
    ledger.settle(one.own);
    expect([one.costs[COSTS.payloadBytes], one.shared]).toEqual([16, false]);
    ledger.close(one.own);
    counters[COSTS.payloadBytes] += 9;
    const next = account();
    ledger.settle(next.own);
    expect(next.costs[COSTS.payloadBytes]).toBe(0);
  });

  it('has those that were dropped pay for nothing more, and leaves what is between to the next pass', () => {
    const { counters, ledger, account, part } = counted();
    const [one, other] = [account(), account()];
    counters[COSTS.payloadBytes] = 100;
    ledger.settle(one.own);
    expect(one.costs[COSTS.payloadBytes]).toBe(0);
    ledger.charge([part(one, 1), part(other, 1, true)]);
    expect([one.costs[COSTS.payloadBytes], other.costs[COSTS.payloadBytes]]).toEqual([100, 0]);
    expect(one.shared).toBe(false);
  });
});
