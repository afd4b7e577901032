import type { MergeTable } from './merges.js';

/** Puts rank and position into one number. Ranks stay below 2^22, so rank * SHIFT + position is exact. */
const SHIFT = 2 ** 31;
/** Longer pieces get their own scratch, so one long text does not hold memory for ever. */
const KEPT_SYMBOLS = 4096;

/**
 * Byte-pair encoding (arXiv 1508.07909) with a heap over a linked list. It takes n log n steps for pieces of any
 * length. The pair with the best rank merges first; among equals, the leftmost.
 */
export class BytePairEncoding {
  readonly #table: MergeTable;
  readonly #kept: Merging;

  constructor(table: MergeTable) {
    this.#table = table;
    this.#kept = new Merging(table, KEPT_SYMBOLS);
  }

  /** Merges symbols[0..count] in place and returns the number of symbols left. Negative ids never merge. */
  merge(symbols: Int32Array, count: number): number {
    if (count < 2) return count;
    const merging = this.begin(symbols, count);
    merging.run(Number.POSITIVE_INFINITY);
    return merging.end();
  }

  /** The same in parts, for a long piece. */
  begin(symbols: Int32Array, count: number): Merging {
    const merging = count <= KEPT_SYMBOLS ? this.#kept : new Merging(this.#table, count);
    merging.begin(symbols, count);
    return merging;
  }
}

/** The merges of one piece. */
export class Merging {
  readonly #table: MergeTable;
  readonly #previous: Int32Array;
  readonly #next: Int32Array;
  /** Candidates as rank * SHIFT + position: at most one for each pair at first, and one more for each merge. */
  readonly #heap: Float64Array;
  #heapSize = 0;
  #symbols: Int32Array = new Int32Array(0);
  #count = 0;
  /** Symbols that are in the list already. */
  #listed = 0;

  constructor(table: MergeTable, symbols: number) {
    this.#table = table;
    this.#previous = new Int32Array(symbols);
    this.#next = new Int32Array(symbols);
    this.#heap = new Float64Array(2 * symbols);
  }

  begin(symbols: Int32Array, count: number): void {
    this.#symbols = symbols;
    this.#count = count;
    this.#listed = 0;
    this.#heapSize = 0;
  }

  /** Goes on for so many steps. False once nothing is left to merge. */
  run(steps: number): boolean {
    let left = steps;
    for (; this.#listed < this.#count && left > 0; this.#listed++, left--) {
      const at = this.#listed;
      this.#previous[at] = at - 1;
      this.#next[at] = at + 1;
      if (at + 1 < this.#count) this.#offer(at, at + 1);
    }
    for (; this.#heapSize > 0 && left > 0; left--) this.#mergeBest();
    return this.#heapSize > 0 || this.#listed < this.#count;
  }

  /** The number of symbols left, which now stand side by side. */
  end(): number {
    let left = 0;
    for (let at = 0; at < this.#count; at = this.#next[at]) this.#symbols[left++] = this.#symbols[at];
    return left;
  }

  #mergeBest(): void {
    const key = this.#take();
    const rank = Math.floor(key / SHIFT);
    const at = key - rank * SHIFT;
    const right = this.#next[at];
    if (right >= this.#count || right < 0) return;
    const merge = this.#table.find(this.#symbols[at], this.#symbols[right]);
    // A candidate is stale if its symbols have merged with others in the meantime.
    if (merge < 0 || this.#table.rank(merge) !== rank) return;
    this.#symbols[at] = this.#table.merged(merge);
    this.#next[at] = this.#next[right];
    this.#next[right] = -1;
    if (this.#next[at] < this.#count) {
      this.#previous[this.#next[at]] = at;
      this.#offer(at, this.#next[at]);
    }
    if (this.#previous[at] >= 0) this.#offer(this.#previous[at], at);
  }

  #offer(left: number, right: number): void {
    const symbols = this.#symbols;
    if (symbols[left] < 0 || symbols[right] < 0) return;
    const merge = this.#table.find(symbols[left], symbols[right]);
    if (merge < 0) return;
    const heap = this.#heap;
    const key = this.#table.rank(merge) * SHIFT + left;
    let at = this.#heapSize++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent] <= key) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = key;
  }

  #take(): number {
    const heap = this.#heap;
    const top = heap[0];
    const key = heap[--this.#heapSize];
    let at = 0;
    for (let child = 1; child < this.#heapSize; child = 2 * at + 1) {
      if (child + 1 < this.#heapSize && heap[child + 1] < heap[child]) child++;
      if (heap[child] >= key) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = key;
    return top;
  }
}
