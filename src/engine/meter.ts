import type { Receipt, SpeculationReceipt } from '../contract/receipt.js';
import { anonymousBytes } from '../plan/anonymous-bytes.js';
import type { MeasuredRun } from '../plan/speeds/run-speeds.js';
import { PassTotals } from './drafts/pass-totals.js';
import { type Account, COST_COUNT, COSTS, type Ledger, type LedgerSources } from './rounds/ledger.js';

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
  | 'overheadBytes'
>;

/** The sources of receipts. */
export interface MeterSources extends LedgerSources {
  base: ReceiptBase;
  /** What the cache and a draft model hold now, bytes. */
  draftMemory: () => Pick<Receipt, 'cacheBytes' | 'draftBytes'>;
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
 * Measures one piece of work, from its construction: `endPrefill`, then `pass` after each decode step, then `receipt`,
 * and `close` in the end. What it costs is charged to it (rounds/ledger.ts).
 */
export class Meter implements Account {
  readonly #sources: MeterSources;
  readonly #ledger: Ledger;
  /** Costs of the prompt, and of what came after it. */
  readonly #prefill = new Float64Array(COST_COUNT);
  readonly #decode = new Float64Array(COST_COUNT);
  /** Whether other calls were part of its passes. */
  #shared = false;
  readonly #startedAt = performance.now();
  #prefillEndedAt: number | null = null;
  #lastTokenAt = 0;
  #prefillTokens = 0;
  readonly #tokenMs: number[] = [];
  readonly #passes = new PassTotals();

  constructor(sources: MeterSources, ledger: Ledger) {
    this.#sources = sources;
    this.#ledger = ledger;
    ledger.open(this);
  }

  charge(cost: number, amount: number): void {
    (this.#prefillEndedAt === null ? this.#prefill : this.#decode)[cost] += amount;
  }

  noteShared(): void {
    this.#shared = true;
  }

  /** ms that its passes after the prompt waited for the disk. */
  get waitedMs(): number {
    return this.#decode[COSTS.readWaitMs];
  }

  /** Nothing is charged to it any more. */
  close(): void {
    this.#ledger.close(this);
  }

  /** The prompt is done; `tokens` of it were run. */
  endPrefill(tokens: number): void {
    this.#ledger.settle(this);
    this.#prefillTokens = tokens;
    this.#prefillEndedAt = performance.now();
    this.#lastTokenAt = this.#prefillEndedAt;
  }

  /**
   * A pass over `tokens` has ended, of which `certain` beside the first had to come, and brought `brought` tokens of
   * the text: its time is theirs in equal parts.
   */
  pass(tokens: number, brought: number, certain: number): void {
    const now = performance.now();
    const ms = now - this.#lastTokenAt;
    for (let i = 0; i < brought; i++) this.#tokenMs.push(ms / brought);
    this.#lastTokenAt = now;
    this.#passes.add({ tokens, certain, brought, ms, bytes: this.#decode[COSTS.payloadBytes] });
  }

  /** The receipt up to now. Rates are null if nothing was timed. `draft` is what foretold tokens. */
  receipt(draft: SpeculationReceipt['draft'] = 'off'): Receipt {
    const { base, anonymousBefore } = this.#sources;
    const now = performance.now();
    this.#ledger.settle(this);
    const phases = (cost: number) => ({ prefill: this.#prefill[cost], decode: this.#decode[cost] });
    const spent = (cost: number) => this.#prefill[cost] + this.#decode[cost];
    const prefillMs = (this.#prefillEndedAt ?? now) - this.#startedAt;
    const decodeMs = this.#tokenMs.reduce((sum, ms) => sum + ms, 0);
    const sorted = Float64Array.from(this.#tokenMs).sort();
    const readWaitMs = spent(COSTS.readWaitMs);
    const ffnMs = spent(COSTS.ffnMs);
    // What the dense half waited for is waiting.
    const denseMs = Math.max(0, spent(COSTS.denseMs) - spent(COSTS.matrixWaitMs));
    const stateBytes = this.#sources.stateBytes();
    const { cacheBytes, draftBytes } = this.#sources.draftMemory();
    const speeds = {
      prefillTokensPerSecond: this.#prefillTokens > 0 && prefillMs > 0 ? (this.#prefillTokens / prefillMs) * 1e3 : null,
      decodeTokensPerSecond: sorted.length > 0 && decodeMs > 0 ? (sorted.length / decodeMs) * 1e3 : null,
    };
    // The speed of a call among others foretells none.
    const speculation = this.#passes.receipt(draft);
    // The speed with several tokens in a pass foretells none for another text.
    const alone =
      speculation.drafted + speculation.forced === 0
        ? { decodeTokensPerSecond: speeds.decodeTokensPerSecond, decoded: sorted.length }
        : { decodeTokensPerSecond: speculation.without.tokensPerSecond, decoded: this.#passes.single };
    if (!this.#shared) this.#sources.onMeasured({ ...speeds, ...alone, prefilled: this.#prefillTokens });
    return {
      ...base,
      ...{ stateBytes, cacheBytes, draftBytes },
      memoryBytes: base.residentBytes + stateBytes + base.scratchBytes + cacheBytes + draftBytes,
      rssGrowthBytes: Math.max(0, anonymousBytes() - anonymousBefore),
      payloadBytesRead: phases(COSTS.payloadBytes),
      deviceBytesRead: phases(COSTS.deviceBytes),
      recordsRead: phases(COSTS.records),
      bundlesHit: spent(COSTS.hit),
      bundlesMissed: spent(COSTS.missed),
      ...speeds,
      speculation,
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
