import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bridge } from '../../dist/native-bridge/bridge.js';
import type { Allocation } from '../../dist/src/plan/allocation.js';
import { type ForecastInput, forecast } from '../../dist/src/plan/forecast.js';
import { kernelSpeed } from '../../dist/src/plan/speeds/kernel-speed.js';
import { DEPTHS, RECORD_BYTES, readCurve } from '../../dist/src/plan/speeds/read-curve.js';

/** A machine whose clock stands still but for products, of a millisecond each, and whose disk reads 2 GB/s. */
let now = 0;
/** The share of two cores that products have: their processor time, over twice the time on the clock. */
let coreShare = 1;
let held = 0;
let most = 0;
const probes: { recordBytes: number; readThreads: number }[] = [];
const bridge = {
  isa: 'avx2',
  threads: 2,
  probeReads: (_path: string, recordBytes: number, totalBytes: number, readThreads: number) => {
    probes.push({ recordBytes, readThreads });
    // Something else reads while the first and the last probe of a forecast do.
    const seconds = (totalBytes / 2e9) * (totalBytes === 24e6 && probes.length % 3 !== 2 ? 5 : 1);
    return { bytes: totalBytes, seconds, direct: true };
  },
  loadMatrix: () => {
    most = Math.max(most, ++held);
    now += LOADING_MS;
    return {
      matmul: () => {
        now += 1;
      },
      dispose: () => held--,
    };
  },
} as unknown as Bridge;
/** A matrix whose products with several tokens take as long as those with one token after the other. */
const slowMatrix = (_source: never) => ({
  matmul: (_x: Float32Array, tokens: number) => {
    now += tokens;
  },
  dispose: () => {},
});
/** A million bytes in a quarter of a millisecond: memory is filled at 4 GB/s. */
const LOADING_MS = 0.25;

let cacheDir: string;
beforeEach(() => {
  [now, coreShare, held, most, probes.length] = [0, 1, 0, 0, 0];
  cacheDir = mkdtempSync(join(tmpdir(), 'flashrow-forecast-'));
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  vi.spyOn(process, 'cpuUsage').mockImplementation((before) => ({
    user: 2e3 * coreShare * now - (before?.user ?? 0),
    system: 0,
  }));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(cacheDir, { recursive: true });
});

/** A million bytes in a millisecond: 1 GB/s. */
const SAMPLE = { path: 'model', offset: 0, rowStride: 1000, rows: 1000, columns: 500, format: 'f16' } as const;

