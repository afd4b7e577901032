import type { BridgeActivation } from '../../native-bridge/bridge.js';

/**
 * The nonlinearity in the feed-forward network. `gelu` is the exact form with erf, `gelu-tanh` its usual approximation.
 * `clamped-swiglu` is the one of gpt-oss (arXiv 2508.10925), `relu-squared` that of Primer (arXiv 2109.08668).
 * `clamped-silu` is SiLU of a gate below a limit, times up within it (`ModelSpec.activationLimits`).
 */
export type Activation = BridgeActivation;

/** Rotary position embedding (arXiv 2104.09864). */
export interface RotarySpec {
  theta: number;
  /** The number of leading dimensions of each head that rotate. The others pass through. 0 for no positions at all. */
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
  /**
   * Pairs that turn by time, row and column of a position in three parts (M-RoPE, arXiv 2409.12191), as Qwen3-VL has
   * them: of each three neighbours the second turns by the row and the third by the column, as long as there are so
   * many; all others turn by time. Absent where positions have one part. In a text all three are the same.
   */
  sections?: readonly number[];
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
  /** [numLayers]: true for a layer that slides. Null where `fullEvery` says it. */
  layers: readonly boolean[] | null;
  /** Heads of the layers that slide, where they differ from those of the others; else null. */
  heads: { headDim: number; numKeyValueHeads: number } | null;
}

/** Queries that grow with their position p, by 1 + scale * ln(1 + floor(p / length)) (Llama 4, Ministral 3). */
export interface QueryTemperatureSpec {
  scale: number;
  /** Tokens. */
  length: number;
}

/** A table of embeddings with a part for each layer. It stays on disk, and is read by the row. */
export interface PerLayerInputsSpec {
  /** Values of one layer in a row. */
  size: number;
}

/**
 * Residual streams side by side (hyper-connections, arXiv 2409.19606). Mixer and network of a layer each read a mix of
 * them, and add their output to all, each time weighed anew.
 */
export type ResidualStreamsSpec = GatedStreamsSpec | BalancedStreamsSpec;

/**
 * Each stream in a norm, its values weighed by gates of their own (Qwen3.8-Flash-Next). This stands in place of norms.
 */
export interface GatedStreamsSpec {
  count: number;
  /** Rows of the bottleneck that the gates pass. */
  rank: number;
}

/**
 * A weight for each stream, and a matrix that mixes what is left of them, whose rows and columns add up to 1 (DeepSeek
 * V4). The norms of a layer are there besides.
 */
export interface BalancedStreamsSpec {
  count: number;
  /** Times that the matrix is scaled, by columns and by rows. */
  rounds: number;
  /** What is added to weights and sums. */
  epsilon: number;
}

/**
 * What the last few tokens together bring to the residual streams before one layer (Qwen3.8-Flash-Next): rows of a
 * table that stays on disk, by hashes of the token and the one or several before it.
 */
export interface NgramsSpec {
  layer: number;
  /** Tokens of the longest n-gram. The shortest has two. */
  size: number;
  /** Rows that each n-gram brings. */
  headsPerNgram: number;
  /** Values of a row. The rows of a token are as wide as the model together. */
  rowSize: number;
  /** Positions that the convolution over what they bring sees, `size` apart, its own included. */
  kernel: number;
  /** The token that ends a text: none before it count. */
  endId: number;
  /** [size]: factors of the hash, whole numbers below 2^64, as decimal digits. */
  multipliers: readonly string[];
  /** [heads]: where each head's part of the table begins, and its rows, all n-grams of two first. */
  firstRows: readonly number[];
  numRows: readonly number[];
  /** Rows of the whole table. */
  tableRows: number;
}

/**
 * Attention to a part of what is before: whole blocks of positions, the best ones by an index of their own, and the
 * positions that fill no block yet (Qwen3.8-Flash-Next). The index of a layer has queries, and one key for a block.
 */
export interface BlockIndexSpec {
  /** Heads of the index's queries, whose scores add up. */
  heads: number;
  headDim: number;
  /** Positions of a block. */
  blockSize: number;
  /** Blocks that a token sees at most, besides the positions that fill none. */
  topBlocks: number;
}

