import type { Steps } from './steps.js';
import type { GuardedText } from './user-text.js';

/** What ids mean as text: enough to write an answer out. */
export interface TokenSpelling {
  readonly eosIds: readonly number[];
  /** Ids that are never drawn. */
  readonly suppressedIds: readonly number[];
  /** The bytes that a token means in running text; empty for control tokens. */
  bytes(id: number): Uint8Array;
  /** A token as the vocabulary writes it, also a control token; empty where no token has the id. */
  token(id: number): string;
}

export interface EncodeOptions {
  addBos: boolean;
  addEos: boolean;
  parseSpecial: boolean;
}

/** Text to ids and back. Ids are those of the model's vocabulary. */
export interface Tokenizer extends TokenSpelling {
  /** Why the tokenizer is not supported: then every text is UNSUPPORTED (ids-only.ts). Null where it is. */
  readonly idsOnly: string | null;
  readonly bosId: number | null;
  /**
   * Ids of `text`. `addBos` and `addEos` put BOS before and EOS after it, if the vocabulary has them. With
   * `parseSpecial`, special tokens written in the text count; else the text is literal.
   */
  encode(text: string, options: EncodeOptions): number[];
  /** The same in steps. */
  encoding(text: string, options: EncodeOptions): Steps<number[]>;
  /**
   * A rendered conversation for `encodeGuarded`, which reads control tokens that a user's text has a part in as plain
   * text. See user-text.ts.
   */
  guard(rendered: string, literals: string): GuardedText;
  /** Ids of text in which special tokens count, unless they went through `guard`. Adds no BOS. */
  encodeGuarded(text: string): Steps<number[]>;
  /** True where `text` begins with a special token. */
  startsWithSpecial(text: string): boolean;
  /** True where the model expects BOS before (EOS after) a text. */
  readonly addBos: boolean;
  readonly addEos: boolean;
  /** The most bytes of a text that an id may stand for; null where that is not known (longest-token.ts). */
  readonly longestToken: number | null;
  /** Text of ids. Invalid UTF-8 becomes U+FFFD. */
  decode(ids: readonly number[]): string;
}