describe('the speed of kernels', () => {
  it('is bytes of weights over time, with as many copies held as come to the bytes that are asked for', () => {
    expect(kernelSpeed(bridge, SAMPLE, 5.5e6).bytesPerSecond).toBeCloseTo(1e9, 0);
    expect([most, held]).toEqual([5, 0]);
    expect(kernelSpeed(bridge, SAMPLE, 0)).toMatchObject({ coreShare: 1, disturbed: false });
    expect(held).toBe(0);
  });

  it('is reckoned from processor time where other work takes the cores', () => {
    coreShare = 0.25;
    const { bytesPerSecond, ...rest } = kernelSpeed(bridge, SAMPLE, 0);
    expect(bytesPerSecond).toBeCloseTo(4e9, 0);
    expect(rest).toEqual({ coreShare: 0.25, disturbed: true });
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
      selector: 'gate',
      ring: null,
      denseStreamedBytes: 0,
      residentBytes: 100e6,
      touchedBytes: 50e6,
      ffnBytes: 50e6,
      arenaBytes: 10e6,
      cachedShare: 0.2,
      bytesPerToken: 40e6,
      ...change,
    }) as unknown as Allocation;
  const of = (change: object, more: Partial<ForecastInput> = {}) =>
    forecast({
      ...{ bridge, path: 'model', sample: SAMPLE, allocation: allocation(change), experts: false, denseBytes: 30e6 },
      ...{ promptTokens: 10, chunkTokens: 4, headBytes: 0, draftBytes: null, mostTakenBack: 8, cacheDir },
      ...{ speeds: {}, earlier: null, known: new Map() },
      ...more,
    });
  /** Seconds: reads at 2 GB/s, products at 1 GB/s, 0.2 ms for each of two layers. */
  const [READING, COMPUTING, FIXED] = [0.02, 0.05, 0.03 + 2 * 0.2e-3];

  it('hides the shorter of reading and computing behind the longer where neurons are picked', () => {
    expect(1 / of({}).tokensPerSecond!).toBeCloseTo(COMPUTING + FIXED, 9);
    expect(1 / of({ bytesPerToken: 200e6 }).tokensPerSecond!).toBeCloseTo(0.1 + FIXED, 9);
  });

  it('hides everything behind the reads of a ring, where these take longer', () => {
    const ring = { arenaOffset: 0, slots: 8, slotBytes: 65536 };
    const selector = 'all';
    expect(1 / of({ ring, selector }).tokensPerSecond!).toBeCloseTo(COMPUTING + FIXED, 9);
    expect(1 / of({ ring, selector, bytesPerToken: 200e6 }).tokensPerSecond!).toBeCloseTo(0.1, 9);
  });

  it('reads what streams of the dense half beside all other work, of which experts are read first', () => {
    const streaming = { denseStreamedBytes: 300e6, bytesPerToken: 340e6, ring: { arenaOffset: 0, slots: 8 } };
    expect(1 / of(streaming).tokensPerSecond!).toBeCloseTo(READING + 0.15, 9);
    expect(1 / of(streaming, { experts: true }).tokensPerSecond!).toBeCloseTo(READING + 0.15, 9);
    const little = { ...streaming, denseStreamedBytes: 2e6, bytesPerToken: 42e6, selector: 'router' };
    expect(1 / of(little, { experts: true }).tokensPerSecond!).toBeCloseTo(READING + COMPUTING + FIXED, 9);
  });

  it('waits for experts before it computes', () => {
    expect(1 / of({}, { experts: true }).tokensPerSecond!).toBeCloseTo(READING + COMPUTING + FIXED, 9);
  });

  it('goes by the speeds of another machine where they are given, and says so', () => {
    // A disk a tenth as fast, and memory half as fast: 1 GB/s here.
    const slow = of({}, { speeds: { disk: 2e8, memory: 5e8 } });
    expect(1 / slow.tokensPerSecond!).toBeCloseTo(10 * READING + 2 * 0.03 + 2 * 0.2e-3, 9);
    expect(slow.basis).toMatch(/at 200 MB\/s, as given, .*at 500 MB\/s for one token, as given,/);
    expect(of({}).basis).not.toContain('as given');
  });

  /** The cache is filled with 10 MB at 4 GB/s on each of two cores. */
  const CLEARING = 10e6 / 4e9 / 2;
  /** A layer takes 0.05 ms for each token after the first. */
  const passOf = (tokens: number) => COMPUTING + FIXED + 2 * (tokens - 1) * 0.05e-3;

  it('has the tokens of a prompt share the weights, chunk by chunk, the first of which fills the cache', () => {
    // The machine multiplies by four tokens as fast as by one.
    expect(4 / of({}, { promptTokens: 4 }).prefillTokensPerSecond!).toBeCloseTo(passOf(4) + CLEARING, 9);
    expect(10 / of({}).prefillTokensPerSecond!).toBeCloseTo(2 * passOf(4) + passOf(2) + CLEARING, 9);
  });

  it('reads all of a model that fits for the first chunk, and nothing for the others', () => {
    const whole = { selector: 'all', arenaBytes: 400e6, ffnBytes: 400e6, touchedBytes: 50e6, bytesPerToken: 0 };
    const touched = 400e6 * (1 - (7 / 8) ** 4);
    const first = Math.max(touched / 2e9, touched / 1e9 + FIXED + 2 * 3 * 0.05e-3);
    expect(4 / of(whole, { promptTokens: 4 }).prefillTokensPerSecond!).toBeCloseTo(first, 9);
  });

  it('has all cores clear what one of the two has not cleared of the cache while the model loaded', () => {
    const whole = { selector: 'all', arenaBytes: 4e9, ffnBytes: 4e9, touchedBytes: 4e9, bytesPerToken: 0 };
    const left = 4e9 - (0.2 + 100e6 / 2e9) * 4e9;
    const pass = 4e9 / 1e9 + FIXED + 2 * 3 * 0.05e-3;
    expect(4 / of(whole, { promptTokens: 4 }).prefillTokensPerSecond!).toBeCloseTo(pass + left / 4e9 / 2, 9);
  });

  it('multiplies the head by the last token of a prompt alone', () => {
    // Here products with many tokens take as long as with one, times tokens: 30 MB at 1 GB/s.
    const slow = { ...bridge, loadMatrix: (source: never) => slowMatrix(source) } as unknown as Bridge;
    const seconds = (headBytes: number) =>
      4 /
      of({}, { bridge: slow, promptTokens: 4, headBytes, cacheDir: '/none', known: new Map() }).prefillTokensPerSecond!;
    expect(seconds(0) - seconds(30e6)).toBeCloseTo(3 * 0.03, 6);
  });

  it('has a prompt touch more experts than a token: a quarter of them each, were they independent', () => {
    const mixture = { touchedBytes: 50e6, ffnBytes: 200e6, bytesPerToken: 40e6, cachedShare: 0.2 };
    const touched = 200e6 * (1 - 0.75 ** 4);
    // Four fifths of it are read. An expert has a token or two, for which the products take no longer.
    const pass = (touched * 0.8) / 2e9 + touched / 1e9 + FIXED + 2 * 3 * 0.05e-3;
    const cold = pass + (touched * 0.2) / 2e9 + CLEARING;
    const of8 = of(mixture, { experts: true, promptTokens: 8 });
    expect(8 / of8.prefillTokensPerSecond!).toBeCloseTo(cold + pass, 9);
  });

  it('has the first token after the load and the whole prompt', () => {
    const { loadSeconds, firstTokenSeconds, prefillTokensPerSecond, promptTokens } = of({});
    expect(loadSeconds!).toBeCloseTo(0.2 + 100e6 / 2e9, 9);
    expect(promptTokens).toBe(10);
    expect(firstTokenSeconds! - loadSeconds!).toBeCloseTo(10 / prefillTokensPerSecond!, 9);
  });

  it('times reads as large as the largest slot, as many at once as there will be, and takes the best of three', () => {
    const { basis } = of({});
    of({ ring: { arenaOffset: 0, slots: 3, slotBytes: 65536 } });
    of({ layers: [{ unit: { slotBytes: 64 } }] });
    of({ layers: [{ unit: { slotBytes: 2 ** 23 } }] });
    const each = probes.filter((_, at) => at % 3 === 0);
    expect(each.map(({ recordBytes }) => recordBytes)).toEqual([65536, 65536, 4096, 2 ** 20]);
    expect(each.map(({ readThreads }) => readThreads)).toEqual([16, 3, 16, 16]);
    expect(basis).toMatch(/64 KiB .* 2\.00 GB\/s.*f16 .*avx2 .* 1\.00 GB\/s for one token and 4\.00 GB\/s/);
  });

  it('keeps what it measured for an hour, so that plans can be compared', () => {
    const first = of({});
    now += 1;
    const measured = probes.length;
    const second = of({});
    expect(probes).toHaveLength(measured);
    expect(second).toEqual({ ...first, basis: `${first.basis}; some of it was measured within the last hour` });
  });

  it('foretells the same while other work takes the processor, and says so', () => {
    const calm = of({}).tokensPerSecond!;
    rmSync(join(cacheDir, 'speeds.json'));
    coreShare = 0.25;
    const slowed = {
      ...bridge,
      loadMatrix: () => ({
        matmul: () => {
          now += 4;
        },
        dispose: () => {},
      }),
    } as unknown as Bridge;
    const busy = of({}, { bridge: slowed });
    expect(busy.tokensPerSecond!).toBeCloseTo(calm, 6);
    expect(busy.basis).toContain('other work left 25% of the processor');
  });

  it('gives the speeds of earlier runs where there are any, and says so', () => {
    const { basis, ...speeds } = of({}, { earlier: { decode: 1.95, prefill: 5, count: 2 } });
    expect(speeds).toMatchObject({ tokensPerSecond: 1.95, prefillTokensPerSecond: 5 });
    expect(speeds.firstTokenSeconds! - speeds.loadSeconds!).toBeCloseTo(2, 9);
    expect(basis).toContain('the speed of generation and of the prompt is that of 2 earlier runs');
    const decoded = of({}, { earlier: { decode: 1.95, prefill: null, count: 1 } });
    expect(decoded.prefillTokensPerSecond).toBe(of({}).prefillTokensPerSecond);
    expect(decoded.basis).toContain('the speed of generation is that of an earlier run');
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
