/**
 * Foretells the next tokens of an answer. A pass of the model verifies them, so that a wrong one costs time and nothing
 * else.
 */
export interface DraftSource {
  readonly name: 'lookup' | 'model';
  /** How often a token of each certainty was right in other texts, 0 to 1: what is believed before any was verified. */
  readonly usualShares: readonly number[];
  /** Begins an answer to a prompt. */
  begin(prompt: readonly number[]): void;
  /** The answer goes on with `id`. What was foretold is forgotten. */
  push(id: number): void;
  /**
   * Foretells one more token: the one after the answer, and after those that were foretold since `push`. False where
   * there is none. `id` and `certainty` are then about it.
   */
  foretell(): boolean | Promise<boolean>;
  /** The token that was foretold last. */
  readonly id: number;
  /** How certain it is: an index into `usualShares`. */
  readonly certainty: number;
}
