import type { FewIds } from './few-ids.js';

/**
 * Sees hidden states of a text: the residual stream after the last layer, before the last norm. Those of `tokens`
 * positions from `position` on are rows `row` and after of x[.., hiddenSize], which is valid during the call alone.
 */
export type HiddenTap = (position: number, x: Float32Array, row: number, tokens: number) => void;

/** A prompt and its answer, as the model runs them. */
export interface FollowedText {
  /** Tokens that have run. */
  readonly position: number;
  /** Has somebody see the hidden states of all that runs from now on; null for nobody. */
  set sees(tap: HiddenTap | null);
  /**
   * Runs a token with networks that foretell in place of the exact ones. What it leaves in the state has to be taken
   * back before anything else runs. `few`: ids whose logits are wanted; null for all.
   */
  draft(id: number, few: FewIds | null): Promise<void>;
  /** The logits[vocabSize] of the token that ran last. Valid until something is awaited. */
  logits(): Float32Array;
  /** Takes the state back to `length` tokens; returns how many are held. */
  rewind(length: number): number;
}

/** What the format of an answer says of the tokens that come next. */
export interface Foreseen {
  /** The tokens, in order. */
  readonly ids: readonly number[];
  /** How sure each of them is: an index into the usual shares of a `FormatDraft`. */
  readonly certainties: readonly number[];
  /** Of so many first ones each is the only token that may come. */
  readonly certain: number;
}

/** Tokens that may come in the place of one that was foretold. */
export interface OtherTokens {
  /** Likelier ones first. */
  readonly ids: number[];
  /** How sure each of them is: an index into the usual shares of others. */
  readonly certainties: number[];
}

/**
 * Foretells the next tokens of an answer. A pass of the model verifies them, so that a wrong one costs time and nothing
 * else.
 */
export interface DraftSource {
  readonly name: 'format' | 'lookup' | 'model' | 'mtp' | 'self';
  /** How often a token of each certainty was right in other texts, 0 to 1: what is believed before any was verified. */
  readonly usualShares: readonly number[];
  /** The same of all tokens together; absent where that is not known. */
  readonly typicalShare?: number;
  /** The same of tokens that may come in the place of a foretold one; absent where it names none. */
  readonly usualOtherShares?: readonly number[];
  /**
   * Of a draft that is the model itself in a coarser form: how often it is right where another one as certain is, 0 to
   * 1. The model's own certainty then says how right it will be.
   */
  readonly kinship?: number;
  /**
   * ms that a foretold token takes, and one of a text that it catches up with, as timed at the load; 0 where it is
   * free, null where that is not known.
   */
  readonly tokenMs: number | null;
  readonly catchUpMs: number | null;
  /** Whether it can foretell: a draft whose memory the cache has cannot. */
  readonly isReady: boolean;
  /** A prompt and its answer run from now on; absent where that is nothing to it. */
  follow?(text: FollowedText): void;
  /** Begins an answer to a prompt. `aborted` turns true once the call is to end. */
  begin(prompt: readonly number[], aborted: () => boolean): void;
  /** Lets go of what it had for the answer. */
  end(): void;
  /** The answer goes on with `id`. What was foretold is forgotten. */
  push(id: number): void;
  /** Is shown, after `push`, what the format says; null without a format. Absent where that is nothing to it. */
  show?(foreseen: Foreseen | null): void;
  /** Tokens that it has to run before it can foretell the next one. */
  readonly lacking: number;
  /** Of them, those that are not run at all where there was no time for the whole text: its beginning. */
  readonly leftOut: number;
  /**
   * Runs what it lacks, or the next `atOnce` tokens of it. A text that it has not begun with it takes up `most` tokens
   * before the end; where `most` is all of a text whose beginning it left out, it begins anew. Returns the tokens that
   * ran.
   */
  catchUp(most: number, atOnce: number): Promise<number>;
  /**
   * Foretells one more token: the one after the answer, and after those that were foretold since `push`. False where
   * there is none. `id` and `certainty` are then about it.
   */
  foretell(): boolean | Promise<boolean>;
  /** Takes back what foretelling left in the model's own state; absent where it leaves nothing. */
  settle?(): void;
  /** The token that was foretold last. */
  readonly id: number;
  /** How certain it is: an index into `usualShares`. */
  readonly certainty: number;
  /** Those that may come in its place; absent where it names none. */
  readonly others?: OtherTokens;
}
