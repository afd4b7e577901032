/// <reference lib="esnext.disposable" preserve="true" />
import type { ModelOptions } from '../plan/model-options.js';
import type { Plan } from '../plan/plan.js';
import type { ImageInput, RegionInput } from '../text/chat-message.js';
import type { MessageInput } from '../text/chat-template.js';
import type { ActivityOptions, ActivitySample } from './activity.js';
import type { ChatOptions, GenerateOptions, TemplateOptions, TokenizeOptions } from './generate-options.js';
import type { EvaluationResult, Generation } from './generation.js';
import type { ModelInfo } from './model-info.js';
import type { Progress } from './progress.js';

/** Options of `loadModel`: those of a plan, and how to follow and end the load. */
export interface LoadOptions extends ModelOptions {
  /** Aborts the load, which then rejects with `signal.reason`. */
  signal?: AbortSignal | undefined;
  /** Told how far it has come: stages `compare` and `convert` where the source has to be converted, then `load`. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Calls that may wait for their turn; one more is BUSY. Default no limit. */
  maxQueue?: number | undefined;
  /**
   * A folder for the states of conversations: one that leaves memory, because another one takes its place or the model
   * is disposed of, is kept there, and read again when a prompt goes on with it. They hold what was said, as token ids,
   * for the owner's eyes alone (mode 0600). Default none: they are forgotten. While a state is written or read, nothing
   * else runs.
   */
  sessionsDir?: string | URL | undefined;
  /**
   * Bytes that the files in `sessionsDir` take at most, or a text like `"2GB"`; default 4 GB. Those that were used
   * longest ago go first.
   */
  sessionsSize?: number | string | undefined;
}

/** A state that was saved, or loaded again. */
export interface SavedState {
  /** Tokens whose state it is. */
  tokens: number;
  /** Bytes of the file. */
  bytes: number;
}

/**
 * A loaded model. It lives in a worker thread, where calls wait for their turn; with several `sequences`, as many
 * generations run at once. A thread beside it does what concerns
 * text: to tokenize, to count and to fill in a template takes no turn, and what is wrong with a prompt is told at once.
 *
 * Wrong types, wrong ranges and unknown options are BAD_USAGE: `generate` and `chat` throw it where they are called,
 * and functions that return a promise reject with it. What only the model can tell comes by `result` and by the loop.
 */
