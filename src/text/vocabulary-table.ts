import { type ChannelMarks, channelMarks } from './channels.js';
import type { Tokenizer, TokenSpelling } from './tokenizer.js';

/**
 * What the ids of a vocabulary mean as text, in memory that threads share. The thread that generates needs no more of a
 * tokenizer, which is many times as large.
 */
export interface VocabularyTable {
  /** Where the vocabulary is one of gpt-oss; else null. */
  channels: ChannelMarks | null;
  eosIds: readonly number[];
  /** Ids that are never drawn. */
  suppressedIds: readonly number[];
  /** The bytes of all ids, in a row, and then the names of all: a control token has no bytes, but a name. */
  bytes: Uint8Array;
  /** Id i has bytes[ends[i - 1]..ends[i]], its name ends at ends[size + i]: [2 * size]. */
  ends: Uint32Array;
}

/** The table of the ids below `size`. */
export function shareVocabulary(tokenizer: Tokenizer, size: number): VocabularyTable {
  const encoder = new TextEncoder();
  const part = (index: number) =>
    index < size ? tokenizer.bytes(index) : encoder.encode(tokenizer.token(index - size));
  const ends = new Uint32Array(new SharedArrayBuffer(4 * 2 * size));
  let end = 0;
  for (let index = 0; index < 2 * size; index++) {
    end += part(index).length;
    ends[index] = end;
  }
  // Made twice: all parts together, as objects, would take many times the table.
  const bytes = new Uint8Array(new SharedArrayBuffer(end));
  for (let index = 0; index < 2 * size; index++) bytes.set(part(index), index === 0 ? 0 : ends[index - 1]);
  const { eosIds, suppressedIds } = tokenizer;
  return { channels: channelMarks(controls(tokenizer, size)), eosIds, suppressedIds, bytes, ends };
}

function* controls(tokenizer: Tokenizer, size: number): Generator<[string, number]> {
  for (let id = 0; id < size; id++) if (tokenizer.bytes(id).length === 0) yield [tokenizer.token(id), id];
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