/** A mixture of experts. Each layer has many feed-forward networks, and a router picks a few for each token. */
export interface ExpertsSpec {
  numExperts: number;
  /** Experts that the router picks for each token. */
  numExpertsPerToken: number;
  /** Neurons in one expert. */
  intermediateSize: number;
  /** Layers before the first one with experts. Each has an ordinary network of `ModelSpec.intermediateSize` neurons. */
  leadingDenseLayers: number;
  /** What makes scores of the router's logits. The experts with the best scores are chosen, and weigh by them. */
  scoring: 'softmax' | 'sigmoid' | 'sqrt-softplus';
  /**
   * True where each expert has a bias that is added to its score for the choice, and not for the weight (arXiv
   * 2408.15664).
   */
  selectionBias: boolean;
  /** Experts in as many groups of neighbours, of which the `used` best are chosen from. Null without groups. */
  groups: ExpertGroupsSpec | null;
  /** True where the weights of a token's experts are scaled to sum to 1. */
  normalizeWeights: boolean;
  /** A factor for weights. */
  weightScale: number;
  /** True where the output of each expert has a factor of its own. */
  outputScales: boolean;
  /**
   * What the router reads: the input of the network; or the residual stream before the network, in a norm whose weights
   * are the router's own and are divided by sqrt(hiddenSize) (Gemma 4).
   */
  routerInput: 'network' | 'residual';
  /** Neurons of the shared expert, which every token uses. It stays resident. 0 without one. */
  sharedIntermediateSize: number;
  /** The width of the space that routed experts work in, where it is not `hiddenSize` but less (Nemotron 3 Super). */
  latentSize?: number;
  /** Layers at the start in which a table tells each token's experts, and the router only their weights. Default 0. */
  tableLayers?: number;
  /** True where the shared expert weighs by the sigmoid of its own router, a vector; else it weighs 1. */
  sharedRouter: boolean;
  /**
   * True where the experts have a norm of their own before them, and they and the shared expert one each after them,
   * before their sum (Gemma 4).
   */
  branchNorms: boolean;
}

export interface ExpertGroupsSpec {
  /** Divides the experts; at least two of them are in a group. */
  count: number;
  /** Groups whose experts a token may use. */
  used: number;
  /** What a group is as good as: its two best experts together (arXiv 2412.19437), or its best (arXiv 2405.04434). */
  ranking: 'two-best' | 'best';
}

/**
 * Attention whose keys and values are made of one short vector for all heads (arXiv 2405.04434), which is all that is
 * kept. `headDim` is then `latentDim + rotaryDim`, and there is one key-value head.
 */
export interface LatentAttentionSpec {
  /** Numbers that keys and values are made of. */
  latentDim: number;
  /** Dimensions of a head's queries and keys that do not rotate. */
  keyDim: number;
  /** Dimensions that do. All heads share those of the keys. */
  rotaryDim: number;
  /** Dimensions of a head's values. */
  valueDim: number;
  /** Rows of the bottleneck that queries pass; null without one. */
  queryRank: number | null;
  /**
   * The rows of each head's matrix from latents to keys: one for each latent number (turned), or for each of the key.
   */
  keyLayout: 'by-latent' | 'by-key';
  /** The epsilon of the norms of latents and of the bottleneck, where it is not that of the other norms. */
  normEpsilon?: number;
}

/**
 * Attention with one vector as key and value of all heads, to the nearest positions and to compressed ones before
 * (DeepSeek V4). The last `rotary.dimension` numbers of a head turn, and those of an answer turn back.
 */
export interface CompressedAttentionSpec {
  /** Rows of the bottleneck that queries pass. */
  queryRank: number;
  /** Positions that a token sees as they are, its own included. */
  window: number;
  /** Heads in so many groups, each of whose answers pass a matrix of their own, of `outputRank` rows. */
  outputGroups: number;
  outputRank: number;
  /**
   * [numLayers]: positions that one compressed key stands for; 0 for a layer without them. With 4 a key is also made of
   * the 4 positions before, and a token sees the best keys by an index; with 128 it sees all of them.
   */
  ratios: readonly number[];
  /** How positions turn in the layers with compressed keys; in the others it is `ModelSpec.rotary`. */
  rotary: RotarySpec;
  /** The index of compressed keys: heads of its queries, and the keys that a token sees at most. */
  index: { heads: number; headDim: number; topKeys: number };
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
  /** What makes weights of the gates of the output. Default `silu`. */
  outputGate?: 'silu' | 'sigmoid';
  /** What the checkpoint holds of each head's decay rate: the negative rate itself, or its natural logarithm. */
  decay: 'negated' | 'logarithm';
}

/**
 * Mamba-2 (arXiv 2405.21060): a matrix [stateSize, headDim] for each head, which decays with every token. It also keeps
 * `kernel - 1` columns of a convolution, [heads * headDim + 2 * groups * stateSize] each.
 */
