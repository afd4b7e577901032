import type { GroundedBox } from '../vision/boxes.js';
import type { Piece, ToolCall } from './piece.js';
import type { Receipt } from './receipt.js';
import type { TokenLogprob } from './token-logprob.js';

/**
 * `stop`: an end-of-sequence token or a stop text; `tool-calls`: the turn ended, and the answer calls tools; `length`:
 * `maxTokens` or the context; `abort`: the signal, or the loop was left. More will be added.
 */
export type FinishReason = 'stop' | 'tool-calls' | 'length' | 'abort' | (string & {});

/**
 * What ended a generation, by the option that did it: `stop`, `maxTokens`, `contextSize`, `signal`. `endToken` is an
 * end-of-sequence token, so the end of the turn; `loop`: the loop was left. More will be added.
 */
export type EndedBy = 'endToken' | 'stop' | 'maxTokens' | 'contextSize' | 'signal' | 'loop' | (string & {});

/** Tokens of a generation. */
export interface Usage {
  /** Tokens of the prompt. */
  prompt: number;
  /** Tokens of the prompt that did not run: their state was there already. */
  cached: number;
  /** Generated tokens. */
  completion: number;
  /** Those of them that are reasoning. */
  reasoning: number;
}

/** What came of a generation. */
export interface GenerationResult {
  /** The generated text, without the prompt, a stop text, and what is in `reasoning` and `toolCalls`. */
  text: string;
  /**
   * What the model wrote for itself before it answered, where the chat template shows how it marks that, or its
   * vocabulary as gpt-oss' does; else empty. Stop texts are not looked for in it.
   */
  reasoning: string;
  /** The tools that it calls, in order; empty where none were given. */
  toolCalls: ToolCall[];
  /**
   * The boxes that `text` names, in pixels of the last picture; only of a model that writes boxes
   * (`info.vision.boxes`), and with a picture.
   */
  boxes?: GroundedBox[];
  /** Generated ids, without the end-of-sequence token. */
  tokens: number[];
  /** The same with their log-probabilities; only where `logprobs` asked for them. */
  logprobs?: TokenLogprob[];
  /** Why it ended, in three kinds. */
  finishReason: FinishReason;
  /** Why it ended, exactly. */
  endedBy: EndedBy;
  /** The stop text that ended it; null where something else did. */
  stopText: string | null;
  /** All zero where the generation was ended before its turn came. */
  usage: Usage;
  /** The seed that the draws began with, given or not: with it the answer can be repeated. */
  seed: number;
  /** Options that changed nothing, each in a sentence. */
  warnings: string[];
  /** What it cost. */
  receipt: Receipt;
}

/**
 * A generation under way. Iterate over it for pieces as they come. To leave the loop ends the generation, whose result
 * then has `finishReason: 'abort'`. Every loop begins with the first piece, whenever it is begun. Pieces that nobody
 * reads wait in memory: a slow reader does not slow the engine.
 *
 * A generation is no promise: `await model.generate(...)` gives the generation itself, so that a function can return
 * one. Await `text()` or `result`.
 */
export interface Generation extends AsyncIterable<Piece> {
  /**
   * Settles when the generation ends, iterated or not. On an abort it resolves with what there is. Rejects with what
   * `Model.generate` names. Nothing happens where nobody awaits it.
   */
  readonly result: Promise<GenerationResult>;
  /** Calls that are before this one; 0 from the moment that it runs. */
  readonly place: number;
  /** The whole text, once it is there. Rejects as `result` does, and with `signal.reason`. */
  text(): Promise<string>;
  /**
   * A new reader, from the first piece on. After the last piece it throws what a loop throws: `signal.reason`, or why
   * it failed.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Piece>;
}

/** How well a model foretells texts. */
export interface EvaluationResult {
  /** Tokens that were scored. */
  tokens: number;
  /** Mean negative log-likelihood of a token, nats. */
  meanNll: number;
  /** e to the power of `meanNll`. */
  perplexity: number;
  /** What it cost. */
  receipt: Receipt;
}
