import type { Foreseen } from '../draft/draft-source.js';
import { type Automaton, DEAD, type StateId } from './automaton.js';
import type { ByteSet } from './grammar.js';
import type { TokenTrie } from './token-trie.js';

/**
 * How often a foreseen token is the one that comes, by its certainty: one that ends what has to come, and is longer
 * where the model goes on at once; one with white space that is guessed; one within what has to come; the only one that
 * may come.
 */
export const FORESIGHT_SHARES: readonly number[] = [0.5, 0.6, 0.85, 1];
const [AT_THE_END, WITH_SPACE, WITHIN, CERTAIN] = FORESIGHT_SHARES.keys();

/** Bytes that are looked at ahead, at most. */
const MOST_BYTES = 64;
const BLANK = 0x20;
const WHITE: ByteSet = setOf([BLANK, 0x09, 0x0a, 0x0d]);
const NONE: ByteSet = setOf([]);
/** White space after a byte behind which none was seen yet: most JSON is written so. */
const USUAL_SPACE: ReadonlyMap<number, readonly number[]> = new Map(
  [...Buffer.from(',:')].map((byte) => [byte, [BLANK]]),
);
const NO_SPACE: readonly number[] = [];
/** Before these there may be white space, so that none says something. Within names and words it does not. */
const PUNCTUATION: ReadonlySet<number> = new Set(Buffer.from('{}[]:,"'));

function setOf(bytes: readonly number[]): ByteSet {
  const set = new Uint32Array(8);
  for (const byte of bytes) set[byte >> 5] |= 1 << (byte & 31);
  return set;
}

const isWhite = (byte: number): boolean => (WHITE[byte >> 5] & (1 << (byte & 31))) !== 0;

/**
 * Sees what a grammar leaves no choice about. Where the vocabulary has one token alone to go on with, that is certain.
 * Else the next bytes may be certain, and how they are cut into tokens is not: the longest tokens are the likely ones.
 * Where white space may come before such bytes, what came at the last such place is likely. Lists are used again.
 */
export class Foresight implements Foreseen {
  readonly ids: number[] = [];
  readonly certainties: number[] = [];
  certain = 0;
  readonly #automaton: Automaton;
  readonly #tokens: TokenTrie;
  /** Per depth of a walk through the vocabulary the state there. */
  readonly #walk: Int32Array;
  /** By a byte of the text, the white space that followed it last. */
  readonly #spaces = new Map<number, number[]>();
  /** The last byte of the text that is no white space, and the white space behind it. */
  #last = -1;
  readonly #space: number[] = [];
  /** The bytes ahead, and the places among them before which white space was guessed. */
  readonly #bytes: number[] = [];
  readonly #guesses: number[] = [];
  /** The token that was found last, and the state behind it. */
  #found = -1;
  #after: StateId = DEAD;

  /** `tokens` are all of the vocabulary. */
  constructor(automaton: Automaton, tokens: TokenTrie) {
    this.#automaton = automaton;
    this.#tokens = tokens;
    this.#walk = new Int32Array(tokens.longest + 1);
  }

  /** The text went on with `bytes`. */
  saw(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (isWhite(byte)) {
        this.#space.push(byte);
        continue;
      }
      if (this.#space.length > 0 || PUNCTUATION.has(byte)) this.#keepSpace();
      this.#last = byte;
      this.#space.length = 0;
    }
  }

  #keepSpace(): void {
    const kept = this.#spaces.get(this.#last) ?? [];
    kept.length = 0;
    for (const white of this.#space) kept.push(white);
    this.#spaces.set(this.#last, kept);
  }

  /** Looks ahead from the state of the text, `most` tokens at most. */
  look(state: StateId, most: number): this {
    this.ids.length = 0;
    this.certainties.length = 0;
    const certainBytes = this.#takeCertain(state, most);
    this.certain = this.ids.length;
    this.#seeBytes(state);
    this.#takeLikely(certainBytes, most);
    return this;
  }

