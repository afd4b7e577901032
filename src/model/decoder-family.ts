import type { ExpertsFamily } from './experts.js';
import type { GemmaTraits } from './gemma-traits.js';
import type { Activation, ModelSpec, RotarySpec, SlidingWindowSpec } from './spec.js';
import type { LayerTensor } from './tensor-names.js';

/** What sets one family of decoders with RMS norms, rotary attention and gated feed-forward networks apart from the others. */
export interface DecoderFamily extends Pick<ModelSpec, 'architecture' | 'queryKeyValueBiases' | 'queryKeyNorm'> {
  /** Where the other projections add biases too: attention's output, the router, and each expert's. */
  biases?: boolean;
  attentionSinks?: boolean;
  /** `quantization_config.quant_method` of the Hugging Face folders that can be read all the same. */
  quantMethod?: string;
  /** Where no field names it, or one that is not believed. */
  activation?: Activation;
  /** Gemma's ways. */
  gemma?: GemmaTraits;
  /** Whether queries, keys and values are one matrix in a checkpoint, and gate and up another. */
  fused?: boolean;
  /** GGUF names that differ from the usual. */
  ggufRenamed?: Partial<Record<LayerTensor, string>>;
  huggingFaceRenamed?: Partial<Record<LayerTensor, string>>;
  huggingFaceClasses: readonly string[];
  ggufName: string;
  /** How GGUF files of this family order queries and keys (llama.cpp, llama_model_rope_type). Hugging Face ones are always in halves. */
  ggufRotary: RotarySpec['layout'];
  /**
   * Whether `sliding_window` counts by itself, or only with `use_sliding_window`, where the context ends with the window since not all layers need slide;
   * or which layers slide, by a size that the configuration must name where `size` does not.
   */
  slidingWindow: 'always' | 'if asked' | (Omit<SlidingWindowSpec, 'size'> & { size?: number });
  experts: ExpertsFamily | null;
}
