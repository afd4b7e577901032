import { FlashrowError, shown } from '../../errors.js';
import type { Steps } from '../steps.js';
import { BytePairEncoding } from './byte-pair-encoding.js';
import { byteToken } from './byte-token.js';
import { MergeTable } from './merges.js';
import { readPieceIds } from './piece-ids.js';
import type { PieceModel } from './piece-model.js';

/** Words repeat, so most of a text comes from this cache. It is emptied when full. */
const CACHED_PIECES = 16384;
/** V8 stores a longer piece as a slice, which would keep the whole text in memory. */
const LONGEST_CACHED = 12;
const NO_ID = -1;
/** Merges between two steps. */
const STEPS = 8192;

/** tokenizer.json's `model` of type BPE. */
export class PieceEncoder implements PieceModel {
  /** Tokens by id. An unused id has an empty text. */
  readonly tokens: string[] = [];
  readonly #merger: BytePairEncoding;
  /** Ids of tokens of one character, by code point. */
  readonly #characters = new Map<number, number>();
  /** Ids of the tokens for single bytes; null where characters outside the vocabulary become the unknown token. */
  readonly #bytes: Int32Array | null;
  /** All tokens; null unless a piece that is a token itself is not split. */
  readonly #whole: Map<string, number> | null;
  /**
   * True where merges join texts that need not be tokens, as in llama.cpp (GGUF vocabularies). What is left of those
   * falls into the characters that are tokens.
   */
  readonly #joinsTexts: boolean;
  /** The texts in merges that are no tokens. Their ids follow those of the tokens. */
  readonly #unlisted = new Map<string, number>();
  readonly #unlistedTexts: string[] = [];
  readonly #firstUnlisted: number;
  readonly #unknown: number;
  readonly #fuseUnknown: boolean;
  readonly #cache = new Map<string, Int32Array>();
  readonly #encoder = new TextEncoder();
  readonly #symbols = new Int32Array(256);

  /** A piece never becomes a token of `apart`. Throws CORRUPT or UNSUPPORTED. */
  constructor(model: Record<string, unknown>, apart: ReadonlySet<string>) {
    for (const affix of ['continuing_subword_prefix', 'end_of_word_suffix']) {
      if (model[affix]) throw unsupported(affix, model[affix]);
    }
    const ids = readPieceIds(model);
    for (const [token, id] of ids) {
      while (this.tokens.length < id) this.tokens.push('');
      this.tokens[id] = token;
      const codePoint = token.codePointAt(0);
      const isCharacter = codePoint !== undefined && token.length === (codePoint > 0xffff ? 2 : 1);
      if (isCharacter && !apart.has(token)) this.#characters.set(codePoint, id);
    }
    this.#joinsTexts = model.merges_join_texts === true;
    this.#firstUnlisted = this.tokens.length;
    const idOf = (piece: string) => ids.get(piece) ?? this.#unlistedId(piece);
    this.#merger = new BytePairEncoding(new MergeTable(model, ids, idOf));
    this.#bytes = model.byte_fallback === true ? byteIds(ids) : null;
    this.#unknown = typeof model.unk_token === 'string' ? (ids.get(model.unk_token) ?? NO_ID) : NO_ID;
    this.#fuseUnknown = model.fuse_unk === true;
    for (const token of apart) ids.delete(token);
    this.#whole = model.ignore_merges === true ? ids : null;
  }

  /** Appends the ids of `piece` to `output`. */
  encode(piece: string, output: number[]): void {
    let ids = this.#cache.get(piece);
    if (!ids) {
      ids = this.#encode(piece);
      if (piece.length <= LONGEST_CACHED) {
        if (this.#cache.size === CACHED_PIECES) this.#cache.clear();
        this.#cache.set(piece, ids);
      }
    }
    for (let at = 0; at < ids.length; at++) output.push(ids[at]);
  }

  *encoding(piece: string, output: number[]): Steps<void> {
    const symbols = this.#symbolsFor(piece);
    const merging = this.#merger.begin(symbols, this.#characterIds(piece, symbols));
    while (merging.run(STEPS)) yield;
    const ids = symbols.subarray(0, merging.end());
    for (const id of this.#joinsTexts ? this.#listed(ids) : ids) output.push(id);
  }

  #encode(piece: string): Int32Array {
    const whole = this.#whole?.get(piece);
    if (whole !== undefined) return Int32Array.of(whole);
    const symbols = this.#symbolsFor(piece);
    const count = this.#merger.merge(symbols, this.#characterIds(piece, symbols));
    const ids = symbols.slice(0, count);
    return this.#joinsTexts ? this.#listed(ids) : ids;
  }

  #symbolsFor(piece: string): Int32Array {
    const most = this.#bytes ? 3 * piece.length : piece.length;
    return most <= this.#symbols.length ? this.#symbols : new Int32Array(most);
  }

  /** The id of a text that is no token. A character of its own takes part in merges too. */
  #unlistedId(text: string): number {
    let id = this.#unlisted.get(text);
    if (id === undefined) {
      id = this.#firstUnlisted + this.#unlistedTexts.length;
      this.#unlisted.set(text, id);
      this.#unlistedTexts.push(text);
      const [character, ...others] = text;
      if (character !== undefined && others.length === 0 && !this.#characters.has(character.codePointAt(0)!))
        this.#characters.set(character.codePointAt(0)!, id);
    }
    return id;
  }

  /** Puts the tokens of single characters in place of texts that are no tokens. */
  #listed(ids: Int32Array): Int32Array {
    const isListed = (id: number) => id !== NO_ID && id < this.#firstUnlisted;
    if (ids.every(isListed)) return ids;
    return Int32Array.from(
      [...ids].flatMap((id) => {
        if (id === NO_ID || isListed(id)) return id === NO_ID ? [] : [id];
        const characters = [...this.#unlistedTexts[id - this.#firstUnlisted]];
        return characters.map((one) => this.#characters.get(one.codePointAt(0)!) ?? NO_ID).filter(isListed);
      }),
    );
  }

  #characterIds(piece: string, symbols: Int32Array): number {
    let count = 0;
    for (const character of piece) {
      const id = this.#characters.get(character.codePointAt(0)!);
      if (id !== undefined) symbols[count++] = id;
      else if (this.#bytes) count = this.#byteIds(character, symbols, count);
      else count = this.#unknownId(symbols, count);
    }
    return count;
  }

  #byteIds(character: string, symbols: Int32Array, from: number): number {
    let count = from;
    const bytes = character <= '\x7f' ? [character.charCodeAt(0)] : this.#encoder.encode(character);
    for (const byte of bytes) {
      const id = this.#bytes![byte];
      if (id === NO_ID) return this.#unknownId(symbols, from);
      symbols[count++] = id;
    }
    return count;
  }

  #unknownId(symbols: Int32Array, count: number): number {
    const id = this.#unknown;
    if (this.#joinsTexts) {
      // No token, but it keeps its neighbours apart.
      symbols[count] = NO_ID;
      return count + 1;
    }
    if (id === NO_ID || (this.#fuseUnknown && count > 0 && symbols[count - 1] === id)) return count;
    symbols[count] = id;
    return count + 1;
  }
}

const unsupported = (field: string, value: unknown) => {
  const message = `tokenizer.json's model has ${field} ${shown(value)}; plain byte-pair encoding is supported`;
  return new FlashrowError('UNSUPPORTED', message, { [field]: value });
};

const byteIds = (ids: ReadonlyMap<string, number>): Int32Array =>
  Int32Array.from({ length: 256 }, (_, byte) => ids.get(byteToken(byte)) ?? NO_ID);
