import { FlashrowError } from '../errors.js';
import type { TextSpec } from '../model/text-spec.js';
import { type AddedToken, AddedTokenSplitter, readAddedTokens } from './added-tokens.js';
import { IdsOnly } from './ids-only.js';
import { longestToken } from './longest-token.js';
import { createNormalizer } from './normalizer.js';
import { createPieceModel } from './pieces/create-piece-model.js';
import { PieceEncoder } from './pieces/piece-encoder.js';
import type { PieceModel } from './pieces/piece-model.js';
import { createPreTokenizer, type PreTokenizer } from './pre-tokenizer.js';
import { finished, type Steps } from './steps.js';
import { bytesOfPiece, type Spelling, spellingOf } from './token-bytes.js';
import type { EncodeOptions, Tokenizer } from './tokenizer.js';
import { GUARD, type GuardedText, guardUserText } from './user-text.js';

const NO_BYTES = new Uint8Array(0);
/** UTF-16 units between two steps. They take about a millisecond. */
const UNITS_A_STEP = 4096;
const IDS_A_STEP = 1024;
/** A piece of so many units is encoded in steps of its own. */
const LONG_PIECE = 16384;
/**
 * Special tokens that part an answer's reasoning or its calls of tools from the rest. As text they are written out, as
 * llama.cpp keeps them: without them nobody could tell what is what. Harmony's channels are told apart instead.
 */
const MARKS_A_PART = /think|reason|tool|action|^\[(ARGS|CALL_ID)\]$/i;

/**
 * A tokenizer from a parsed tokenizer.json and a text spec. `path` is the file, for messages. Throws CORRUPT where the
 * JSON is no tokenizer, UNSUPPORTED where it has parts that are not known here. Where the text spec says
 * that the tokenizer is not supported, the result refuses every text.
 */
export function loadTokenizer(tokenizer: Record<string, unknown>, text: TextSpec, path?: string): Tokenizer {
  if (text.idsOnly !== undefined) return new IdsOnly(text, text.idsOnly);
  try {
    return new BpeTokenizer(tokenizer, text);
  } catch (error) {
    throw path === undefined ? error : atPath(error, path);
  }
}

/** The same failure with the path of the file in place of its plain name. */
function atPath(error: unknown, path: string): unknown {
  if (!(error instanceof FlashrowError) || (error.code !== 'CORRUPT' && error.code !== 'UNSUPPORTED')) return error;
  const message = error.message.replace(/^tokenizer\.json/, path);
  return new FlashrowError(error.code, message, { ...error.details, path }, { cause: error.cause });
}

class BpeTokenizer implements Tokenizer {
  readonly idsOnly = null;
  readonly bosId: number | null;
  readonly eosIds: readonly number[];
  readonly suppressedIds: readonly number[];
  readonly addBos: boolean;
  readonly addEos: boolean;
  readonly longestToken: number | null;
  readonly #added: Map<number, AddedToken>;
  readonly #splitAll: AddedTokenSplitter;
  /** Finds only tokens of plain text, such as runs of spaces. */
  readonly #splitPlain: AddedTokenSplitter;
  readonly #splitSpecial: AddedTokenSplitter;
  /** Finds all tokens as they are written, those that are looked for in normalized text too. */
  readonly #splitWritten: AddedTokenSplitter;
  /** Finds tokens of plain text in normalized text. */
  readonly #splitNormalized: AddedTokenSplitter;
  readonly #normalize: (text: string) => string;
  readonly #preTokenize: PreTokenizer;
  readonly #pieces: PieceModel;
  readonly #spelling: Spelling;

