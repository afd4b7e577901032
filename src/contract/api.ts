/// <reference lib="esnext.disposable" preserve="true" />
import type { ResponseFormat } from '../grammar/response-format.js';
import type { ModelOptions } from '../plan/model-options.js';
import type { Plan } from '../plan/plan.js';
import type { StateFormat } from '../plan/state-format.js';
import type { MessageInput } from '../text/chat-template.js';
import type { Tool, ToolChoice } from '../text/tools.js';
import type { Progress } from './progress.js';

/** Options of `loadModel`: those of a plan, and how to follow and end the load. */
export interface LoadOptions extends ModelOptions {
  /** Aborts the load, which then rejects with `signal.reason`. */
  signal?: AbortSignal | undefined;
  /** Told how far it has come: stages `compare` and `convert` where the source has to be converted, then `load`. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Calls that may wait for their turn; one more is BUSY. Default no limit. */
  maxQueue?: number | undefined;
}

/** How a generation draws its tokens, and where it ends. The options cost no memory. */
export interface GenerateOptions {
  /** Tokens to generate at most; default none: up to the end of the turn or of the context. */
  maxTokens?: number | undefined;
  /**
   * 0 (default) picks the likeliest token. 1 draws by the probabilities of the model; more makes unlikely tokens
   * likelier.
   */
  temperature?: number | undefined;
  /** Draws from this many of the likeliest tokens; default 0, which is all of them. No effect at temperature 0. */
  topK?: number | undefined;
  /** Draws from the likeliest tokens that together have this probability, above 0; default 1, which is all of them. */
  topP?: number | undefined;
  /**
   * Leaves out tokens whose probability is below this share of the likeliest one's, 0 to 1; default 0, which keeps all.
   */
  minP?: number | undefined;
  /** Makes the last 64 tokens less likely to come again: 1 (default) leaves them as they are, above 1 weakens them. */
  repeatPenalty?: number | undefined;
  /** Same seed, same draws: a whole number of at most 53 bits; default random. */
  seed?: number | undefined;
  /**
   * The generation ends before the first of these texts, which is left out; default none. A text may span several
   * tokens.
   */
  stop?: string | readonly string[] | undefined;
  /** Never draws an end-of-sequence token, so that only `maxTokens`, `stop` or the context end it; default false. */
  ignoreEos?: boolean | undefined;
  /** Special tokens that are written in the prompt's text count as such; default false: they are plain text. */
  parseSpecial?: boolean | undefined;
  /**
   * Names the conversation that the call goes on with, so that its state is found again among others. A hint: the
   * answer is the same without. With one of `sequences` there is one state, and the hint changes nothing.
   */
  cacheKey?: string | undefined;
  /**
   * What the answer has to be: JSON, JSON that is valid for a schema, one of some texts, or what a regular expression
   * matches; default any text. Tokens that would lead elsewhere are never drawn, so that an answer that ends by itself
   * keeps it; one that is cut off ends with `length`. Reasoning comes before it, and is free. UNSUPPORTED where a
   * schema or a pattern asks for what cannot be kept.
   */
  responseFormat?: ResponseFormat | undefined;
  /** Ends the generation: a loop over it throws `signal.reason`, and `result` resolves with what there is. */
  signal?: AbortSignal | undefined;
  /** Called once, when the call's turn has come: it waits for no other call any longer. */
  onStart?: (() => void) | undefined;
  /** Told how far the prompt has come: stage `prefill`, in tokens, after each layer of each chunk. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** Options of `chat`: those of `generate`, and how the conversation is written out. */
export interface ChatOptions extends Omit<GenerateOptions, 'parseSpecial'>, TemplateOptions {
  /**
   * Which tool the model calls: `auto` (default) leaves it to the model, `none` takes the tools away, `required` has it
   * call one, `{ name }` that one. The last two begin the answer as such a call, so that it does not reason first;
   * UNSUPPORTED where its dialect cannot be begun so. What it then writes may be no call all the same: `warnings` says
   * so.
   */
  toolChoice?: ToolChoice | undefined;
}

/** How a conversation is written out as a prompt. */
export interface TemplateOptions {
  /** A Jinja template; default the model's own. */
  template?: string | undefined;
  /**
   * Values for variables that the template reads beside the conversation, such as `{ enable_thinking: false }` (Qwen 3)
   * or `{ reasoning_effort: 'low' }` (gpt-oss); default none. Values are those that JSON has. Their texts never become
   * control tokens. One that the template does not read is named in the result's warnings.
   */
  templateVariables?: Record<string, unknown> | undefined;
  /**
   * Functions that the model may call; default none. They reach the template as `tools`. UNSUPPORTED where the template
   * reads none, or writes calls in a way that cannot be read.
   */
  tools?: readonly Tool[] | undefined;
}

/**
 * The sampling that the model's makers suggest, in generation_config.json or under general.sampling of a GGUF file;
 * empty where they suggest nothing.
 */
export type SamplingDefaults = Pick<GenerateOptions, 'temperature' | 'topK' | 'topP' | 'minP' | 'repeatPenalty'>;

/** A piece of the answer's text. */
export interface TextPiece {
  /** Tells pieces of text from those to come. */
  type: 'text';
  /** Whole characters only. Empty while a character is incomplete, or while a stop text may be beginning. */
  text: string;
  /** The id of the token that brought it. */
  token: number;
}

/** A piece of what the model wrote for itself before it answers: `<think>`, gpt-oss' channels that are not `final`. */
export interface ReasoningPiece {
  /** Tells pieces of reasoning from others. */
  type: 'reasoning';
  /** Whole characters only. */
  text: string;
  /** The id of the token that brought it. */
  token: number;
}

/** A call of a tool, whole. */
export interface ToolCallPiece {
  /** Tells calls from other pieces. */
  type: 'tool-call';
  /** The call. */
  call: ToolCall;
  /** The id of the token that completed it. */
  token: number;
}

/** A call of a tool. */
export interface ToolCall {
  /** Names it: the `tool_call_id` of the message that brings the result. Random, where the model gives none. */
  id: string;
  /** The name of the tool. It may be none that was given: the model wrote it. */
  name: string;
  /** What the model wants it to be called with. It may not keep the tool's schema. */
  arguments: Record<string, unknown>;
}

/**
 * What a generation brings, piece by piece. Test `type` before anything else is read: pieces of other types will be
 * added.
 */
export type Piece = TextPiece | ReasoningPiece | ToolCallPiece;

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
}

