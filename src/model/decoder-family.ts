import type { ExpertsFamily } from './experts.js';
import type { GemmaTraits } from './gemma-traits.js';
import type { RecurrentFamily } from './recurrent-family.js';
import type { Activation, ModelSpec, RotarySpec, SlidingWindowSpec } from './spec.js';
import type { LayerTensor } from './tensor-names.js';

/** The layers that slide, and their window. Without `size` the configuration must name it. */
export type AlternatingWindow = Omit<SlidingWindowSpec, 'size'> & { size?: number };

/**
 * One family of decoders with RMS norms, rotary attention and gated feed-forward networks: its own traits and names.
 */
export interface DecoderFamily extends Pick<ModelSpec, 'architecture' | 'queryKeyValueBiases' | 'queryKeyNorm'> {
  /**
   * True where the other projections add biases too: attention's output, the router, and each expert's. Default false.
   */
  biases?: boolean;
  /** Default false. */
  attentionSinks?: boolean;
  /** The one `quantization_config.quant_method` of Hugging Face folders that flashrow can read. Default: none. */
  quantMethod?: string;
  /** Set where no field names the activation, or where the field is wrong. */
  activation?: Activation;
  /** Set for Gemmas. */
  gemma?: GemmaTraits;
  /** True where queries, keys and values are one matrix of a checkpoint, and gate and up another. Default false. */
  fused?: boolean;
  /** GGUF names that differ from the usual. */
  ggufRenamed?: Partial<Record<LayerTensor, string>>;
  /** Hugging Face names that differ from the usual. */
  huggingFaceRenamed?: Partial<Record<LayerTensor, string>>;
  huggingFaceClasses: readonly string[];
  ggufName: string;
  /**
   * The order of queries and keys in GGUF files of this family (llama.cpp, llama_model_rope_type). In Hugging Face
   * folders it is always `halves`.
   */
  ggufRotary: RotarySpec['layout'];
  /**
   * `always`: the field `sliding_window` counts by itself. `if asked`: it counts with `use_sliding_window` only, and
   * the context then ends with the window, since some layers may not slide.
   */
  slidingWindow: 'always' | 'if asked' | AlternatingWindow;
  experts: ExpertsFamily | null;
  /** Set where some layers have another mixer than attention. */
  recurrent?: RecurrentFamily;
  /** True where queries come with gates for attention's output. Default false. */
  attentionGate?: boolean;
  /** The name of the last norm, where it is not the usual one. */
  finalNorm?: { gguf: string; huggingFace: string };
}