  /** Takes tokens as long as there is one alone. Returns how many bytes they have. */
  #takeCertain(from: StateId, most: number): number {
    let bytes = 0;
    let state = from;
    // Most places allow several bytes: no token has to be looked at there.
    while (this.ids.length < most && this.#automaton.onlyByte(state, NONE) >= 0) {
      const length = this.#onlyToken(state);
      if (length === 0) break;
      this.#add(this.#found, CERTAIN);
      bytes += length;
      state = this.#after;
    }
    return bytes;
  }

  /** Finds the token that alone may come. Returns its length in bytes, 0 where there are several. */
  #onlyToken(from: StateId): number {
    const { bytes, depths, ends, firstIds, ids } = this.#tokens;
    const walk = this.#walk;
    walk[0] = from;
    let length = 0;
    for (let node = 0; node < bytes.length; ) {
      const depth = depths[node];
      walk[depth] = this.#automaton.step(walk[depth - 1], bytes[node]);
      if (walk[depth] === DEAD) {
        node = ends[node];
        continue;
      }
      const count = firstIds[node + 1] - firstIds[node];
      if (count > 1 || (count === 1 && length > 0)) return 0;
      if (count === 1) {
        length = depth;
        this.#found = ids[firstIds[node]];
        this.#after = walk[depth];
      }
      node++;
    }
    return length;
  }

  /** Collects the bytes that have to come, with white space that is likely between them. */
  #seeBytes(from: StateId): void {
    const automaton = this.#automaton;
    this.#bytes.length = 0;
    this.#guesses.length = 0;
    let state = from;
    let last = this.#last;
    while (this.#bytes.length < MOST_BYTES) {
      const only = automaton.onlyByte(state, NONE);
      const byte = only < 0 ? automaton.onlyByte(state, WHITE) : only;
      if (byte < 0) return;
      if (only < 0) state = this.#guessSpace(state, last);
      state = automaton.step(state, byte);
      if (state === DEAD) return;
      this.#bytes.push(byte);
      if (!isWhite(byte)) last = byte;
    }
  }

  /** White space may come behind the byte `last`. Returns the state behind that which is guessed. */
  #guessSpace(from: StateId, last: number): StateId {
    const written = this.#bytes.length === 0 ? this.#space : NO_SPACE;
    const guess = this.#spaces.get(last) ?? USUAL_SPACE.get(last) ?? NO_SPACE;
    this.#guesses.push(this.#bytes.length);
    let state = from;
    for (let i = 0; i < guess.length; i++) {
      if (i < written.length && written[i] !== guess[i]) break;
      if (i < written.length) continue;
      const next = this.#automaton.step(state, guess[i]);
      if (next === DEAD) break;
      this.#bytes.push(guess[i]);
      state = next;
    }
    return state;
  }

  /** Cuts the bytes from `at` on into tokens. */
  #takeLikely(at: number, most: number): void {
    let guess = 0;
    while (at < this.#bytes.length && this.ids.length < most) {
      const length = this.#cut(at);
      if (length === 0) return;
      const end = at + length;
      while (guess < this.#guesses.length && this.#guesses[guess] < at) guess++;
      const isGuessed = guess < this.#guesses.length && this.#guesses[guess] <= end;
      this.#add(this.#found, end === this.#bytes.length ? AT_THE_END : isGuessed ? WITH_SPACE : WITHIN);
      at = end;
    }
  }

  /**
   * Finds the likely token at a place; returns its length. It is the longest, but that a blank before a word goes with
   * the word, as in the vocabularies of most models.
   */
  #cut(at: number): number {
    const length = this.#longest(at, MOST_BYTES);
    const end = at + length;
    const next = this.#bytes[end];
    if (length < 2 || this.#bytes[end - 1] !== BLANK || next === undefined || isWhite(next)) return length;
    const found = this.#found;
    if (this.#longest(end - 1, MOST_BYTES) > 1 && this.#longest(at, length - 1) === length - 1) return length - 1;
    this.#found = found;
    return length;
  }

  /** Finds the longest token at a place, of up to `most` bytes; returns its length, 0 where there is none. */
  #longest(at: number, most: number): number {
    const { bytes, ends, firstIds, ids } = this.#tokens;
    let length = 0;
    let [node, end] = [0, bytes.length];
    for (let depth = 0; depth < most && at + depth < this.#bytes.length; depth++) {
      const byte = this.#bytes[at + depth];
      while (node < end && bytes[node] !== byte) node = ends[node];
      if (node >= end) break;
      if (firstIds[node + 1] > firstIds[node]) {
        length = depth + 1;
        this.#found = ids[firstIds[node]];
      }
      end = ends[node];
      node++;
    }
    return length;
  }

  #add(id: number, certainty: number): void {
    this.ids.push(id);
    this.certainties.push(certainty);
  }
}
