import type { ResponseFormat } from '../grammar/response-format.js';
import type { ImageInput, RegionInput } from '../text/chat-message.js';
import type { Tool, ToolChoice } from '../text/tools.js';
import type { Progress } from './progress.js';
import type { SamplingOptions } from './sampling-options.js';

/** How a generation draws its tokens, and where it ends. The options cost no memory. */
export interface GenerateOptions extends SamplingOptions {
  /** Tokens to generate at most; default none: up to the end of the turn or of the context. */
  maxTokens?: number | undefined;
  /**
   * Tokens of reasoning at most; default no limit. Then the mark that ends it is written, and the answer begins. 0: it
   * ends where it begins. Of the tokens of the mark some may count as reasoning, too.
   */
  maxReasoningTokens?: number | undefined;
  /**
   * The generation ends before the first of these texts, which is left out; default none. A text may span several
   * tokens. Reasoning and calls of tools are not searched.
   */
  stop?: string | readonly string[] | undefined;
  /** Never draws an end-of-sequence token, so that only `maxTokens`, `stop` or the context end it; default false. */
  ignoreEos?: boolean | undefined;
  /**
   * Special tokens that are written in the prompt's text count as such; default false: they are plain text. Default
   * true for a model that takes pictures, whose prompts have markers in them; with false, `<image>` and `<region>`
   * still say where `images` and `regions` are, and nothing else of the text counts.
   */
  parseSpecial?: boolean | undefined;
  /**
   * Pictures that the prompt is about, in order: paths, file URLs, or bytes of PNGs or JPEGs; default none. `<image>`
   * in a text says where each is; without, they come first. Ids are those of `tokenize` with the same pictures.
   */
  images?: readonly ImageInput[] | undefined;
  /**
   * Parts of pictures that the prompt is about, in the order of their pictures, for a model that takes them; default
   * none. `<region>` in a text says where each is.
   */
  regions?: readonly RegionInput[] | undefined;
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
  /**
   * `off` foretells no tokens for this one; default as the model was loaded (`draft` of `loadModel`). The text is the
   * same.
   */
  draft?: 'off' | undefined;
  /** Ends the generation: a loop over it throws `signal.reason`, and `result` resolves with what there is. */
  signal?: AbortSignal | undefined;
  /** Called once, when the call's turn has come: it waits for no other call any longer. */
  onStart?: (() => void) | undefined;
  /** Told how far the prompt has come: stage `prefill`, in tokens, after each layer of each chunk. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** Options of `chat`: those of `generate`, and how the conversation is written out. */
export interface ChatOptions extends Omit<GenerateOptions, 'parseSpecial' | 'images' | 'regions'>, TemplateOptions {
  /**
   * Which tool the model calls: `auto` (default) leaves it to the model, `none` takes the tools away, `required` has it
   * call one or several, `{ name }` that one, once. The last two begin the answer as such a call, so that it does not
   * reason first. An answer that is cut off may be no call all the same: `warnings` says so.
   */
  toolChoice?: ToolChoice | undefined;
  /**
   * Whether an answer may call several tools; default true. With false it ends with its first call.
   */
  parallelToolCalls?: boolean | undefined;
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
export type SamplingDefaults = Pick<
  SamplingOptions,
  | ('temperature' | 'topK' | 'topP' | 'minP' | 'typicalP' | 'xtcProbability' | 'xtcThreshold')
  | ('repeatPenalty' | 'penaltyWindow')
>;

/** How a text becomes token ids. */
export interface TokenizeOptions {
  /** Puts BOS before the text where the model expects it, as `generate` does; default true. EOS is never added. */
  addSpecial?: boolean | undefined;
  /** Special tokens that are written in the text count as such; default as in `GenerateOptions`. */
  parseSpecial?: boolean | undefined;
  /** Pictures that the text is about, as in `GenerateOptions`; default none. Each becomes its image tokens. */
  images?: readonly ImageInput[] | undefined;
  /** Parts of them, as in `GenerateOptions`; default none. */
  regions?: readonly RegionInput[] | undefined;
}
