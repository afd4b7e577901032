import { describe, expect, test } from 'vitest';
import { conversionTime } from '../../dist/src/cli/output/conversion-notice.js';
import {
  formatBytes,
  formatMs,
  formatRows,
  formatShare,
  formatSpeed,
  plural,
} from '../../dist/src/cli/output/format.js';
import { formatPlan, formatPlans, planWarnings } from '../../dist/src/cli/output/plan-table.js';
import { formatReceipt } from '../../dist/src/cli/output/receipt.js';
import type { Receipt } from '../../src/contract/receipt.js';
import type { Plan } from '../../src/plan/plan.js';

const receipt: Receipt = {
  selector: 'gate',
  exact: true,
  falseNegativeRate: null,
  cachePolicy: 'lru',
  kernels: 'avx2',
  budgetBytes: 5_200_000,
  residentBytes: 3_000_000,
  stateBytes: 400_000,
  stateFormat: 'f16',
  scratchBytes: 200_000,
  cacheBytes: 1_500_000,
  draftBytes: 0,
  memoryBytes: 5_100_000,
  overheadBytes: 40_000_000,
  rssGrowthBytes: 43_000_000,
  payloadBytesRead: { prefill: 1_000_000, decode: 2_000_000 },
  deviceBytesRead: { prefill: 1_500_000, decode: 2_500_000 },
  recordsRead: { prefill: 300, decode: 900 },
  bundlesHit: 3000,
  bundlesMissed: 1000,
  prefillTokensPerSecond: 250,
  decodeTokensPerSecond: 31.25,
  speculation: {
    draft: 'lookup',
    drafted: 30,
    accepted: 20,
    forced: 0,
    tokensPerPass: 1.25,
    bytesPerToken: 16_000,
    without: { tokensPerSecond: 26, bytesPerToken: 20_000 },
  },
  tokenMs: { p50: 31, p95: 40, p99: 55 },
  readWaitMs: 120,
  ffnMs: 900,
  denseMs: 4200,
  otherMs: 3.2,
};

const plan: Plan = {
  fits: true,
  obstacle: null,
  minimumBytes: 3_200_000,
  budgetBytes: 4_800_000,
  contextSize: 256,
  largestContextSize: 1024,
  left: { availableBytes: 3e9, limitBytes: null, roomBytes: null },
  residentBytes: 2_000_000,
  denseStreamedBytes: 0,
  stateBytes: 500_000,
  stateFormat: 'f16',
  scratchBytes: 300_000,
  cacheBytes: 2_000_000,
  draftBytes: 0,
  overheadBytes: 40_000_000,
  ffnBytes: 8_000_000,
  cachedShare: 0.25,
  bytesPerToken: 600_000,
  conversion: { needed: true, bytes: 36e9 },
  forecast: {
    tokensPerSecond: 2.5,
    withDrafts: { least: 2.425, most: 7.5 },
    prefillTokensPerSecond: 6.25,
    loadSeconds: 3,
    promptTokens: 128,
    firstTokenSeconds: 23.5,
    diskBytesPerSecond: 2e9,
    basis: 'reads and kernels',
  },
  exact: true,
  selector: 'gate',
  cachePolicy: 'lru',
  reason: 'the model is ReLU-gated',
  warnings: [],
};

