import type { SamplingDefaults } from './generate-options.js';

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

/** How a model takes pictures. */
export interface VisionInfo {
  /** The folder or file of its vision tower. */
  path: string;
  /** What a prompt has where a picture belongs. `<image>` will do, too. */
  marker: string;
  /** The most tokens that one picture takes. */
  mostTokens: number;
  /** Whether its answers name boxes, as Ferret's do. They are then in `boxes` of result and pieces. */
  boxes: boolean;
  /** Whether it takes regions of pictures. */
  regions: boolean;
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
  /**
   * Whether the model takes pictures, and how: null where it has no eyes that are known here, or was loaded without.
   */
  vision: VisionInfo | null;
  /** What is odd about the model and was passed over, in sentences; empty where nothing is. */
  readonly warnings: readonly string[];
}