/** A number of bytes or of reads, for the prompt (prefill) and for the generated tokens (decode). */
export interface PerPhase {
  /** For the prompt. */
  prefill: number;
  /** For the generated tokens. */
  decode: number;
}

/** The work and the cost of a generation or an evaluation. */
export interface Receipt {
  /** The selector in use: which rows are read. */
  selector: string;
  /** True where the selector computes the same as every row would, and keys and values are not kept in 8 bits. */
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
  /**
   * Keys and values that are held now, and states that do not grow, with their copies, bytes. Keys and values grow
   * with the conversation, up to `stateBytes` of the plan.
   */
  stateBytes: number;
  /** How keys and values are kept: `f16`, `f32` or `q8`. */
  stateFormat: StateFormat;
  /** Working buffers, bytes. */
  scratchBytes: number;
  /** The cache of bundles, with slots that are empty yet, bytes. */
  cacheBytes: number;
  /** What the budget's parts hold: `residentBytes` + `stateBytes` + `scratchBytes` + `cacheBytes`, bytes. */
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
  /** Generated ids, without the end-of-sequence token. */
  tokens: number[];
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

/** A state that was saved, or loaded again. */
export interface SavedState {
  /** Tokens whose state it is. */
  tokens: number;
  /** Bytes of the file. */
  bytes: number;
}

/** What a model is, whatever budget it is loaded with. */
export interface ModelDescription {
  /** The name that the checkpoint gives itself, else the name of its file or folder. */
  name: string;
  /** The family that flashrow runs it as, like `llama` or `qwen3-moe`. */
  architecture: string;
  /** Weights in all, as a number: 7e9 for a model of 7 billion parameters. */
  parameters: number;
  /** Tokens of context that the model was trained on. */
  contextLength: number;
  /** Tokens in the vocabulary. Ids are from 0 to one less. */
  vocabSize: number;
  /** Layers, each of attention and a feed-forward network. */
  layers: number;
  /** Experts in a layer; 0 where the model is no mixture of experts. */
  experts: number;
  /** The model's own Jinja template for conversations; null where it has none, and then `chat` needs `template`. */
  chatTemplate: string | null;
  /** The sampling that `chat` uses where its options say nothing: what the model's makers advise. */
  samplingDefaults: SamplingDefaults;
}

/** What a model is, and how it was loaded. */
export interface ModelInfo extends ModelDescription {
  /** The store's folder. */
  path: string;
  /** Tokens of context. */
  contextSize: number;
  /** The selector in use: which rows are read. */
  selector: string;
  /** The cache policy in use. */
  cachePolicy: string;
  /** True where the selector computes the same as every row would, and keys and values are not kept in 8 bits. */
  exact: boolean;
  /** The instruction set in use: `avx512`, `avx2`, `neon`, `portable`, or `ts` without compiled kernels. */
  kernels: string;
  /**
   * False where reads go through the page cache: with the portable twin, or on a file system that refuses direct reads.
   */
  directReads: boolean;
  /** What is odd about the model and was passed over, in sentences; empty where nothing is. */
  readonly warnings: readonly string[];
}

/** How a text becomes token ids. */
export interface TokenizeOptions {
  /** Puts BOS before the text where the model expects it, as `generate` does; default true. EOS is never added. */
  addSpecial?: boolean | undefined;
  /** Special tokens that are written in the text count as such; default false: they are plain text. */
  parseSpecial?: boolean | undefined;
}

/**
 * A loaded model. It lives in a worker thread, where calls wait for their turn. A thread beside it does what concerns
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
  /** The number of tokens that `generate` makes of a text. Takes no turn. */
  countTokens(text: string, options?: TokenizeOptions): Promise<number>;
  /**
   * The number of tokens that `chat` makes of a conversation, the beginning of the answer included: `usage.prompt`.
   * Takes no turn. Throws as `applyTemplate` does.
   */
  countTokens(messages: readonly MessageInput[], options?: TemplateOptions): Promise<number>;
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
   * Throws as `generate`'s result does, or `signal.reason`.
   */
  logprobs(
    tokens: readonly number[],
    topK: number,
    options?: { signal?: AbortSignal | undefined },
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
   * Frees everything. Running and waiting calls end with ABORTED at once; with `drain` they are answered first, and new
   * ones are refused. Safe to call twice.
   */
  dispose(options?: { drain?: boolean | undefined }): Promise<void>;
  /** `dispose()`, for `await using`. Node 20.4 and newer have the symbol. */
  [Symbol.asyncDispose](): Promise<void>;
}