  constructor(json: Record<string, unknown>, text: TextSpec) {
    this.bosId = text.bosId;
    this.eosIds = text.eosIds;
    this.suppressedIds = text.suppressedIds ?? [];
    this.addBos = text.addBos;
    this.addEos = text.addEos;
    const added = readAddedTokens(json.added_tokens);
    const special = added.filter((token) => token.special);
    this.#added = new Map(added.map((token) => [token.id, token]));
    this.#normalize = createNormalizer(json.normalizer);
    // A special token is looked for as it is written, whatever its flag says. Else Llama 2's <s> would be text wherever
    // no space is before it, and another spelling of a special token would become one.
    const normalized = added.filter((token) => token.normalized && !token.special);
    const plain = added.filter((token) => !token.special && !token.normalized);
    this.#splitAll = new AddedTokenSplitter([...special, ...plain]);
    this.#splitPlain = new AddedTokenSplitter(plain);
    this.#splitWritten = new AddedTokenSplitter(added);
    this.#splitNormalized = new AddedTokenSplitter(
      normalized.map((token) => ({ ...token, content: this.#normalize(token.content) })),
    );
    this.#splitSpecial = new AddedTokenSplitter(special);
    this.#pieces = createPieceModel(json.model, new Set(special.map(({ content }) => content)));
    this.#spelling = spellingOf(json.decoder, this.#pieces);
    this.longestToken = longestToken(json, this.#pieces.tokens);
    const preTokenize = createPreTokenizer(json.pre_tokenizer);
    const cutsWords = this.#pieces instanceof PieceEncoder && wordsStandAlone(this.#pieces.tokens);
    this.#preTokenize = cutsWords ? (piece, first) => words(preTokenize(piece, first)) : preTokenize;
  }

  encode(text: string, options: EncodeOptions): number[] {
    return finished(this.encoding(text, options));
  }

  *encoding(text: string, options: EncodeOptions): Steps<number[]> {
    const ids: number[] = [];
    if (options.addBos && this.bosId !== null) ids.push(this.bosId);
    yield* this.#append(text, options.parseSpecial ? this.#splitAll : this.#splitPlain, ids);
    if (options.addEos && this.eosIds.length > 0) ids.push(this.eosIds[0]);
    return ids;
  }

  guard(rendered: string, literals: string): GuardedText {
    return guardUserText(rendered, literals, this.#added, this.#splitWritten);
  }

  *encodeGuarded(text: string): Steps<number[]> {
    const ids: number[] = [];
    yield* this.#append(text, this.#splitAll, ids, (part) => part.replaceAll(GUARD, ''));
    return ids;
  }

  startsWithSpecial(text: string): boolean {
    return this.#splitSpecial.startsWith(text);
  }

  token(id: number): string {
    return this.#added.get(id)?.content ?? this.#pieces.tokens[id] ?? '';
  }

  *#append(text: string, splitter: AddedTokenSplitter, ids: number[], clean = (part: string) => part): Steps<void> {
    // UTF-8 cannot hold a lone surrogate. Every other tokenizer gets U+FFFD in its place.
    for (const part of splitter.parts(text.replace(/\p{Surrogate}/gu, '\ufffd'))) {
      if (part.id === null) yield* this.#appendText(part.text, part.first, clean, ids);
      else ids.push(part.id);
      if (ids.length % IDS_A_STEP === 0) yield;
    }
  }

  /** Text between tokens, of which `clean` takes the guards away. */
  *#appendText(text: string, first: boolean, clean: (part: string) => string, ids: number[]): Steps<void> {
    if (this.#splitNormalized.isEmpty) yield* this.#appendPieces(this.#normalize(clean(text)), first, ids);
    else
      for (const part of this.#splitNormalized.parts(this.#normalize(text)))
        if (part.id === null) yield* this.#appendPieces(clean(part.text), first && part.first, ids);
        else ids.push(part.id);
  }

  *#appendPieces(text: string, first: boolean, ids: number[]): Steps<void> {
    let units = 0;
    for (const piece of this.#preTokenize(text, first)) {
      if (piece.length > LONG_PIECE && this.#pieces.encoding) yield* this.#pieces.encoding(piece, ids);
      else this.#pieces.encode(piece, ids);
      units += piece.length;
      if (units < UNITS_A_STEP) continue;
      units = 0;
      yield;
    }
  }

  decode(ids: readonly number[]): string {
    const parts = ids.map((id) => this.bytes(id));
    const all = Buffer.concat(parts);
    const from = this.#spelling.dropsFirstSpace && all[0] === 0x20 ? 1 : 0;
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(all.subarray(from));
  }

  bytes(id: number): Uint8Array {
    const added = this.#added.get(id);
    if (added?.special && !MARKS_A_PART.test(added.content)) return NO_BYTES;
    if (added && this.#spelling.style !== 'sentencepiece') return new TextEncoder().encode(added.content);
    const piece = added?.content ?? this.#pieces.tokens[id];
    return piece === undefined ? NO_BYTES : bytesOfPiece(piece, this.#spelling);
  }
}

/** True where no token has U+2581 after another character. Then no merge crosses the start of a word. */
const wordsStandAlone = (tokens: readonly string[]): boolean =>
  tokens.some((token) => token.startsWith('\u2581')) && !tokens.some((token) => /[^\u2581]\u2581/.test(token));

/** Cuts pieces into words. Words merge faster than a whole text, and they repeat. */
function* words(pieces: Iterable<string>): Generator<string> {
  for (const piece of pieces) for (const [word] of piece.matchAll(/\u2581*[^\u2581]+|\u2581+/g)) yield word;
}
