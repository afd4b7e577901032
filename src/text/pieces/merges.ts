import { FlashrowError, shown } from '../../errors.js';

/** A hash table of pairs of ids in typed arrays. 280,000 merges take about 8 MB; in a Map they take ten times that. */
export class MergeTable {
  readonly #slots: Int32Array;
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  readonly #merged: Int32Array;
  readonly #rank: Int32Array;
  readonly #mask: number;

  /**
   * Reads the `merges` of tokenizer.json's model: "left right" or [left, right], best first. `idOf` gives a piece's id.
   * Throws CORRUPT.
   */
  constructor(model: Record<string, unknown>, ids: ReadonlyMap<string, number>, idOf: (piece: string) => number) {
    const merges = model.merges;
    if (!Array.isArray(merges)) throw new FlashrowError('CORRUPT', "tokenizer.json's model has no list of merges");
    let capacity = 16;
    while (capacity < merges.length * 1.5) capacity *= 2;
    this.#mask = capacity - 1;
    this.#slots = new Int32Array(capacity).fill(-1);
    this.#left = new Int32Array(merges.length);
    this.#right = new Int32Array(merges.length);
    this.#merged = new Int32Array(merges.length);
    this.#rank = ranks(model.tied_merges, merges.length);
    for (let at = 0; at < merges.length; at++) {
      const [left, right] = model.merges_join_texts === true ? firstCut(merges[at]) : readPair(merges[at], at, ids);
      this.#left[at] = idOf(left);
      this.#right[at] = idOf(right);
      this.#merged[at] = idOf(left + right);
      this.#insert(at);
    }
  }

  /** The merge that joins these two ids; -1 for none. */
  find(left: number, right: number): number {
    for (let slot = this.#slotOf(left, right); ; slot = (slot + 1) & this.#mask) {
      const merge = this.#slots[slot];
      if (merge < 0 || (this.#left[merge] === left && this.#right[merge] === right)) return merge;
    }
  }

  /** The merge with the lowest rank goes first. */
  rank(merge: number): number {
    return this.#rank[merge];
  }

  merged(merge: number): number {
    return this.#merged[merge];
  }

  #slotOf(left: number, right: number): number {
    const hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    return (hash ^ (hash >>> 15)) & this.#mask;
  }

  #insert(at: number): void {
    let slot = this.#slotOf(this.#left[at], this.#right[at]);
    while (this.#slots[slot] >= 0) {
      const there = this.#slots[slot];
      // A pair listed twice keeps its better rank.
      if (this.#left[there] === this.#left[at] && this.#right[there] === this.#right[at]) return;
      slot = (slot + 1) & this.#mask;
    }
    this.#slots[slot] = at;
  }
}

/**
 * A rank is a place in the list. Each stretch in `ties` (sentencepiece-merges.ts) shares the rank of its first merge.
 */
function ranks(ties: unknown, count: number): Int32Array {
  const result = Int32Array.from({ length: count }, (_, at) => at);
  if (ties === undefined) return result;
  const isStretch = (tie: unknown): tie is [number, number] =>
    Array.isArray(tie) && Number.isInteger(tie[0]) && Number.isInteger(tie[1]) && tie[0] >= 0 && tie[1] < count;
  if (!Array.isArray(ties) || !ties.every(isStretch)) {
    throw new FlashrowError('CORRUPT', "tokenizer.json's tied_merges does not fit its merges");
  }
  for (const [first, last] of ties) result.fill(first, first, last + 1);
  return result;
}

/** The two texts of a GGUF file's merge, as llama.cpp cuts it; two empty ones where it has no space. */
function firstCut(merge: unknown): [string, string] {
  if (typeof merge !== 'string') return ['', ''];
  const space = merge.indexOf(' ', 1);
  return space < 0 ? ['', ''] : [merge.slice(0, space), merge.slice(space + 1)];
}

/** A list of two pieces, or `left right`. Pieces may hold spaces, so the cut must leave two pieces that exist. */
function readPair(merge: unknown, at: number, ids: ReadonlyMap<string, number>): [string, string] {
  const exists = ([left, right]: string[]) => ids.has(left) && ids.has(right) && ids.has(left + right);
  if (typeof merge === 'string') {
    for (let space = merge.indexOf(' ', 1); space > 0; space = merge.indexOf(' ', space + 1)) {
      const pair: [string, string] = [merge.slice(0, space), merge.slice(space + 1)];
      if (exists(pair)) return pair;
    }
  } else if (Array.isArray(merge) && merge.length === 2 && exists(merge)) {
    return [merge[0], merge[1]];
  }
  const message = `tokenizer.json's merges[${at}] is ${shown(merge)}; it should be a pair of known pieces that make a third`;
  throw new FlashrowError('CORRUPT', message, { at });
}
