import { expect, it } from 'vitest';
import type { Bridge } from '../../../dist/native-bridge/bridge.js';
import { loadSpeed } from '../../../dist/src/plan/speeds/kernel-speed.js';

it('a matrix of a few bytes is not loaded a million times: each copy takes whole pages', () => {
  let [loaded, held] = [0, 0];
  const bridge = {
    loadMatrix: () => {
      loaded++;
      held++;
      return { dispose: () => held-- };
    },
  } as unknown as Bridge;
  const source = { path: 'none', offset: 0, rows: 2, columns: 32, format: 'q4_0' as const, rowStride: 18 };
  expect(loadSpeed(bridge, source)).toBeGreaterThan(0);
  expect(loaded).toBeLessThan(1000);
  expect(held).toBe(0);
});
