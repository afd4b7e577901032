import type { Tokenizer, TokenSpelling } from './tokenizer.js';

/**
 * What the ids of a vocabulary mean as text, in memory that threads share. The thread that generates needs no more of a
 * tokenizer, which is many times as large.
 */
export interface VocabularyTable {
  eosIds: readonly number[];
  /** Ids that are never drawn. */
  suppressedIds: readonly number[];
  /** The bytes of all ids, in a row, and then their names. */
  bytes: Uint8Array;
  /** Id i has bytes[ends[i - 1]..ends[i]]; its name is number `ids + i`. */
  ends: Uint32Array;
}

/** The table of the ids below `size`. */
export function shareVocabulary(tokenizer: Tokenizer, size: number): VocabularyTable {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  for (let id = 0; id < size; id++) parts.push(tokenizer.bytes(id));
  // The name of a token of text is its bytes, as often as not; a control token has a name alone.
  for (let id = 0; id < size; id++) parts.push(encoder.encode(tokenizer.token(id)));
  const ends = new Uint32Array(new SharedArrayBuffer(4 * parts.length));
  const bytes = new Uint8Array(new SharedArrayBuffer(parts.reduce((sum, part) => sum + part.length, 0)));
  let end = 0;
  for (const [index, part] of parts.entries()) {
    bytes.set(part, end);
    end += part.length;
    ends[index] = end;
  }
  return { eosIds: tokenizer.eosIds, suppressedIds: tokenizer.suppressedIds, bytes, ends };
}

/** Reads a `VocabularyTable`. */
export class TableSpelling implements TokenSpelling {
  readonly eosIds: readonly number[];
  readonly suppressedIds: readonly number[];
  readonly #table: VocabularyTable;

  constructor(table: VocabularyTable) {
    this.eosIds = table.eosIds;
    this.suppressedIds = table.suppressedIds;
    this.#table = table;
  }

  bytes(id: number): Uint8Array {
    return this.#part(id);
  }

  token(id: number): string {
    // Of shared memory no decoder may read in place.
    return Buffer.from(this.#part(this.#table.ends.length / 2 + id)).toString('utf8');
  }

  #part(index: number): Uint8Array {
    const { bytes, ends } = this.#table;
    return bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index]);
  }
}
