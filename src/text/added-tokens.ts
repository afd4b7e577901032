import { FlashrowError } from '../errors.js';
import { isRecord } from './json-shape.js';
import { checkId } from './piece-ids.js';

/** A token that is cut out of the original text before any other step. */
export interface AddedToken {
  id: number;
  content: string;
  /** True for control tokens. Literal text must never become one. */
  special: boolean;
  /** True where the token removes the white space before it. */
  lstrip: boolean;
  /** True where the token removes the white space after it. */
  rstrip: boolean;
}

/** tokenizer.json's `added_tokens`. Throws CORRUPT. */
export function readAddedTokens(list: unknown): AddedToken[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw new FlashrowError('CORRUPT', "tokenizer.json's added_tokens is not a list");
  return list.map((entry, at) => {
    if (!isRecord(entry) || typeof entry.content !== 'string') {
      throw new FlashrowError('CORRUPT', `tokenizer.json's added_tokens[${at}] has no content`, { at });
    }
    return {
      id: checkId(entry.id, entry.content),
      content: entry.content,
      special: entry.special === true,
      lstrip: entry.lstrip === true,
      rstrip: entry.rstrip === true,
    };
  });
}

/** Finds added tokens in text. The leftmost goes first, and the longest of those that begin together. */
export class AddedTokenSplitter {
  readonly #tokens: Map<string, AddedToken>;
  readonly #pattern: RegExp | null;

  constructor(tokens: readonly AddedToken[]) {
    const written = tokens.filter(({ content }) => content !== '').sort((a, b) => b.content.length - a.content.length);
    this.#tokens = new Map(written.map((token) => [token.content, token]));
    const source = written.map(({ content }) => content.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|');
    this.#pattern = written.length > 0 ? new RegExp(source, 'gu') : null;
  }

  /** True where `text` begins with one of the tokens. */
  startsWith(text: string): boolean {
    return this.#pattern !== null && text.search(this.#pattern) === 0;
  }

  /**
   * Calls back in the order of the text, for text between tokens (never empty) and for tokens. With `strips`, the white
   * space that `lstrip` and `rstrip` name is dropped.
   */
  split(
    text: string,
    onText: (text: string, first: boolean) => void,
    onToken: (id: number, spelled: string) => void,
    strips = true,
  ): void {
    let from = 0;
    const upTo = (end: number, strip: boolean) => {
      const between = text.slice(from, end);
      const kept = strip ? between.trimEnd() : between;
      if (kept !== '') onText(kept, from === 0);
    };
    for (const match of this.#pattern ? text.matchAll(this.#pattern) : []) {
      const token = this.#tokens.get(match[0])!;
      upTo(match.index, strips && token.lstrip);
      onToken(token.id, match[0]);
      from = match.index + match[0].length;
      if (strips && token.rstrip) from = text.length - text.slice(from).trimStart().length;
    }
    upTo(text.length, false);
  }
}
