import { describe, expect, it } from 'vitest';
import { expertMissShare } from '../../dist/src/plan/expert-reuse.js';
import { replay } from '../../dist/src/trace/replay.js';
import { readTrace } from '../../dist/src/trace/trace-reader.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';

const BUDGETS = [1.5e9, 3e9, 5.3e9];

describe('experts expected to be missed', () => {
  it('are all without a cache, and none with all in memory', () => {
    expect(expertMissShare(0)).toBe(1);
    expect(expertMissShare(1)).toBe(0);
  });

  it.skipIf(!haveSharedData).each(['qwen3-30b-a3b.route.csv', 'gpt-oss-120b.route.csv'])(
    `are what a replay of recorded routes misses, within 7 points: %s${withoutSharedData}`,
    (name) => {
      const trace = readTrace(sharedPath(`traces/${name}`));
      const units = trace.layers.reduce((sum, layer) => sum + layer.units, 0);
      for (const memoryBytes of BUDGETS) {
        const { slots, policies } = replay(trace, { memoryBytes });
        const missed = 1 - policies.find(({ policy }) => policy === 'pool')!.hitRate;
        expect(Math.abs(expertMissShare(slots / units) - missed), `${memoryBytes} bytes`).toBeLessThan(0.07);
      }
    },
  );
});
