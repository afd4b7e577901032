import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeInCgroup } from '../../dist/bench/capped/cgroup.js';
import { roofline } from '../../dist/bench/capped/roofline.js';
import { median, percentile } from '../../dist/bench/statistics.js';
import { markdownTable } from '../../dist/bench/table.js';

describe('the roofline', () => {
  const speeds = { diskSpeed: 1e9, memorySpeed: 10e9, denseBytes: 1e9 };

  it('is the disk and the resident half where reads take longer than the network', () => {
    const limit = roofline({ ...speeds, deviceBytes: 2e9, touchedBytes: 3e9 });
    expect(limit).toEqual({ diskMs: 2000, touchMs: 300, denseMs: 100, tokenMs: 2100 });
  });

  it('is memory alone where nothing is read', () => {
    const limit = roofline({ ...speeds, diskSpeed: Infinity, deviceBytes: 0, touchedBytes: 3e9 });
    expect(limit).toEqual({ diskMs: 0, touchMs: 300, denseMs: 100, tokenMs: 400 });
  });
});

describe('statistics', () => {
  it('take the middle of an odd number and the mean of two middles', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([10, 1, 2, 4])).toBe(3);
    expect(median([])).toBe(NaN);
  });

  it('give percentiles by nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([0.5, 0.95, 0.99, 1].map((share) => percentile(values, share))).toEqual([50, 95, 99, 100]);
    expect(percentile([7], 0.99)).toBe(7);
    expect(percentile([], 0.5)).toBe(null);
  });
});

describe('a table', () => {
  it('lines numbers up on the right, keeps three digits and leaves gaps empty', () => {
    const rows = [
      { what: 'a', 'GB/s': 12.3456 },
      { what: 'long', 'GB/s': null },
      { what: 'c', 'GB/s': 123456.7 },
    ];
    expect(markdownTable(rows).split('\n')).toEqual([
      '| what |   GB/s |',
      '|------|-------:|',
      '| a    |   12.3 |',
      '| long |        |',
      '| c    | 123457 |',
    ]);
  });
});

describe.runIf(process.platform === 'linux')('a process', () => {
  it('has its anonymous memory measured while it runs, and its failure told', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flashrow-bench-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const script = join(folder, 'hold.mjs');
    writeFileSync(script, `const held = Buffer.alloc(300e6, 1); setTimeout(() => process.exit(held[5] + 2), 500);`);
    const outcome = await nodeInCgroup(null, [script]);
    expect(outcome).toMatchObject({ exitCode: 3, killed: 0, peakBytes: null });
    expect(outcome.anonymousBytes).toBeGreaterThan(300e6);
    expect(outcome.anonymousBytes).toBeLessThan(400e6);
  });
});