export interface Model {
  /** What the model is, and how it was loaded. */
  readonly info: ModelInfo;
  /** The plan that the load followed. */
  readonly plan: Plan;
  /** Calls that wait for their turn. Those that run are not among them. */
  readonly pending: number;
  /** Resolves once the model was disposed of. Rejects with IO if its thread failed: then no call can be answered. */
  readonly closed: Promise<void>;
  /**
   * Continues a text, or token ids as they are. Throws BAD_USAGE for a wrong option. The result rejects with
   * CONTEXT_OVERFLOW for a prompt that is longer than the context, BAD_USAGE for an empty one or an id that does not
   * exist, BUSY where `maxQueue` calls wait, CORRUPT, IO, or ABORTED once the model is disposed of.
   */
  generate(prompt: string | readonly number[], options?: GenerateOptions): Generation;
  /**
   * The assistant's next message, by the model's chat template. Special tokens in a message's content are plain text.
   * Where a conversation goes on, only the new part runs (`usage.cached`). Draws as `info.samplingDefaults` says,
   * unless `options` do. The result rejects as that of `generate`, with UNSUPPORTED where the model has no template,
   * and with BAD_USAGE where the template refuses the messages.
   */
  chat(messages: readonly MessageInput[], options?: ChatOptions): Generation;
  /**
   * Ids of a text, those that `generate` makes of it: `generate(await tokenize(text))` is `generate(text)`. Takes no
   * turn.
   */
  tokenize(text: string, options?: TokenizeOptions): Promise<number[]>;
  /** Text of ids. Takes no turn. Throws BAD_USAGE for an id that does not exist. */
  detokenize(ids: readonly number[]): Promise<string>;
  /**
   * The number of tokens that `generate` makes of a text. Takes no turn. Rejects with what is wrong with the options of
   * a generation, so that it can be told before there is a turn.
   */
  countTokens(text: string, options?: TokenizeOptions & GenerateOptions): Promise<number>;
  /**
   * The number of tokens that `chat` makes of a conversation, the beginning of the answer included: `usage.prompt`.
   * Takes no turn. Throws as `applyTemplate` does, and rejects with what is wrong with the options of a chat.
   */
  countTokens(messages: readonly MessageInput[], options?: ChatOptions): Promise<number>;
  /** The number of tokens of either. */
  countTokens(input: string | readonly MessageInput[]): Promise<number>;
  /**
   * The conversation as the template writes it out, for the eye. `chat` does not run this text: in it a special token
   * in a message looks like one of the template's own. Takes no turn. Throws UNSUPPORTED where the model has no
   * template, BAD_USAGE where the template refuses the messages.
   */
  applyTemplate(messages: readonly MessageInput[], options?: TemplateOptions): Promise<string>;
  /**
   * Natural-log probabilities. Row i holds the `topK` likeliest `[id, probability]` after tokens[0..i], best first.
   * `images` are the pictures of ids that `tokenize` made with them. The points of `regions` are drawn from `seed`,
   * default 0. Throws as `generate`'s result does, or
   * `signal.reason`.
   */
  logprobs(
    tokens: readonly number[],
    topK: number,
    options?: {
      signal?: AbortSignal | undefined;
      images?: readonly ImageInput[] | undefined;
      regions?: readonly RegionInput[] | undefined;
      seed?: number | undefined;
    },
  ): Promise<[number, number][][]>;
  /**
   * Mean negative log-likelihood over sequences of token ids. The state is reset between them. The first token of each
   * is not scored. `onProgress` is told how many sequences are done. Throws as `generate`'s result does, or
   * `signal.reason`.
   */
  evaluate(
    sequences: readonly (readonly number[])[],
    options?: { signal?: AbortSignal | undefined; onProgress?: ((progress: Progress) => void) | undefined },
  ): Promise<EvaluationResult>;
  /**
   * Writes the state of the conversation that ran last into a file, in the place of one that is there, for the owner's
   * eyes alone (mode 0600). It holds what was written, as token ids. Waits for its turn. Throws NOT_WRITABLE,
   * DISK_FULL, IO, BAD_USAGE or `signal.reason`.
   */
  saveState(path: string | URL, options?: { signal?: AbortSignal | undefined }): Promise<SavedState>;
  /**
   * Reads a state that `saveState` wrote, in the place of the conversation that was used longest ago: a prompt that
   * begins with its tokens does not run again up to there. Waits for its turn. Throws NOT_FOUND, CORRUPT, IO, BAD_USAGE
   * where the state is of another model or kept in another format, CONTEXT_OVERFLOW, or `signal.reason`.
   */
  loadState(path: string | URL, options?: { signal?: AbortSignal | undefined }): Promise<SavedState>;
  /**
   * What the engine does, as long as somebody looks: which units of each layer were asked for and which of them were
   * read, bytes, time, memory. Looking begins with the call, and ends where the loop is left. The first sample is empty
   * and comes at once; the next ones at most ten times a second, and before the answer of a call that ends. Who reads
   * slowly gets fewer, which cover more. While nobody looks it costs nothing. The loop ends when the model is disposed
   * of, and throws IO if its thread failed. Throws BAD_USAGE for a wrong option.
   */
  activity(options?: ActivityOptions): AsyncIterableIterator<ActivitySample>;
  /**
   * Frees everything. Running and waiting calls end with ABORTED at once; with `drain` they are answered first, and new
   * ones are refused. Safe to call twice.
   */
  dispose(options?: { drain?: boolean | undefined }): Promise<void>;
  /** `dispose()`, for `await using`. Node 20.4 and newer have the symbol. */
  [Symbol.asyncDispose](): Promise<void>;
}
