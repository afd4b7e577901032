/** A token, and how likely the model found it. */
export interface ScoredToken {
  /** Its id. */
  token: number;
  /** As text: U+FFFD stands for a part of a character. A control token is written as the vocabulary names it. */
  text: string;
  /** Its bytes of UTF-8; none for a control token. */
  bytes: number[];
  /**
   * The natural logarithm of its probability, as the model has it: before penalties, biases, temperature and formats.
   */
  logprob: number;
}

/** A token of an answer, and those that might have come in its place. */
export interface TokenLogprob extends ScoredToken {
  /** The likeliest tokens at its place, best first: as many as `topLogprobs` asks for. */
  top: ScoredToken[];
}
