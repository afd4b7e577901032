import { COUNTERS, type RowStream } from '../../native-bridge/bridge.js';
import type { Receipt } from '../contract/api.js';
import { anonymousBytes } from '../plan/machine.js';
import type { CacheCounts } from './feed-forward.js';
import type { Stopwatch } from './stopwatch.js';

/** What does not change between receipts of one model. */
export type ReceiptBase = Pick<
  Receipt,
  | 'selector'
  | 'exact'
  | 'falseNegativeRate'
  | 'cachePolicy'
  | 'kernels'
  | 'budgetBytes'
  | 'residentBytes'
  | 'cacheBytes'
  | 'overheadBytes'
>;

export interface MeterSources {
  base: ReceiptBase;
  stream: RowStream;
  cacheCounts: CacheCounts;
  denseTime: Stopwatch;
  /** Bytes of mixer state held now. */
  stateBytes: () => number;
  scratchBytes: number;
  /** Anonymous bytes of the process just before the load. */
  anonymousBefore: number;
}

/** Measures one piece of work: begin, `endPrefill`, a `token` after each decode step, then the receipt. */
export class Meter {
  private readonly start: Float64Array;
  private readonly middle: Float64Array;
  private readonly end: Float64Array;
  private readonly startedAt = performance.now();
  private prefillEndedAt: number | null = null;
  private lastTokenAt = 0;
  private prefillTokens = 0;
  private readonly tokenMs: number[] = [];
  private readonly dense: number;
  private readonly hit: number;
  private readonly missed: number;

  constructor(private readonly sources: MeterSources) {
    const size = Object.keys(COUNTERS).length;
    this.start = new Float64Array(size);
    this.middle = new Float64Array(size);
    this.end = new Float64Array(size);
    sources.stream.counters(this.start);
    this.dense = sources.denseTime.total;
    this.hit = sources.cacheCounts.hit;
    this.missed = sources.cacheCounts.missed;
  }

  endPrefill(tokens: number): void {
    this.prefillTokens = tokens;
    this.prefillEndedAt = performance.now();
    this.lastTokenAt = this.prefillEndedAt;
    this.sources.stream.counters(this.middle);
  }

  /** One more token has been decoded. */
  token(): void {
    const now = performance.now();
    this.tokenMs.push(now - this.lastTokenAt);
    this.lastTokenAt = now;
  }

  receipt(): Receipt {
    const { base, stream, cacheCounts, denseTime, scratchBytes, anonymousBefore } = this.sources;
    const now = performance.now();
    stream.counters(this.end);
    if (this.prefillEndedAt === null) this.middle.set(this.end);
    const phases = (counter: number) => ({
      prefill: this.middle[counter] - this.start[counter],
      decode: this.end[counter] - this.middle[counter],
    });
    const spent = (counter: number) => this.end[counter] - this.start[counter];
    const prefillMs = (this.prefillEndedAt ?? now) - this.startedAt;
    const decodeMs = this.tokenMs.reduce((sum, ms) => sum + ms, 0);
    const sorted = Float64Array.from(this.tokenMs).sort();
    const readWaitMs = spent(COUNTERS.readWaitMs);
    const ffnMs = spent(COUNTERS.ffnMs);
    const denseMs = denseTime.total - this.dense;
    const stateBytes = this.sources.stateBytes();
    return {
      ...base,
      stateBytes,
      memoryBytes: base.residentBytes + base.cacheBytes + stateBytes + scratchBytes,
      rssGrowthBytes: Math.max(0, anonymousBytes() - anonymousBefore),
      payloadBytesRead: phases(COUNTERS.payloadBytes),
      deviceBytesRead: phases(COUNTERS.deviceBytes),
      recordsRead: phases(COUNTERS.records),
      bundlesHit: cacheCounts.hit - this.hit,
      bundlesMissed: cacheCounts.missed - this.missed,
      prefillTokensPerSecond: this.prefillTokens > 0 && prefillMs > 0 ? (this.prefillTokens / prefillMs) * 1e3 : null,
      decodeTokensPerSecond: sorted.length > 0 && decodeMs > 0 ? (sorted.length / decodeMs) * 1e3 : null,
      tokenMs: { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99) },
      readWaitMs,
      ffnMs,
      denseMs,
      otherMs: Math.max(0, now - this.startedAt - readWaitMs - ffnMs - denseMs),
    };
  }
}

/** Nearest rank. */
function percentile(sorted: Float64Array, share: number): number | null {
  return sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}
