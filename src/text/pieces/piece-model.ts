import type { Steps } from '../steps.js';

/** tokenizer.json's `model`: gives the ids of one piece of text, after the pre-tokenizer. */
export interface PieceModel {
  /** Tokens by id. An unused id has an empty text. */
  readonly tokens: string[];
  /** Appends the ids of `piece` to `output`. */
  encode(piece: string, output: number[]): void;
  /** The same in steps, where a piece may be long. */
  encoding?(piece: string, output: number[]): Steps<void>;
}
