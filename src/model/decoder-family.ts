import type { SourceTensors } from './architecture.js';
import type { ExpertsFamily } from './experts.js';
import type { Fields } from './fields.js';
import type { FoldedLayer } from './folded-blocks.js';
import type { HuggingFaceFamily } from './hugging-face-family.js';
import type { RecurrentFamily } from './recurrent-family.js';
import type { Activation, ModelSpec, RotarySpec, SlidingWindowSpec } from './spec.js';
import type { LayerTensor } from './tensor-names.js';
import type { GemmaTraits } from './traits/gemma.js';

/** The layers that slide, and their window. Without `size` the configuration must name it. */
export type AlternatingWindow = Pick<SlidingWindowSpec, 'fullEvery' | 'theta'> & { size?: number };

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
  /** Set for Gemma 1 to 3. */
  gemma?: GemmaTraits;
  /** True for Gemma 4, whose layers are of two kinds. Default false. */
  gemma4?: boolean;
  /**
   * True where queries, keys and values are one matrix of a checkpoint, and gate and up another; `attention` for the
   * first alone. Default false.
   */
  fused?: boolean | 'attention';
  /** True where checkpoints without norms of queries and keys are known, too. Default false. */
  optionalQueryKeyNorm?: boolean;
  /** See `ModelSpec`. Default null. */
  noRotaryEvery?: number;
  /** What Hugging Face folders do in their own way. */
  huggingFace?: HuggingFaceFamily;
  /** GGUF names that differ from the usual. */
  ggufRenamed?: Partial<Record<LayerTensor, string>>;
  huggingFaceClasses: readonly string[];
  ggufName: string;
  /** The order of queries and keys in GGUF files of this family (llama.cpp, llama_model_rope_type). */
  ggufRotary: RotarySpec['layout'];
  /**
   * `always`: the field `sliding_window` counts by itself. `if asked`: it counts with `use_sliding_window` only, and
   * the context then ends with the window, since some layers may not slide.
   */
  slidingWindow: 'always' | 'if asked' | AlternatingWindow;
  experts: ExpertsFamily | null;
  /** Set where some layers have another mixer than attention. */
  recurrent?: RecurrentFamily;
  /** Set where a layer is several blocks of a checkpoint. */
  folded?: {
    fromGguf(metadata: Fields, key: (suffix: string) => string): FoldedLayer[];
    fromHuggingFace(config: Fields): FoldedLayer[];
  };
  /** True for latent attention. Default false. */
  latentAttention?: boolean;
  /** True where queries come with gates for attention's output. Default false. */
  attentionGate?: boolean;
  /** Traits that this family's GGUF metadata say in its own keys; `spec` is what the usual ones say. */
  ggufTraits?(
    metadata: Fields,
    key: (suffix: string) => string,
    spec: ModelSpec,
    tensors: SourceTensors,
  ): Partial<ModelSpec>;
  /** Tensors of GGUF files that a run does not need. Default: none. */
  ggufIgnored?: RegExp;
  /** The name of the last norm in GGUF files, where it is not the usual one. */
  ggufFinalNorm?: string;
}
