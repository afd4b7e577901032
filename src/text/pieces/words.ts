import { FlashrowError, shown } from '../../errors.js';
import { readPieceIds } from './piece-ids.js';
import type { PieceModel } from './piece-model.js';

/** A vocabulary by id and by token, and its unknown token. */
class Words {
  readonly tokens: string[] = [];
  readonly ids: Map<string, number>;
  readonly unknownId: number | null;

  constructor(model: Record<string, unknown>, apart: ReadonlySet<string>) {
    this.ids = readPieceIds(model);
    const unknown = typeof model.unk_token === 'string' ? model.unk_token : '';
    this.unknownId = this.ids.get(unknown) ?? null;
    for (const [token, id] of this.ids) {
      while (this.tokens.length < id) this.tokens.push('');
      this.tokens[id] = token;
    }
    for (const token of apart) this.ids.delete(token);
  }

  /** A piece that has no tokens. */
  appendUnknown(piece: string, output: number[]): void {
    if (this.unknownId !== null) output.push(this.unknownId);
    else
      throw new FlashrowError(
        'UNSUPPORTED',
        `the text holds ${shown(piece)}, which the vocabulary has no token for, nor an unknown token`,
      );
  }
}

/** tokenizer.json's `model` of type WordLevel: a piece is a token, or unknown. */
export class WordLevel implements PieceModel {
  readonly tokens: string[];
  readonly #words: Words;

  constructor(model: Record<string, unknown>, apart: ReadonlySet<string>) {
    this.#words = new Words(model, apart);
    this.tokens = this.#words.tokens;
  }

  encode(piece: string, output: number[]): void {
    const id = this.#words.ids.get(piece);
    if (id === undefined) this.#words.appendUnknown(piece, output);
    else output.push(id);
  }
}

/**
 * tokenizer.json's `model` of type WordPiece (BERT): the longest token that a word begins with, then the longest one
 * with the prefix `##`, and so on. A word that has no tokens, or too many characters, is unknown as a whole.
 */
export class WordPiece implements PieceModel {
  readonly tokens: string[];
  readonly #words: Words;
  readonly #prefix: string;
  readonly #mostCharacters: number;
  /** UTF-16 units of the longest token. */
  readonly #longest: number;

  constructor(model: Record<string, unknown>, apart: ReadonlySet<string>) {
    this.#words = new Words(model, apart);
    this.tokens = this.#words.tokens;
    this.#prefix = typeof model.continuing_subword_prefix === 'string' ? model.continuing_subword_prefix : '##';
    this.#mostCharacters = typeof model.max_input_chars_per_word === 'number' ? model.max_input_chars_per_word : 100;
    this.#longest = this.tokens.reduce((most, token) => Math.max(most, token.length), 0);
  }

  encode(piece: string, output: number[]): void {
    if (piece === '') return;
    const ids: number[] = [];
    let isKnown = piece.length <= this.#mostCharacters || [...piece].length <= this.#mostCharacters;
    for (let from = 0; from < piece.length && isKnown; ) {
      const prefix = from === 0 ? '' : this.#prefix;
      let end = Math.min(piece.length, from + this.#longest);
      let id: number | undefined;
      for (; end > from; end--) {
        id = this.#words.ids.get(prefix + piece.slice(from, end));
        if (id !== undefined) break;
      }
      isKnown = id !== undefined;
      if (id !== undefined) ids.push(id);
      from = end;
    }
    if (isKnown) output.push(...ids);
    else this.#words.appendUnknown(piece, output);
  }
}