export interface Mamba2Spec {
  kind: 'mamba-2';
  heads: number;
  headDim: number;
  /** Neighbouring heads share keys and queries, in so many groups. They divide the heads. */
  groups: number;
  stateSize: number;
  kernel: number;
  /** What the checkpoint holds of each head's decay rate: the negative rate itself, or its natural logarithm. */
  decay: 'negated' | 'logarithm';
}

/** A mixer whose state has one size, whatever the length of the context. */
export type RecurrentSpec = ShortConvolutionSpec | DeltaNetSpec | Mamba2Spec;

/** The layers that have such a mixer in place of attention. */
export interface RecurrentLayersSpec {
  mixer: RecurrentSpec;
  /** [numLayers]: true for a layer with this mixer, false for one with attention. */
  layers: readonly boolean[];
  /**
   * [numLayers]: such mixers that come before the layer's own, each of which adds to the residual stream by itself
   * (Nemotron-H). Their tensors are numbered as those of layers, after the last layer. Absent: none.
   */
  before?: readonly number[];
  /** [numLayers]: true for a layer that is a feed-forward network alone. Absent: none. */
  without?: readonly boolean[];
}

/**
 * A block that predicts the token after the next one, of that token and of the model's output at the one before it. It
 * goes on with its own output where the model has none yet: as its head reads it (`normed`), or as it is (`plain`).
 */
export interface PredictionSpec {
  chained: 'normed' | 'plain';
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
  /** [numLayers], where layers differ; `intermediateSize` is then the largest. Null where all have as many. */
  layerIntermediateSizes: readonly number[] | null;
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
  /** A factor for what mixer and feed-forward network add to the residual stream. */
  residualScale: number;
  /** A factor for logits. */
  logitScale: number;
  /** Null where positions are learned vectors, which are added to the embedding. */
  rotary: RotarySpec | null;
  /** The last layer of each group of so many does not rotate queries and keys (arXiv 2501.18795); null for none. */
  noRotaryEvery: number | null;
  /** Rows before position 0 in the table of learned positions; 0 without a table. */
  positionOffset: number;
  activation: Activation;
  /** The limits of `clamped-silu`, in networks or routed experts, and in the shared expert. Null for the others. */
  activationLimits: { network: number; shared: number } | null;
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
  /** Null where queries are scaled alike at all positions. */
  queryTemperature: QueryTemperatureSpec | null;
  /** True where attention's logits are not divided by sqrt(headDim). */
  unscaledAttention: boolean;
  /** True where values pass a root-mean-square norm without weights, head by head. */
  valueNorm: boolean;
  /**
   * True where the layers that see every position have no projection to values: keys, before their norm, stand for
   * them.
   */
  keysAsValues: boolean;
  /**
   * The last so many layers have no keys and values. Each uses those of the last layer before them that slides, or does
   * not, as it does.
   */
  sharedKeyValueLayers: number;
  /** True where each layer's output, the residual stream, has a factor. */
  layerScales: boolean;
  /** Values for each token and layer that are added after the network (Gemma 3n); null without them. */
  perLayerInputs: PerLayerInputsSpec | null;
  /** Null for one residual stream. */
  residualStreams: ResidualStreamsSpec | null;
  /** Null without a table of n-grams. */
  ngrams: NgramsSpec | null;
  /** Null where attention sees all that its window shows. */
  blockIndex: BlockIndexSpec | null;
  /** Cap of attention's logits: x becomes cap * tanh(x / cap). Null for no cap. */
  attentionSoftCap: number | null;
  /** The same for the logits of the head. */
  logitSoftCap: number | null;
  /** Absent in a whole model; there for a block of one that predicts further tokens. */
  prediction?: PredictionSpec;
  /** Null where every layer sees every position. */
  slidingWindow: SlidingWindowSpec | null;
  /** True where the softmax of each head has an extra logit that adds no value (arXiv 2309.17453). */
  attentionSinks: boolean;
  /** True where queries come with as many values whose sigmoid weighs attention's output, head by head. */
  attentionGate: boolean;
  /** Null for ordinary attention. */
  latentAttention: LatentAttentionSpec | null;
  /** Null for ordinary attention, too. */
  compressedAttention: CompressedAttentionSpec | null;
  /**
   * Tokens of a picture, which see each other both ways and so go through all layers together; null where pictures are
   * as text.
   */
  pictureTokens: number | null;
  /** Null where every layer has attention. */
  recurrent: RecurrentLayersSpec | null;
  /** Null for an ordinary feed-forward network. */
  experts: ExpertsSpec | null;
}
