/**
 * The nonlinearity in the feed-forward network. `gelu` is the exact form with erf, `gelu-tanh` its usual approximation.
 * `clamped-swiglu` is the one of gpt-oss (arXiv 2508.10925).
 */
export type Activation = 'relu' | 'silu' | 'gelu' | 'gelu-tanh' | 'clamped-swiglu';

/** Rotary position embedding (arXiv 2104.09864). */
export interface RotarySpec {
  theta: number;
  /** The number of leading dimensions of each head that rotate. The others pass through. */
  dimension: number;
  /**
   * The pairs that rotate together: neighbours (2i, 2i+1), as in GGUF files of Llama, or halves (i, i + dimension/2),
   * as in Hugging Face folders.
   */
  layout: 'interleaved' | 'halves';
  /** [dimension/2]. Pair i rotates `frequencyFactors[i]` times slower than with theta alone. Null for no scaling. */
  frequencyFactors: number[] | null;
  /** A factor for rotated queries and keys: the temperature of YaRN (arXiv 2309.00071), or 1. */
  magnitude: number;
}

/** The part of rotary embedding that stretches a context beyond the trained one. */
export type RotaryScaling = Pick<RotarySpec, 'frequencyFactors' | 'magnitude'>;

/** Layers in which a token sees only its nearest predecessors. */
export interface SlidingWindowSpec {
  /** Positions seen, the token's own included. */
  size: number;
  /** The last layer of each group of so many layers sees all positions; null where every layer slides. */
  fullEvery: number | null;
  /** Theta of rotary embedding in the layers that slide, without scaling; null where all layers share one theta. */
  theta: number | null;
}

/** A mixture of experts. Each layer has many feed-forward networks, and a router picks a few for each token. */
export interface ExpertsSpec {
  numExperts: number;
  /** Experts that the router picks for each token. */
  numExpertsPerToken: number;
  /** Neurons in one expert. */
  intermediateSize: number;
  /** True where the softmax weights of a token's experts are scaled to sum to 1. */
  normalizeWeights: boolean;
  /**
   * Neurons of the shared expert, which every token uses, weighted by the sigmoid of its own gate. It stays resident.
   * 0 without one.
   */
  sharedIntermediateSize: number;
}

/**
 * A short convolution between two gates (LFM2): [B | C | x] = in(h), y = C * conv(B * x), with no activation. It keeps
 * the last `kernel - 1` columns of B * x, [hiddenSize] each.
 */
export interface ShortConvolutionSpec {
  kind: 'short-convolution';
  /** Positions that one output sees, its own included. */
  kernel: number;
}

/**
 * A gated delta net (arXiv 2412.06464): a matrix [headDim, headDim] for each value head, which decays and is corrected
 * with every token. It also keeps `kernel - 1` columns of a convolution, [(2 * keyHeads + valueHeads) * headDim] each.
 */
export interface DeltaNetSpec {
  kind: 'delta-net';
  /** Heads of queries and keys. They divide the value heads. */
  keyHeads: number;
  valueHeads: number;
  headDim: number;
  kernel: number;
  /**
   * The key head of value head v: `tiled`, v modulo keyHeads (GGUF files of Qwen 3.5); `grouped`, neighbours share one.
   */
  keyHeadOrder: 'tiled' | 'grouped';
  /** What the checkpoint holds of each head's decay rate: the negative rate itself, or its natural logarithm. */
  decay: 'negated' | 'logarithm';
}

/** A mixer whose state has one size, whatever the length of the context. */
export type RecurrentSpec = ShortConvolutionSpec | DeltaNetSpec;

/** The layers that have such a mixer in place of attention. */
export interface RecurrentLayersSpec {
  mixer: RecurrentSpec;
  /** [numLayers]: true for a layer with this mixer, false for one with attention. */
  layers: readonly boolean[];
}

/** The complete description of a model: everything that the engine needs besides the tensors. */
export interface ModelSpec {
  /** One of `ARCHITECTURE_NAMES` in families/architectures.ts. */
  architecture: string;
  name: string;
  vocabSize: number;
  hiddenSize: number;
  /** Neurons of a layer's feed-forward network. With experts: the checkpoint's number for layers without experts. */
  intermediateSize: number;
  numLayers: number;
  numAttentionHeads: number;
  numKeyValueHeads: number;
  headDim: number;
  /** Context of the training, tokens. */
  contextLength: number;
  /**
   * `rms`: root mean square (arXiv 1910.07467), a weight. `layer`: mean and variance (arXiv 1607.06450), weight and
   * bias.
   */
  norm: 'rms' | 'layer';
  normEpsilon: number;
  /** A number to add to the weights of RMS norms: 1 where the checkpoint stores them minus one. */
  normOffset: 0 | 1;
  /** True where the outputs of attention and of the feed-forward network each pass a norm before they are added. */
  postNorms: boolean;
  /** A factor for embeddings. */
  embeddingScale: number;
  /** Null where positions are learned vectors, which are added to the embedding. */
  rotary: RotarySpec | null;
  /** Rows before position 0 in the table of learned positions; 0 without a table. */
  positionOffset: number;
  activation: Activation;
  /** True for activation(gate) * up, false for activation(up). */
  gated: boolean;
  /** True where the output head is the embedding matrix. */
  tiedEmbeddings: boolean;
  /** True where the projections to queries, keys and values add a bias. */
  queryKeyValueBiases: boolean;
  /** True where attention's output projection adds a bias. */
  outputBias: boolean;
  /** True where the projections of the feed-forward network add biases. With experts the router adds one too. */
  feedForwardBiases: boolean;
  /**
   * Null where the feed-forward network follows attention. Else both start from the layer's input, and both outputs are
   * added to it. The network has its own norm, or shares attention's.
   */
  parallelNorm: 'own' | 'shared' | null;
  /** RMS norm of queries and keys before rotation: each head by itself, or all heads together; null for none. */
  queryKeyNorm: 'head' | 'all' | null;
  /** A factor for queries, besides 1/sqrt(headDim). */
  queryScale: number;
  /** Cap of attention's logits: x becomes cap * tanh(x / cap). Null for no cap. */
  attentionSoftCap: number | null;
  /** The same for the logits of the head. */
  logitSoftCap: number | null;
  /** Null where every layer sees every position. */
  slidingWindow: SlidingWindowSpec | null;
  /** True where the softmax of each head has an extra logit that adds no value (arXiv 2309.17453). */
  attentionSinks: boolean;
  /** True where queries come with as many values whose sigmoid weighs attention's output, head by head. */
  attentionGate: boolean;
  /** Null where every layer has attention. */
  recurrent: RecurrentLayersSpec | null;
  /** Null for an ordinary feed-forward network. */
  experts: ExpertsSpec | null;
}
