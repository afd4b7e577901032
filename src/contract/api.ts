import type { ModelSpec } from '../model/spec.js';
import type { ModelOptions } from '../plan/model-options.js';
import type { Plan } from '../plan/plan.js';
import type { ChatMessage } from '../text/chat-template.js';

export interface Progress {
  stage: 'convert' | 'load' | 'verify';
  /** Bytes done of `totalBytes`. */
  bytes: number;
  totalBytes: number;
  /** Of a conversion that takes the place of a damaged store in the cache folder: which of its files is damaged. */
  damagedFile?: string;
}

export interface LoadOptions extends ModelOptions {
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

export interface GenerateOptions {
  maxTokens?: number;
  /** 0 (default) picks the likeliest token. */
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  /** 1 (default) leaves logits alone; looks back over the last 64 tokens. */
  repeatPenalty?: number;
  /** Same seed, same draws; default random. */
  seed?: number;
  /** Generation ends before the first of these; they may span pieces. */
  stop?: string | string[];
  /** Never draw an end-of-sequence token. */
  ignoreEos?: boolean;
  /** Records which bundles each token asks for in this new file, for `flashrow replay`. */
  trace?: string;
  signal?: AbortSignal;
  /** Called after each prompt chunk: tokens done of `total`. */
  onPrefill?: (done: number, total: number) => void;
}

export interface ChatOptions extends GenerateOptions {
  /** A Jinja template instead of the model's own. */
  template?: string;
}

/** How to draw from a model, as its makers say in generation_config.json; empty where they do not. */
export type SamplingDefaults = Pick<GenerateOptions, 'temperature' | 'topK' | 'topP' | 'minP' | 'repeatPenalty'>;

export interface Piece {
  /** Whole characters only; may be empty while a character is incomplete or a stop string might be beginning. */
  text: string;
  token: number;
}

export type FinishReason = 'stop' | 'length' | 'abort';

/** Bytes or counts, split by phase. */
export interface PerPhase {
  prefill: number;
  decode: number;
}

/** What a generation did and cost. Times are ms over prefill and decode, speeds tokens/s. */
export interface Receipt {
  selector: string;
  exact: boolean;
  /** Measured at calibration; null for exact selectors. */
  falseNegativeRate: number | null;
  cachePolicy: string;
  /** Instruction set in use. */
  kernels: string;
  budgetBytes: number;
  residentBytes: number;
  stateBytes: number;
  cacheBytes: number;
  /** Accounted peak of what the budget bounds. */
  memoryBytes: number;
  overheadBytes: number;
  /** Growth of anonymous + shared memory of the process since just before the load. */
  rssGrowthBytes: number;
  payloadBytesRead: PerPhase;
  deviceBytesRead: PerPhase;
  recordsRead: PerPhase;
  bundlesHit: number;
  bundlesMissed: number;
  prefillTokensPerSecond: number | null;
  decodeTokensPerSecond: number | null;
  tokenMs: { p50: number | null; p95: number | null; p99: number | null };
  readWaitMs: number;
  ffnMs: number;
  denseMs: number;
  otherMs: number;
}

export interface GenerationResult {
  text: string;
  /** Generated ids, without the end-of-sequence token. */
  tokens: number[];
  finishReason: FinishReason;
  usage: { prompt: number; cached: number; completion: number };
  receipt: Receipt;
}

/** Iterate for pieces as they come; leaving the loop ends the generation, whose result then has `finishReason: 'abort'`. */
export interface Generation extends AsyncIterable<Piece> {
  /** Settles when the generation ends, iterated or not; rejects with `signal.reason` on abort. */
  readonly result: Promise<GenerationResult>;
}

export interface EvaluationResult {
  /** Scored tokens. */
  tokens: number;
  meanNll: number;
  perplexity: number;
  receipt: Receipt;
}

export interface ModelInfo {
  spec: ModelSpec;
  path: string;
  contextSize: number;
  selector: string;
  cachePolicy: string;
  exact: boolean;
  kernels: string;
  /** What `chat` draws with where its options do not say. */
  samplingDefaults: SamplingDefaults;
  /** False where the portable twin or a refusing file system reads through the page cache. */
  directReads: boolean;
}

/** A loaded model; it lives in a worker thread, calls on it queue. */
export interface Model {
  readonly info: ModelInfo;
  readonly plan: Plan;
  generate(prompt: string | readonly number[], options?: GenerateOptions): Generation;
  /**
   * The assistant's next message, by the model's chat template; special tokens in a message's content are plain text. Of a conversation
   * that goes on, only what is new runs (`usage.cached`). Draws as `info.samplingDefaults` says unless `options` do.
   * The result rejects with UNSUPPORTED where the model has no template, BAD_USAGE where the template refuses the messages.
   */
  chat(messages: readonly ChatMessage[], options?: ChatOptions): Generation;
  /** Ids of a text, with BOS/EOS as the vocabulary's metadata says unless `special` is false. */
  tokenize(text: string, options?: { special?: boolean }): Promise<number[]>;
  detokenize(ids: readonly number[]): Promise<string>;
  /** Natural-log probabilities: row i holds the `topK` likeliest [id, lnp] after tokens[0..i], best first. */
  logprobs(tokens: readonly number[], topK: number, options?: { signal?: AbortSignal }): Promise<[number, number][][]>;
  /** Mean negative log-likelihood over sequences; state is reset between them, the first token of each is not scored. */
  evaluate(
    sequences: readonly (readonly number[])[],
    options?: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void },
  ): Promise<EvaluationResult>;
  /** Frees everything at once; running work ends with ABORTED. Safe to call twice. */
  dispose(): Promise<void>;
}
