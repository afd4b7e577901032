import type { GgufFamily } from './shapes.js';

/** How a random GGUF file of a family differs from that of a Llama. */
export interface GgufFamilyTraits {
  /** `general.architecture`. */
  architecture: string;
  queryKeyValueBiases: boolean;
  /** Norms of queries and keys: of each head, or of all heads together. */
  queryKeyNorm: 'head' | 'all' | null;
  /** Whether the neurons of an expert have their own key, instead of `feed_forward_length`. */
  expertLengthKey: boolean;
  /**
   * Layer norms with biases; queries, keys and values in one matrix; no gate. With `two norms` attention has its own.
   */
  falcon: 'one norm' | 'two norms' | null;
  /** Biases everywhere, attention sinks, a sliding window in every other layer, YaRN. */
  gptOss: boolean;
  /** A norm after each half of a layer, and a sliding window in most layers. */
  gemma: boolean;
  /** Queries, keys and values in one matrix, gate and up in another, longrope. */
  phi3: boolean;
  /** Gated delta nets between layers of gated attention, and blocks at the end that foretell further tokens. */
  hybrid: boolean;
}

const LLAMA: GgufFamilyTraits = {
  architecture: 'llama',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  expertLengthKey: false,
  falcon: null,
  gptOss: false,
  gemma: false,
  phi3: false,
  hybrid: false,
};

export const GGUF_FAMILIES: Readonly<Record<GgufFamily, GgufFamilyTraits>> = {
  llama: LLAMA,
  mixtral: LLAMA,
  qwen2: { ...LLAMA, architecture: 'qwen2', queryKeyValueBiases: true },
  qwen2moe: { ...LLAMA, architecture: 'qwen2moe', queryKeyValueBiases: true, expertLengthKey: true },
  qwen3: { ...LLAMA, architecture: 'qwen3', queryKeyNorm: 'head' },
  qwen3moe: { ...LLAMA, architecture: 'qwen3moe', queryKeyNorm: 'head', expertLengthKey: true },
  qwen35moe: {
    ...{ ...LLAMA, architecture: 'qwen35moe' },
    ...{ queryKeyNorm: 'head', expertLengthKey: true, hybrid: true },
  },
  deepseek2: { ...LLAMA, architecture: 'deepseek2', expertLengthKey: true },
  falcon: { ...LLAMA, architecture: 'falcon', falcon: 'one norm' },
  'falcon-40b': { ...LLAMA, architecture: 'falcon', falcon: 'two norms' },
  'gpt-oss': { ...LLAMA, architecture: 'gpt-oss', queryKeyValueBiases: true, expertLengthKey: true, gptOss: true },
  gemma: { ...LLAMA, architecture: 'gemma' },
  gemma2: { ...LLAMA, architecture: 'gemma2', gemma: true },
  gemma3: { ...LLAMA, architecture: 'gemma3', queryKeyNorm: 'head', gemma: true },
  phi3: { ...LLAMA, architecture: 'phi3', phi3: true },
  olmoe: { ...LLAMA, architecture: 'olmoe', queryKeyNorm: 'all' },
};
