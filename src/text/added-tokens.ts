import { FlashrowError } from '../errors.js';
import { isRecord } from './json-shape.js';
import { checkId } from './pieces/piece-ids.js';
import { WORD } from './pre-tokenizer.js';

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
  /** True where the token counts only with no letter, digit or underscore beside it. */
  singleWord: boolean;
  /** True where the token is looked for in the text after the normalizer, and is normalized itself. */
  normalized: boolean;
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
      singleWord: entry.single_word === true,
      normalized: entry.normalized === true,
    };
  });
}

/** Text between tokens, which is never empty; or a token, with its id. */
export interface TextPart {
  text: string;
  id: number | null;
  /** True where it is text that the whole text begins with. */
  first: boolean;
}

/**
 * Finds added tokens in text, as Hugging Face's library in Rust does. The leftmost goes first, and the longest of those
 * that begin together.
 */
export class AddedTokenSplitter {
  readonly #tokens: Map<string, AddedToken>;
  readonly #pattern: RegExp | null;

  constructor(tokens: readonly AddedToken[]) {
    const written = tokens.filter(({ content }) => content !== '').sort((a, b) => b.content.length - a.content.length);
    this.#tokens = new Map(written.map((token) => [token.content, token]));
    const source = written.map(({ content }) => content.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|');
    this.#pattern = written.length > 0 ? new RegExp(source, 'gu') : null;
  }

  get isEmpty(): boolean {
    return this.#pattern === null;
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
    for (const part of this.parts(text, strips)) {
      if (part.id === null) onText(part.text, part.first);
      else onToken(part.id, part.text);
    }
  }

  /** The same, one after the other as they are asked for. */
  *parts(text: string, strips = true): Generator<TextPart> {
    let from = 0;
    const upTo = (end: number): TextPart[] =>
      end > from ? [{ text: text.slice(from, end), id: null, first: from === 0 }] : [];
    for (const match of this.#pattern ? text.matchAll(this.#pattern) : []) {
      const token = this.#tokens.get(match[0])!;
      const end = match.index + match[0].length;
      if (token.singleWord && (WORD_BEFORE.test(before(text, match.index)) || WORD_AFTER.test(after(text, end))))
        continue;
      yield* upTo(strips && token.lstrip ? spaceBefore(text, match.index) : match.index);
      yield { text: match[0], id: token.id, first: false };
      from = strips && token.rstrip ? spaceAfter(text, end) : end;
    }
    yield* upTo(text.length);
  }
}

const WORD_BEFORE = new RegExp(`[${WORD}]$`, 'u');
const WORD_AFTER = new RegExp(`^[${WORD}]`, 'u');
/** Enough of a text for one character. */
const before = (text: string, end: number) => text.slice(Math.max(0, end - 2), end);
const after = (text: string, start: number) => text.slice(start, start + 2);
const SPACE = /^\p{White_Space}$/u;

/** The start of the white space that ends at `end`. */
function spaceBefore(text: string, end: number): number {
  let at = end;
  while (at > 0 && SPACE.test(text[at - 1])) at--;
  return at;
}

/** The end of the white space that begins at `start`. */
function spaceAfter(text: string, start: number): number {
  let at = start;
  while (at < text.length && SPACE.test(text[at])) at++;
  return at;
}
