import type { ModelSpec } from '../model/spec.js';
import type { ModelOptions } from '../plan/model-options.js';
import type { Plan } from '../plan/plan.js';
import type { ChatMessage } from '../text/chat-template.js';
import type { Progress } from './progress.js';

export interface LoadOptions extends ModelOptions {
  /** Aborts the load, which then rejects with `signal.reason`. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

/** How a generation draws its tokens, and where it ends. The options cost no memory, except `trace`. */
export interface GenerateOptions {
  /** Tokens to generate at most; default 256. The context may end a generation earlier. */
  maxTokens?: number;
  /**
   * 0 (default) picks the likeliest token. 1 draws by the probabilities of the model; more makes unlikely tokens
   * likelier.
   */
  temperature?: number;
  /** Draws from this many of the likeliest tokens; default 0, which is all of them. No effect at temperature 0. */
  topK?: number;
  /** Draws from the likeliest tokens that together have this probability, above 0; default 1, which is all of them. */
  topP?: number;
  /**
   * Leaves out tokens whose probability is below this share of the likeliest one's, 0 to 1; default 0, which keeps all.
   */
  minP?: number;
  /** Makes the last 64 tokens less likely to come again: 1 (default) leaves them as they are, above 1 weakens them. */
  repeatPenalty?: number;
  /** Same seed, same draws; default random. */
  seed?: number;
  /**
   * The generation ends before the first of these texts, which is left out; default none. A text may span several
   * tokens.
   */
  stop?: string | string[];
  /** Never draws an end-of-sequence token, so that only `maxTokens`, `stop` or the context end it; default false. */
  ignoreEos?: boolean;
  /**
   * Records which bundles each token asks for, in this new file; default none. It costs one bit a bundle of memory, and
   * one small write for each pass.
   */
  trace?: string;
  /** Aborts the generation; its `result` then rejects with `signal.reason`. */
  signal?: AbortSignal;
  /** Called after each chunk of the prompt: `done` tokens of `total` have run. */
  onPrefill?: (done: number, total: number) => void;
}

export interface ChatOptions extends GenerateOptions {
  /** A Jinja template in place of the model's own. */
  template?: string;
}

/**
 * The sampling that the model's makers suggest, in generation_config.json or under general.sampling of a GGUF file;
 * empty where they suggest nothing.
 */
export type SamplingDefaults = Pick<GenerateOptions, 'temperature' | 'topK' | 'topP' | 'minP' | 'repeatPenalty'>;

export interface Piece {
  /** Whole characters only. Empty while a character is incomplete, or while a stop text may be beginning. */
  text: string;
  /** The id of the token that brought it. */
  token: number;
}

/**
 * `stop`: an end-of-sequence token or a stop text; `length`: `maxTokens` or the context; `abort`: the loop was left.
 */
export type FinishReason = 'stop' | 'length' | 'abort';

/** A number of bytes or of reads, for the prompt (prefill) and for the generated tokens (decode). */
export interface PerPhase {
  prefill: number;
  decode: number;
}

/** The work and the cost of a generation or an evaluation. */
export interface Receipt {
  /** The selector in use: which rows are read. */
  selector: string;
  /** True where the selector computes the same as every row would. */
  exact: boolean;
  /** The share of active neurons that the selector missed at calibration, 0 to 1; null for exact selectors. */
  falseNegativeRate: number | null;
  /** The cache policy in use. */
  cachePolicy: string;
  /** The instruction set of the compiled kernels in use. */
  kernels: string;
  /** The budget, bytes. */
  budgetBytes: number;
  /** Weights that stay in memory, bytes. */
  residentBytes: number;
  /** Keys and values of the context, bytes. */
  stateBytes: number;
  /** The cache of bundles, bytes. */
  cacheBytes: number;
  /** The most that the budget's parts held at once, as accounted, bytes. */
  memoryBytes: number;
  /** Fixed memory beside the budget (worker, tokenizer, sessions), as planned, bytes. */
  overheadBytes: number;
  /** Growth of the process's anonymous and shared memory since just before the load, bytes. */
  rssGrowthBytes: number;
  /** Bytes of bundles that were read, without what alignment adds. */
  payloadBytesRead: PerPhase;
  /** Bytes that the disk delivered. */
  deviceBytesRead: PerPhase;
  /** Reads, after neighbouring bundles were merged into one. */
  recordsRead: PerPhase;
  /** Bundles that were asked for and lay in the cache. */
  bundlesHit: number;
  /** Bundles that were asked for and had to be read. */
  bundlesMissed: number;
  /** Speed of the prompt, tokens/s; null where there was nothing to measure. */
  prefillTokensPerSecond: number | null;
  /** Speed of the generated tokens, tokens/s; null where there was nothing to measure. */
  decodeTokensPerSecond: number | null;
  /** ms that a generated token took, by percentile; null where there was nothing to measure. */
  tokenMs: { p50: number | null; p95: number | null; p99: number | null };
  /** ms of prefill and decode spent waiting for reads. The three fields below are the rest of the time. */
  readWaitMs: number;
  /** The feed-forward part, ms. */
  ffnMs: number;
  /** Attention, norms, embedding and head, ms. */
  denseMs: number;
  /** Everything else, ms: sampling, text, messages between threads. */
  otherMs: number;
}

export interface GenerationResult {
  /** The generated text, without the prompt and without a stop text. */
  text: string;
  /** Generated ids, without the end-of-sequence token. */
  tokens: number[];
  finishReason: FinishReason;
  /** Tokens: of the prompt, of those the ones that were still in the context, and generated ones. */
  usage: { prompt: number; cached: number; completion: number };
  receipt: Receipt;
}

/**
 * A generation under way. Iterate over it for pieces as they come. To leave the loop ends the generation, whose result
 * then has `finishReason: 'abort'`.
 */
export interface Generation extends AsyncIterable<Piece> {
  /** Settles when the generation ends, iterated or not. Rejects with `signal.reason` on abort. */
  readonly result: Promise<GenerationResult>;
}

export interface EvaluationResult {
  /** Tokens that were scored. */
  tokens: number;
  /** Mean negative log-likelihood of a token, nats. */
  meanNll: number;
  /** e to the power of `meanNll`. */
  perplexity: number;
  receipt: Receipt;
}

export interface ModelInfo {
  spec: ModelSpec;
  /** The store's folder. */
  path: string;
  /** Tokens of context. */
  contextSize: number;
  selector: string;
  cachePolicy: string;
  exact: boolean;
  kernels: string;
  /** The sampling that `chat` uses where its options say nothing. */
  samplingDefaults: SamplingDefaults;
  /**
   * False where reads go through the page cache: with the portable twin, or on a file system that refuses direct reads.
   */
  directReads: boolean;
  /** What is odd about the model and was passed over, in sentences; empty where nothing is. */
  readonly warnings: readonly string[];
}

/** A loaded model. It lives in a worker thread; calls on it wait for each other. */
export interface Model {
  readonly info: ModelInfo;
  /** The plan that the load followed. */
  readonly plan: Plan;
  /**
   * Continues a text, or token ids as they are. Throws BAD_USAGE for a wrong option; the result rejects with
   * CONTEXT_OVERFLOW for a prompt that is longer than the context.
   */
  generate(prompt: string | readonly number[], options?: GenerateOptions): Generation;
  /**
   * The assistant's next message, by the model's chat template. Special tokens in a message's content are plain text.
   * Where a conversation goes on, only the new part runs (`usage.cached`). Draws as `info.samplingDefaults` says,
   * unless `options` do. The result rejects with UNSUPPORTED where the model has no template, BAD_USAGE where the
   * template refuses the messages.
   */
  chat(messages: readonly ChatMessage[], options?: ChatOptions): Generation;
  /**
   * Ids of a text. With `special` (default true) BOS and EOS are added as the vocabulary's metadata says, and special
   * tokens in the text are parsed.
   */
  tokenize(text: string, options?: { special?: boolean }): Promise<number[]>;
  detokenize(ids: readonly number[]): Promise<string>;
  /** Natural-log probabilities. Row i holds the `topK` likeliest `[id, probability]` after tokens[0..i], best first. */
  logprobs(tokens: readonly number[], topK: number, options?: { signal?: AbortSignal }): Promise<[number, number][][]>;
  /**
   * Mean negative log-likelihood over sequences of token ids. The state is reset between them. The first token of each
   * is not scored. `onProgress` is told how many sequences are done.
   */
  evaluate(
    sequences: readonly (readonly number[])[],
    options?: { signal?: AbortSignal; onProgress?: (progress: Progress) => void },
  ): Promise<EvaluationResult>;
  /** Frees everything at once. Running work ends with ABORTED. Safe to call twice. */
  dispose(): Promise<void>;
}
