/** Text to ids and back. Ids are those of the model's vocabulary. */
export interface Tokenizer {
  readonly bosId: number | null;
  readonly eosIds: readonly number[];
  /**
   * Ids of `text`. `special` adds BOS/EOS as the metadata says and parses special tokens written out in the text;
   * without it the text is literal.
   */
  encode(text: string, options: { addBos: boolean; addEos: boolean; parseSpecial: boolean }): number[];
  /** `text` such that `encodeGuarded` takes the special tokens it spells for plain text. */
  guard(text: string): string;
  /** Ids of text in which special tokens count, but for those that `guard` has been over. Adds no BOS. */
  encodeGuarded(text: string): number[];
  /** Whether `text` begins with a special token. */
  startsWithSpecial(text: string): boolean;
  /** A token as the vocabulary spells it, control tokens too; empty where there is none. */
  token(id: number): string;
  /** Whether the metadata asks for BOS (EOS) around a text. */
  readonly addBos: boolean;
  readonly addEos: boolean;
  /** The bytes a token stands for in running text; empty for control tokens. */
  bytes(id: number): Uint8Array;
  /** Text of ids; invalid UTF-8 becomes U+FFFD. */
  decode(ids: readonly number[]): string;
}
