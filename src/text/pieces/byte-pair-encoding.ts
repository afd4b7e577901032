import type { MergeTable } from './merges.js';

/** Puts rank and position into one number. Ranks stay below 2^22, so rank * SHIFT + position is exact. */
const SHIFT = 2 ** 31;
/** Longer pieces get their own scratch, so one long text does not hold memory for ever. */
const KEPT_SYMBOLS = 4096;

class Scratch {
  readonly previous: Int32Array;
  readonly next: Int32Array;
  /** Candidates as rank * SHIFT + position: at most one for each pair at first, and one more for each merge. */
  readonly heap: Float64Array;

  constructor(symbols: number) {
    this.previous = new Int32Array(symbols);
    this.next = new Int32Array(symbols);
    this.heap = new Float64Array(2 * symbols);
  }
}

/**
 * Byte-pair encoding (arXiv 1508.07909) with a heap over a linked list. It takes n log n steps for pieces of any
 * length. The pair with the best rank merges first; among equals, the leftmost.
 */
export class BytePairEncoding {
  readonly #table: MergeTable;
  readonly #kept = new Scratch(KEPT_SYMBOLS);
  #heapSize = 0;

  constructor(table: MergeTable) {
    this.#table = table;
  }

  /** Merges symbols[0..count] in place and returns the number of symbols left. Negative ids never merge. */
  merge(symbols: Int32Array, count: number): number {
    if (count < 2) return count;
    const scratch = count <= KEPT_SYMBOLS ? this.#kept : new Scratch(count);
    const { previous, next, heap } = scratch;
    this.#heapSize = 0;
    for (let at = 0; at < count; at++) {
      previous[at] = at - 1;
      next[at] = at + 1;
      if (at + 1 < count) this.#offer(heap, symbols, at, at + 1);
    }
    while (this.#heapSize > 0) {
      const key = this.#take(heap);
      const rank = Math.floor(key / SHIFT);
      const at = key - rank * SHIFT;
      const right = next[at];
      if (right >= count || right < 0) continue;
      const merge = this.#table.find(symbols[at], symbols[right]);
      // A candidate is stale if its symbols have merged with others in the meantime.
      if (merge < 0 || this.#table.rank(merge) !== rank) continue;
      symbols[at] = this.#table.merged(merge);
      next[at] = next[right];
      next[right] = -1;
      if (next[at] < count) {
        previous[next[at]] = at;
        this.#offer(heap, symbols, at, next[at]);
      }
      if (previous[at] >= 0) this.#offer(heap, symbols, previous[at], at);
    }
    let left = 0;
    for (let at = 0; at < count; at = next[at]) symbols[left++] = symbols[at];
    return left;
  }

  #offer(heap: Float64Array, symbols: Int32Array, left: number, right: number): void {
    if (symbols[left] < 0 || symbols[right] < 0) return;
    const merge = this.#table.find(symbols[left], symbols[right]);
    if (merge < 0) return;
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

  #take(heap: Float64Array): number {
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
