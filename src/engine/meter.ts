import { COUNTERS, type RowStream } from '../../native-bridge/bridge.js';
import type { Receipt, SpeculationReceipt } from '../contract/receipt.js';
import { anonymousBytes } from '../plan/machine.js';
import type { MeasuredRun } from '../plan/run-speeds.js';
import type { CacheCounts } from './feed-forward.js';
import { PassTotals } from './pass-totals.js';

/** The fields that are the same in every receipt of one loaded model. */
export type ReceiptBase = Pick<
  Receipt,
  | 'selector'
  | 'exact'
  | 'falseNegativeRate'
  | 'cachePolicy'
  | 'kernels'
  | 'budgetBytes'
  | 'residentBytes'
  | 'stateFormat'
  | 'scratchBytes'
  | 'cacheBytes'
  | 'overheadBytes'
>;

/** The sources that a meter reads. Their counters run from the load on; a meter takes differences. */
export interface MeterSources {
  base: ReceiptBase;
  stream: RowStream;
  cacheCounts: CacheCounts;
  denseTime: Stopwatch;
  /** Bytes of mixer state held now. */
  stateBytes: () => number;
  /** Told what each receipt measured, for later forecasts. */
  onMeasured: (run: MeasuredRun) => void;
  /** Anonymous bytes of the process just before the load. */
  anonymousBefore: number;
}

/** Adds up the time between `start` and `stop`, in ms. */
export class Stopwatch {
  total = 0;
  #since = 0;

  start(): void {
    this.#since = performance.now();
  }

  stop(): void {
    this.total += performance.now() - this.#since;
  }
}

/**
 * Measures one piece of work, from its construction: `endPrefill`, then `pass` after each decode step, then `receipt`.
 */
export class Meter {
  readonly #sources: MeterSources;
  /** The stream's counters when the work began, when the prompt was done, and at the receipt. */
  readonly #start: Float64Array;
  readonly #middle: Float64Array;
  readonly #end: Float64Array;
  readonly #startedAt = performance.now();
  #prefillEndedAt: number | null = null;
  #lastTokenAt = 0;
  #prefillTokens = 0;
  readonly #tokenMs: number[] = [];
  readonly #passes = new PassTotals();
  /** The other sources' values when the work began. */
  readonly #denseMs: number;
  readonly #hit: number;
  readonly #missed: number;

  constructor(sources: MeterSources) {
    this.#sources = sources;
    const size = Object.keys(COUNTERS).length;
    this.#start = new Float64Array(size);
    this.#middle = new Float64Array(size);
    this.#end = new Float64Array(size);
    sources.stream.counters(this.#start);
    this.#denseMs = sources.denseTime.total;
    this.#hit = sources.cacheCounts.hit;
    this.#missed = sources.cacheCounts.missed;
  }

  /** The prompt is done; `tokens` of it were run. */
  endPrefill(tokens: number): void {
    this.#prefillTokens = tokens;
    this.#prefillEndedAt = performance.now();
    this.#lastTokenAt = this.#prefillEndedAt;
    this.#sources.stream.counters(this.#middle);
  }

  /** A pass over `tokens` has ended, and brought `brought` tokens of the text: its time is theirs in equal parts. */
  pass(tokens: number, brought: number): void {
    const now = performance.now();
    const ms = now - this.#lastTokenAt;
    for (let i = 0; i < brought; i++) this.#tokenMs.push(ms / brought);
    this.#lastTokenAt = now;
    this.#sources.stream.counters(this.#end);
    this.#passes.add(tokens, brought, ms, this.#end[COUNTERS.payloadBytes] - this.#middle[COUNTERS.payloadBytes]);
  }

  /** The receipt up to now. Rates are null if nothing was timed. `draft` is what foretold tokens. */
  receipt(draft: SpeculationReceipt['draft'] = 'off'): Receipt {
    const { base, stream, cacheCounts, denseTime, anonymousBefore } = this.#sources;
    const now = performance.now();
    stream.counters(this.#end);
    if (this.#prefillEndedAt === null) this.#middle.set(this.#end);
    const phases = (counter: number) => ({
      prefill: this.#middle[counter] - this.#start[counter],
      decode: this.#end[counter] - this.#middle[counter],
    });
    const spent = (counter: number) => this.#end[counter] - this.#start[counter];
    const prefillMs = (this.#prefillEndedAt ?? now) - this.#startedAt;
    const decodeMs = this.#tokenMs.reduce((sum, ms) => sum + ms, 0);
    const sorted = Float64Array.from(this.#tokenMs).sort();
    const readWaitMs = spent(COUNTERS.readWaitMs);
    const ffnMs = spent(COUNTERS.ffnMs);
    // What the dense half waited for is waiting.
    const denseMs = Math.max(0, denseTime.total - this.#denseMs - spent(COUNTERS.matrixWaitMs));
    const stateBytes = this.#sources.stateBytes();
    const speeds = {
      prefillTokensPerSecond: this.#prefillTokens > 0 && prefillMs > 0 ? (this.#prefillTokens / prefillMs) * 1e3 : null,
      decodeTokensPerSecond: sorted.length > 0 && decodeMs > 0 ? (sorted.length / decodeMs) * 1e3 : null,
    };
    this.#sources.onMeasured({ ...speeds, decoded: sorted.length, prefilled: this.#prefillTokens });
    return {
      ...base,
      stateBytes,
      memoryBytes: base.residentBytes + stateBytes + base.scratchBytes + base.cacheBytes,
      rssGrowthBytes: Math.max(0, anonymousBytes() - anonymousBefore),
      payloadBytesRead: phases(COUNTERS.payloadBytes),
      deviceBytesRead: phases(COUNTERS.deviceBytes),
      recordsRead: phases(COUNTERS.records),
      bundlesHit: cacheCounts.hit - this.#hit,
      bundlesMissed: cacheCounts.missed - this.#missed,
      ...speeds,
      speculation: this.#passes.receipt(draft),
      tokenMs: { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99) },
      readWaitMs,
      ffnMs,
      denseMs,
      otherMs: Math.max(0, now - this.#startedAt - readWaitMs - ffnMs - denseMs),
    };
  }
}

/** The value of `sorted` (ascending) at a share of its length, by nearest rank; null if it is empty. */
function percentile(sorted: Float64Array, share: number): number | null {
  return sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}
