/** How texts of a model begin and end: what a tokenizer needs besides tokenizer.json. */
export interface TextSpec {
  bosId: number | null;
  /** Any of these ends a generation. */
  eosIds: number[];
  /** True where the model expects BOS before a text. */
  addBos: boolean;
  /** True where the model expects EOS after a text. */
  addEos: boolean;
  /** Ids that are never drawn. Default none. */
  suppressedIds?: number[];
  /** What is odd about the vocabulary, in sentences. Default none. */
  warnings?: string[];
}
