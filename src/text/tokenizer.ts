/** Text to ids and back. Ids are those of the model's vocabulary. */
export interface Tokenizer {
  readonly bosId: number | null;
  readonly eosIds: readonly number[];
  /** Ids that are never drawn. */
  readonly suppressedIds: readonly number[];
  /**
   * Ids of `text`. `addBos` and `addEos` put BOS before and EOS after it, if the vocabulary has them. With
   * `parseSpecial`, special tokens written in the text count; else the text is literal.
   */
  encode(text: string, options: { addBos: boolean; addEos: boolean; parseSpecial: boolean }): number[];
  /** Changes `text` so that `encodeGuarded` reads special tokens written in it as plain text. */
  guard(text: string): string;
  /** Ids of text in which special tokens count, unless they went through `guard`. Adds no BOS. */
  encodeGuarded(text: string): number[];
  /** True where `text` begins with a special token. */
  startsWithSpecial(text: string): boolean;
  /** A token as the vocabulary writes it, also a control token; empty where no token has the id. */
  token(id: number): string;
  /** True where the model expects BOS before (EOS after) a text. */
  readonly addBos: boolean;
  readonly addEos: boolean;
  /** The bytes that a token means in running text; empty for control tokens. */
  bytes(id: number): Uint8Array;
  /** Text of ids. Invalid UTF-8 becomes U+FFFD. */
  decode(ids: readonly number[]): string;
}