describe('formatting', () => {
  test('bytes carry three digits and never print as 1000 of a unit', () => {
    expect([0, 999, 1000, 1536, 999_700, 23_400_000, 1.5e9, 19.1e12].map(formatBytes)).toEqual([
      '0 B',
      '999 B',
      '1.00 kB',
      '1.54 kB',
      '1.00 MB',
      '23.4 MB',
      '1.50 GB',
      '19.1 TB',
    ]);
  });

  test('milliseconds grow into seconds and minutes', () => {
    expect([0, 3.14, 31.4, 999.7, 4200, 90_000, 180_000].map(formatMs)).toEqual([
      '0.0 ms',
      '3.1 ms',
      '31 ms',
      '1.00 s',
      '4.20 s',
      '90.0 s',
      '3 min',
    ]);
  });

  test('what was not measured is a dash', () => {
    expect(formatSpeed(null)).toBe('- tokens/s');
  });

  test('shares, counts and columns', () => {
    expect(formatShare(0.4234)).toBe('42.3%');
    expect([plural(1, 'token'), plural(12_345, 'token')]).toEqual(['1 token', '12,345 tokens']);
    expect(
      formatRows([
        ['a', 'x'],
        ['long', 'y'],
      ]),
    ).toBe('a     x\nlong  y');
  });

  test('a conversion is said to take minutes only where it does', () => {
    expect([conversionTime(1e6), conversionTime(36e9)]).toEqual(['less than a minute', 'about 3 min']);
  });

  test('a receipt says what ran, what it held, what it read and where the time went', () => {
    expect(formatReceipt(receipt)).toBe(
      [
        'ran     exact, selector gate, cache lru, avx2 kernels',
        'speed   prompt 250 tokens/s, generation 31.3 tokens/s (a token p50 31 ms, p99 55 ms)',
        'memory  5.10 MB of 5.20 MB (resident 3.00 MB, state 400 kB, scratch 200 kB, cache 1.50 MB) + overhead 40.0 MB; the process grew by 43.0 MB',
        'flash   3.00 MB in 1,200 reads (4.00 MB from the device), 75.0% of 4,000 bundles were cached',
        'time    waiting for reads 120 ms, FFN 900 ms, dense 4.20 s, other 3.2 ms',
        'drafts  lookup, 20 of 30 tokens right, 1.25 tokens a pass; passes over one token ran at 26.0 tokens/s',
      ].join('\n'),
    );
  });

  test('a receipt of a selector that is not exact says how much it missed', () => {
    expect(formatReceipt({ ...receipt, exact: false, falseNegativeRate: 0.05 })).toContain(
      'not exact (5.0% of active neurons missed',
    );
    expect(formatReceipt({ ...receipt, exact: false, stateFormat: 'q8' })).toContain(
      'not exact (keys and values in 8 bits), selector gate',
    );
    expect(formatPlan({ ...plan, exact: false, stateFormat: 'q8' })).toContain(
      '500 kB in 8 bits a value, which is not exact',
    );
  });

  test('a plan that fits says where the budget goes', () => {
    const table = formatPlan(plan);
    expect(table).toMatch(/^fits in 4\.80 MB\n/);
    expect(table).toContain('2.00 MB, 25.0% of the 8.00 MB on flash');
    expect(table).toContain('36.0 GB to write once, about 3 min');
    expect(table).toMatch(/context +256 tokens \(the budget holds 1,024\)/);
    expect(table).toMatch(/forecast +generation at about 2\.50 tokens\/s/);
    expect(table).toMatch(/with drafts +from 2\.42 tokens\/s, where nothing is foretold, to 7\.50 tokens\/s/);
    expect(table).toMatch(
      /first token +after about 23\.5 s: loads in 3\.00 s; a prompt of 128 tokens at about 6\.25 tokens\/s/,
    );
    expect(table).toMatch(/based on +reads and kernels/);
  });

  test('a plan that does not fit says what would', () => {
    const obstacle = "too small; set `memory: '3.2MB'`, or `contextSize: 64` in 1.00 MB";
    const table = formatPlan({ ...plan, fits: false, obstacle, budgetBytes: 1_000_000 });
    expect(table).toMatch(/^does not fit in 1\.00 MB: it needs 3\.20 MB\n/);
    expect(table).toContain('too small; set --memory 3.2MB, or --context 64 in 1.00 MB');
    expect(table).toContain('--memory 3200000');
    expect(table).not.toMatch(/forecast|first token/);
  });

  test('several plans are a line each, and one that does not fit has no speed', () => {
    const unfit = { ...plan, fits: false, obstacle: 'too small; set `contextSize: 64`', budgetBytes: 1_000_000 };
    const lines = formatPlans([unfit, plan]).split('\n');
    expect(lines.slice(0, 4).map((line) => line.split(/ {2,}/))).toEqual([
      ['memory', 'context', 'cache', 'of FFN', 'read per token', 'tokens/s', 'prompt tokens/s', 'first token'],
      ['1.00 MB', 'does not fit', ...Array(6).fill('-')],
      ['4.80 MB', '256', '2.00 MB', '25.0%', '600 kB', '2.50', '6.25', '23.5 s'],
      [''],
    ]);
    expect(lines[4]).toBe('1.00 MB: too small; set --context 64');
  });

  test('warnings of several plans name the budgets that they hold for', () => {
    const large = { ...plan, budgetBytes: 9e6, warnings: ['the disk is slow', 'nothing is foretold'] };
    const small = { ...plan, warnings: ['the disk is slow'] };
    expect(planWarnings([small, large])).toEqual(['the disk is slow', 'with 9.00 MB: nothing is foretold']);
    expect(planWarnings([large])).toEqual(large.warnings);
  });

  test('tokens that had to come are told beside drafts', () => {
    const told = (speculation: Partial<Receipt['speculation']>) =>
      /drafts +(.*)/.exec(formatReceipt({ ...receipt, speculation: { ...receipt.speculation, ...speculation } }))?.[1];
    expect(told({ forced: 1200 })).toBe(
      'lookup, 20 of 30 tokens right, 1,200 tokens had to come, 1.25 tokens a pass; passes over one token ran at 26.0 tokens/s',
    );
    expect(told({ draft: 'off', drafted: 0, accepted: 0, forced: 4 })).toMatch(/^4 tokens had to come, 1.25/);
    expect(told({ draft: 'off', drafted: 0, accepted: 0 })).toBeUndefined();
  });
});
