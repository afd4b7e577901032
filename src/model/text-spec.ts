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
  /**
   * Why no text can be read or written: what of the tokenizer is not supported. The model runs on token ids alone.
   * Default: texts can be read.
   */
  idsOnly?: string;
  /** What is odd about the vocabulary, in sentences. Default none. */
  warnings?: string[];
}
