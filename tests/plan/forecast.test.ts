import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bridge } from '../../dist/native-bridge/bridge.js';
import type { Allocation } from '../../dist/src/plan/allocation.js';
import { forecast } from '../../dist/src/plan/forecast.js';
import { kernelSpeed } from '../../dist/src/plan/kernel-speed.js';
import { DEPTHS, RECORD_BYTES, readCurve } from '../../dist/src/plan/read-curve.js';

/** A machine whose clock stands still but for products, of a millisecond each, and whose disk reads 2 GB/s. */
let now = 0;
let held = 0;
let most = 0;
const probes: { recordBytes: number; readThreads: number }[] = [];
const bridge = {
  isa: 'avx2',
  probeReads: (_path: string, recordBytes: number, totalBytes: number, readThreads: number) => {
    probes.push({ recordBytes, readThreads });
    return { bytes: totalBytes, seconds: totalBytes / 2e9, direct: true };
  },
  loadMatrix: () => {
    most = Math.max(most, ++held);
    return {
      matmul: () => {
        now += 1;
      },
      dispose: () => held--,
    };
  },
} as unknown as Bridge;

beforeEach(() => {
  [now, held, most, probes.length] = [0, 0, 0, 0];
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** A million bytes in a millisecond: 1 GB/s. */
const SAMPLE = { path: 'model', offset: 0, rowStride: 1000, rows: 1000, columns: 500, format: 'f16' } as const;

describe('the speed of kernels', () => {
  it('is bytes of weights over time, with as many copies held as come to the bytes that are asked for', () => {
    expect(kernelSpeed(bridge, SAMPLE, 5.5e6)).toBeCloseTo(1e9, 0);
    expect([most, held]).toEqual([5, 0]);
    expect(kernelSpeed(bridge, SAMPLE, 0)).toBeCloseTo(1e9, 0);
    expect(held).toBe(0);
  });

  it('leaves no matrix behind when a product fails', () => {
    const failing = {
      ...bridge,
      loadMatrix: () => {
        held++;
        return {
          matmul: () => {
            throw new Error('no');
          },
          dispose: () => held--,
        };
      },
    } as unknown as Bridge;
    expect(() => kernelSpeed(failing, SAMPLE, 5e6)).toThrow('no');
    expect(held).toBe(0);
  });
});

describe('the forecast', () => {
  const allocation = (change: object) =>
    ({
      layers: [{ unit: { slotBytes: 8192 } }, { unit: { slotBytes: 65536 } }],
      ring: null,
      residentBytes: 100e6,
      touchedBytes: 50e6,
      bytesPerToken: 40e6,
      ...change,
    }) as unknown as Allocation;
  const of = (change: object, experts = false) =>
    forecast({ bridge, path: 'model', sample: SAMPLE, allocation: allocation(change), experts, denseBytes: 30e6 });
  /** Seconds: reads at 2 GB/s, products at 1 GB/s, 0.2 ms for each of two layers. */
  const [READING, COMPUTING, FIXED] = [0.02, 0.05, 0.03 + 2 * 0.2e-3];

  it('hides the shorter of reading and computing behind the longer where neurons are picked', () => {
    expect(1 / of({}).tokensPerSecond!).toBeCloseTo(COMPUTING + FIXED, 9);
    expect(1 / of({ bytesPerToken: 200e6 }).tokensPerSecond!).toBeCloseTo(0.1 + FIXED, 9);
  });

  it('hides everything behind the reads of a ring, where these take longer', () => {
    const ring = { arenaOffset: 0, slots: 8, slotBytes: 65536 };
    expect(1 / of({ ring }).tokensPerSecond!).toBeCloseTo(COMPUTING + FIXED, 9);
    expect(1 / of({ ring, bytesPerToken: 200e6 }).tokensPerSecond!).toBeCloseTo(0.1, 9);
  });

  it('waits for experts before it computes', () => {
    expect(1 / of({}, true).tokensPerSecond!).toBeCloseTo(READING + COMPUTING + FIXED, 9);
  });

  it('reads what stays and what the first token touches before that token', () => {
    const { firstTokenSeconds, tokensPerSecond } = of({});
    expect(firstTokenSeconds! - 1 / tokensPerSecond!).toBeCloseTo(150e6 / 2e9, 9);
  });

  it('times reads as large as the largest slot, as many at once as there will be', () => {
    const { basis } = of({});
    of({ ring: { arenaOffset: 0, slots: 3, slotBytes: 65536 } });
    of({ layers: [{ unit: { slotBytes: 64 } }] });
    of({ layers: [{ unit: { slotBytes: 2 ** 23 } }] });
    expect(probes.map(({ recordBytes }) => recordBytes)).toEqual([65536, 65536, 4096, 2 ** 20]);
    expect(probes.map(({ readThreads }) => readThreads)).toEqual([16, 3, 16, 16]);
    expect(basis).toMatch(/64 KiB .* 2\.00 GB\/s .*f16 .*avx2 .* 1\.00 GB\/s/);
  });
});

describe('the read curve', () => {
  it('has a point for each size of record and each depth', () => {
    const points = [...readCurve(bridge, 'model')];
    expect(points).toHaveLength(RECORD_BYTES.length * DEPTHS.length);
    expect(new Set(points.map(({ recordBytes, depth }) => `${recordBytes} ${depth}`)).size).toBe(points.length);
    for (const { bytesPerSecond, direct } of points) {
      expect(bytesPerSecond).toBeCloseTo(2e9, 0);
      expect(direct).toBe(true);
    }
  });
});
