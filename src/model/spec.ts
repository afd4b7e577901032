/** The nonlinearity inside the feed-forward network. `gelu` is the exact erf form, `gelu-tanh` its usual approximation. */
export type Activation = 'relu' | 'silu' | 'gelu' | 'gelu-tanh';

/** Rotary position embedding (arXiv 2104.09864). */
export interface RotarySpec {
  theta: number;
  /** How many leading dimensions of each head turn; the rest pass through. */
  dimension: number;
  /** Which pairs turn together: neighbours (2i, 2i+1) as in GGUF Llama files, or (i, i + dimension/2) as in Hugging Face ones. */
  layout: 'interleaved' | 'halves';
  /** Pair i turns `frequencyFactors[i]` times slower than theta alone says (linear and Llama 3 scaling); length dimension/2. */
  frequencyFactors: number[] | null;
}

/** What a model is, declaratively: everything the engine needs to know besides the tensors themselves. */
export interface ModelSpec {
  architecture: 'llama';
  name: string;
  vocabSize: number;
  hiddenSize: number;
  /** Neurons in one layer's feed-forward network. */
  intermediateSize: number;
  numLayers: number;
  numAttentionHeads: number;
  numKeyValueHeads: number;
  headDim: number;
  /** Tokens the model was trained to see at once. */
  contextLength: number;
  normEpsilon: number;
  rotary: RotarySpec;
  activation: Activation;
  /** True for act(gate) * up, false for act(up). */
  gated: boolean;
  /** True where the output head is the embedding matrix. */
  tiedEmbeddings: boolean;
}
