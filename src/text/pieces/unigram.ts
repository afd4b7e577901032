import { FlashrowError, shown } from '../../errors.js';
import { finished, type Steps } from '../steps.js';
import { byteToken } from './byte-token.js';
import { checkId } from './piece-ids.js';
import type { PieceModel } from './piece-model.js';

/** What a character without a token costs, beside the worst token. */
const UNKNOWN_PENALTY = 10;

/**
 * tokenizer.json's `model` of type Unigram (arXiv 1804.10959): the tokens whose scores have the best sum. One pass over
 * the text. Among sums that are equal the one found first stays, as in Hugging Face's library in Rust.
 */
export class Unigram implements PieceModel {
  readonly tokens: string[];
  /** Tokens that text may become, in the order of UTF-16 units, and their ids and scores. */
  readonly #sorted: string[];
  readonly #ids: number[];
  readonly #scores: number[];
  /** Where the tokens that begin with a unit stand in `#sorted`: [from, to). */
  readonly #firsts = new Map<number, readonly [number, number]>();
  readonly #idOf = new Map<string, number>();
  readonly #unknownId: number | null;
  readonly #unknownScore: number;
  readonly #fuses: boolean;
  readonly #bytes: boolean;

  /** A piece never becomes a token of `apart`. Throws CORRUPT. */
  constructor(model: Record<string, unknown>, apart: ReadonlySet<string>) {
    const vocab = readScores(model.vocab);
    this.tokens = vocab.map(([token]) => token);
    for (const [id, [token]] of vocab.entries()) if (!apart.has(token)) this.#idOf.set(token, id);
    this.#sorted = [...this.#idOf.keys()].filter((token) => token !== '').sort();
    this.#ids = this.#sorted.map((token) => this.#idOf.get(token)!);
    this.#scores = this.#ids.map((id) => vocab[id][1]);
    for (let from = 0; from < this.#sorted.length; ) {
      const unit = this.#sorted[from].charCodeAt(0);
      const to = this.#firstFrom(from, this.#sorted.length, 0, unit + 1);
      this.#firsts.set(unit, [from, to]);
      from = to;
    }
    const { unk_id: unknown } = model;
    this.#unknownId = unknown === null || unknown === undefined ? null : checkId(unknown, 'the unknown token');
    this.#unknownScore = vocab.reduce((least, [, score]) => Math.min(least, score), 0) - UNKNOWN_PENALTY;
    this.#fuses = model.fuse_unk !== false;
    this.#bytes = model.byte_fallback === true;
  }

  encode(piece: string, output: number[]): void {
    finished(this.encoding(piece, output));
  }

  *encoding(piece: string, output: number[]): Steps<void> {
    const from = new Int32Array(piece.length + 1).fill(-1);
    const ids = new Int32Array(piece.length + 1);
    yield* this.#findPath(piece, from, ids);
    const ends: number[] = [];
    for (let end = piece.length; end > 0; end = from[end]) ends.push(end);
    let unknown = '';
    for (const end of ends.reverse()) {
      const text = piece.slice(from[end], end);
      if (ids[end] === UNKNOWN && this.#fuses) unknown += text;
      else {
        this.#appendUnknown(unknown, output);
        unknown = '';
        if (ids[end] === UNKNOWN) this.#appendUnknown(text, output);
        else output.push(ids[end]);
      }
    }
    this.#appendUnknown(unknown, output);
  }

  /** Fills in where the last token of the best path to each place begins, and its id. */
  *#findPath(piece: string, from: Int32Array, ids: Int32Array): Steps<void> {
    const best = new Float64Array(piece.length + 1);
    const offer = (start: number, end: number, score: number, id: number) => {
      if (from[end] >= 0 && best[start] + score <= best[end]) return;
      best[end] = best[start] + score;
      from[end] = start;
      ids[end] = id;
    };
    for (let start = 0; start < piece.length; ) {
      const next = start + (piece.codePointAt(start)! > 0xffff ? 2 : 1);
      let hasCharacter = false;
      let [low, high] = this.#firsts.get(piece.charCodeAt(start)) ?? [0, 0];
      for (let end = start + 1; low < high; end++) {
        // The shortest comes first, so a token that ends here stands at `low`.
        if (this.#sorted[low].length === end - start) {
          offer(start, end, this.#scores[low], this.#ids[low]);
          hasCharacter ||= end === next;
          low++;
        }
        if (end >= piece.length) break;
        const unit = piece.charCodeAt(end);
        low = this.#firstFrom(low, high, end - start, unit);
        high = this.#firstFrom(low, high, end - start, unit + 1);
      }
      if (!hasCharacter) offer(start, next, this.#unknownScore, UNKNOWN);
      start = next;
      if ((start & STEP) === 0) yield;
    }
  }

  /** The first of the tokens [low, high) whose unit at `depth` is not below `unit`. All agree before it. */
  #firstFrom(low: number, high: number, depth: number, unit: number): number {
    let [from, to] = [low, high];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#sorted[middle].charCodeAt(depth) < unit) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #appendUnknown(text: string, output: number[]): void {
    if (text === '') return;
    const known = this.#idOf.get(text);
    const bytes = this.#bytes ? [...Buffer.from(text)].map((byte) => this.#idOf.get(byteToken(byte))) : [undefined];
    if (known !== undefined) output.push(known);
    else if (!bytes.includes(undefined)) for (const id of bytes) output.push(id!);
    else if (this.#unknownId !== null) output.push(this.#unknownId);
  }
}

/** Units of a piece between two steps, less one. */
const STEP = 0xfff;
/** No id of a token. */
const UNKNOWN = -1;

function readScores(vocab: unknown): [token: string, score: number][] {
  const isEntry = (entry: unknown): entry is [string, number] =>
    Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number' && !Number.isNaN(entry[1]);
  if (Array.isArray(vocab) && vocab.length > 0 && vocab.every(isEntry)) return vocab;
  const bad = Array.isArray(vocab) ? vocab.find((entry) => !isEntry(entry)) : vocab;
  throw new FlashrowError(
    'CORRUPT',
    `tokenizer.json's vocabulary holds ${shown(bad)}; it should be tokens with scores`,
  );
}
