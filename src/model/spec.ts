/** The nonlinearity inside the feed-forward network. `gelu` is the exact erf form, `gelu-tanh` its usual approximation, `clamped-swiglu` gpt-oss's. */
export type Activation = 'relu' | 'silu' | 'gelu' | 'gelu-tanh' | 'clamped-swiglu';

/** Rotary position embedding (arXiv 2104.09864). */
export interface RotarySpec {
  theta: number;
  /** How many leading dimensions of each head turn; the rest pass through. */
  dimension: number;
  /** Which pairs turn together: neighbours (2i, 2i+1) as in GGUF Llama files, or (i, i + dimension/2) as in Hugging Face ones. */
  layout: 'interleaved' | 'halves';
  /** Pair i turns `frequencyFactors[i]` times slower than theta alone says (linear and Llama 3 scaling); length dimension/2. */
  frequencyFactors: number[] | null;
  /** What turned queries and keys are multiplied by: YaRN's temperature (arXiv 2309.00071), 1 without it. */
  magnitude: number;
}

/** What stretches a context beyond the one a model was trained on. */
export type RotaryScaling = Pick<RotarySpec, 'frequencyFactors' | 'magnitude'>;

/** Layers in which a token sees its nearest predecessors only. */
export interface SlidingWindowSpec {
  /** Positions seen, the token's own included. */
  size: number;
  /** Every so many-th layer sees all positions; null where none does. */
  fullEvery: number | null;
  /** Rotary's theta in the layers that slide, where nothing is scaled then; null where it is that of all layers. */
  theta: number | null;
}

/** A mixture of experts in place of one feed-forward network per layer: a router picks a few networks for each token. */
export interface ExpertsSpec {
  numExperts: number;
  /** Experts that each token goes to. */
  numExpertsPerToken: number;
  /** Neurons in one expert. */
  intermediateSize: number;
  /** Whether the softmax weights of a token's experts are scaled to sum to 1. */
  normalizeWeights: boolean;
  /** Neurons of the expert that every token takes besides, weighed by the sigmoid of a gate of its own; 0 without one. It stays resident. */
  sharedIntermediateSize: number;
}

/** What a model is, declaratively: everything the engine needs to know besides the tensors themselves. */
export interface ModelSpec {
  /** One of `ARCHITECTURE_NAMES` in families/architectures.ts. */
  architecture: string;
  name: string;
  vocabSize: number;
  hiddenSize: number;
  /** Neurons in one layer's feed-forward network; with experts, what the checkpoint says of layers without them. */
  intermediateSize: number;
  numLayers: number;
  numAttentionHeads: number;
  numKeyValueHeads: number;
  headDim: number;
  /** Tokens the model was trained to see at once. */
  contextLength: number;
  /** Root mean squares (arXiv 1910.07467) with a weight, or mean and variance (arXiv 1607.06450) with a weight and a bias. */
  norm: 'rms' | 'layer';
  normEpsilon: number;
  /** What is added to the weights of RMS norms: 1 where the checkpoint keeps them less one. */
  normOffset: 0 | 1;
  /** Whether the outputs of attention and of the feed-forward network go through a norm each before they are added. */
  postNorms: boolean;
  /** What embeddings are multiplied by. */
  embeddingScale: number;
  /** Null where positions are learned vectors added to the embedding. */
  rotary: RotarySpec | null;
  /** Rows of the table of learned positions that come before position 0; 0 without a table. */
  positionOffset: number;
  activation: Activation;
  /** True for act(gate) * up, false for act(up). */
  gated: boolean;
  /** True where the output head is the embedding matrix. */
  tiedEmbeddings: boolean;
  /** Whether the projections to queries, keys and values add a bias. */
  queryKeyValueBiases: boolean;
  /** Whether attention's output projection adds one. */
  outputBias: boolean;
  /** Whether the projections of the feed-forward network add biases; with experts the router adds one as well. */
  feedForwardBiases: boolean;
  /**
   * Null where the feed-forward network follows attention. Else both start from the layer's input and are added to it together, the network after a norm
   * of its own, or after attention's.
   */
  parallelNorm: 'own' | 'shared' | null;
  /** RMS norm of queries and keys before rotary: of each head by itself, or of all heads together; null without one. */
  queryKeyNorm: 'head' | 'all' | null;
  /** What queries are multiplied by besides 1/sqrt(headDim). */
  queryScale: number;
  /** Attention's logits x become cap * tanh(x / cap); null where they are left alone. */
  attentionSoftCap: number | null;
  /** The same of the head's. */
  logitSoftCap: number | null;
  /** Null where every layer sees every position. */
  slidingWindow: SlidingWindowSpec | null;
  /** Whether each head's softmax has a logit of its own that brings no value (arXiv 2309.17453). */
  attentionSinks: boolean;
  /** Null for an ordinary feed-forward network. */
  experts: ExpertsSpec | null;
}
