import type { ModelShape } from './shapes.js';

/** What sets the GGUF files of one family apart from a Llama's (llama.cpp, llama-model.cpp). */
export interface GgufFamily {
  /** `general.architecture`. */
  architecture: string;
  queryKeyValueBiases: boolean;
  /** RMS norms of queries and keys: head by head, or of all heads together. */
  queryKeyNorm: 'head' | 'all' | null;
  /** Whether every token takes an expert besides, of as many neurons as the others together that it takes. */
  sharedExpert: boolean;
  /** Whether the size of an expert stands where other files have that of the network. */
  expertSizeIsNetworks: boolean;
  /** Layer norms with biases, queries, keys and values in one matrix, no gate. */
  falcon: boolean;
  /** Whether attention has a norm of its own, `attn_norm_2`, and `attn_norm` is the network's. */
  ownAttentionNorm: boolean;
}

const LLAMA: GgufFamily = {
  architecture: 'llama',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  sharedExpert: false,
  expertSizeIsNetworks: false,
  falcon: false,
  ownAttentionNorm: false,
};

const FAMILIES: Readonly<Record<Exclude<ModelShape['family'], 'opt'>, GgufFamily>> = {
  llama: LLAMA,
  falcon: { ...LLAMA, architecture: 'falcon', falcon: true },
  'falcon-40b': { ...LLAMA, architecture: 'falcon', falcon: true, ownAttentionNorm: true },
  mixtral: { ...LLAMA, expertSizeIsNetworks: true },
  qwen2: { ...LLAMA, architecture: 'qwen2', queryKeyValueBiases: true },
  'qwen2-moe': { ...LLAMA, architecture: 'qwen2moe', queryKeyValueBiases: true, sharedExpert: true },
  qwen3: { ...LLAMA, architecture: 'qwen3', queryKeyNorm: 'head' },
  'qwen3-moe': { ...LLAMA, architecture: 'qwen3moe', queryKeyNorm: 'head' },
  olmoe: { ...LLAMA, architecture: 'olmoe', queryKeyNorm: 'all', expertSizeIsNetworks: true },
};

export const ggufFamily = ({ family }: ModelShape): GgufFamily => {
  if (family === 'opt') throw new RangeError('no GGUF file holds an OPT');
  return FAMILIES[family];
};
