import { COUNTERS, type RowStream } from '../../../native-bridge/bridge.js';
import type { CacheCounts } from '../feed-forward.js';

const STREAM = Object.keys(COUNTERS).length;

/** What passes cost: the counters of the stream, and those of the dense half (ms) and the cache (bundles). */
export const COSTS = { ...COUNTERS, denseMs: STREAM, hit: STREAM + 1, missed: STREAM + 2 } as const;
export const COST_COUNT = STREAM + 3;

/** ms, which every part of a pass waits for alike. The others are counts, which its parts share. */
const TIMES: ReadonlySet<number> = new Set([COSTS.readWaitMs, COSTS.ffnMs, COSTS.matrixWaitMs, COSTS.denseMs]);

/** Is charged with what a call costs. */
export interface Account {
  /** `cost` is one of `COSTS`. */
  charge(cost: number, amount: number): void;
  /** Told of each pass that other calls were part of. */
  noteShared(): void;
}

/** A part of a pass. */
export interface Charged {
  readonly tokens: number;
  readonly dropped: boolean;
  readonly caller: { readonly account: Account | null };
}

/** The sources of a ledger; all count up from the load. */
export interface LedgerSources {
  stream: RowStream;
  cacheCounts: CacheCounts;
  denseTime: { readonly total: number };
}

/**
 * Says who pays for what. A pass over tokens of several calls reads its rows once, for all of them: bytes, reads and
 * bundles are shared by tokens, so that all calls together pay for what was read and for no more. Its time is
 * everyone's time.
 */
export class Ledger {
  readonly #sources: LedgerSources;
  readonly #accounts = new Set<Account>();
  /** The counters up to which all is charged, and what was counted since. */
  readonly #charged = new Float64Array(COST_COUNT);
  readonly #since = new Float64Array(COST_COUNT);

  constructor(sources: LedgerSources) {
    this.#sources = sources;
  }

  /** Begins an account. What nobody was there for is nobody's. */
  open(account: Account): void {
    if (this.#accounts.size === 0) this.#count();
    this.#accounts.add(account);
  }

  close(account: Account): void {
    this.#accounts.delete(account);
  }

  /** Charges the parts of a pass, which has ended, with what was counted since the last one. */
  charge(parts: readonly Charged[]): void {
    this.#count();
    let total = 0;
    for (const part of parts) if (!part.dropped) total += part.tokens;
    let before = 0;
    for (const { tokens, dropped, caller } of parts) {
      if (dropped) continue;
      if (tokens < total) caller.account?.noteShared();
      for (let cost = 0; cost < COST_COUNT; cost++) {
        const spent = this.#since[cost];
        // Whole numbers that add up to what was spent.
        const upTo = (part: number) => Math.floor((spent * part) / total);
        const amount = TIMES.has(cost) ? spent : upTo(before + tokens) - upTo(before);
        caller.account?.charge(cost, amount);
      }
      before += tokens;
    }
  }

  /** Charges an account with what was counted since the last pass, unless others may have caused it. */
  settle(account: Account): void {
    if (this.#accounts.size > 1 || !this.#accounts.has(account)) return;
    this.#count();
    for (let cost = 0; cost < COST_COUNT; cost++) account.charge(cost, this.#since[cost]);
  }

  #count(): void {
    const { stream, cacheCounts, denseTime } = this.#sources;
    const [now, charged] = [this.#since, this.#charged];
    stream.counters(now);
    now[COSTS.denseMs] = denseTime.total;
    now[COSTS.hit] = cacheCounts.hit;
    now[COSTS.missed] = cacheCounts.missed;
    for (let cost = 0; cost < COST_COUNT; cost++) {
      const total = now[cost];
      now[cost] -= charged[cost];
      charged[cost] = total;
    }
  }
}
