/**
 * The names of tensors inside flashrow. They are the same for every kind of checkpoint. Matrices are [rows, columns]
 * with the input along a row (`y = W x`). Norms are [hiddenSize].
 */
export const EMBEDDING = 'embedding';
/** Learned positions, [positionOffset + contextLength, hiddenSize]. */
export const POSITIONS = 'positions';
/** Rows of values for each layer, [vocabSize, numLayers * size]; and what is added to them. */
export const PER_LAYER_EMBEDDING = 'perLayerEmbedding';
export const PER_LAYER_PROJECTION = 'perLayerProjection';
export const PER_LAYER_NORM = 'perLayerNorm';
/** The table of n-grams, [tableRows, rowSize]. */
export const NGRAM_EMBEDDING = 'ngramEmbedding';
export const FINAL_NORM = 'finalNorm';
export const FINAL_NORM_BIAS = 'finalNormBias';
export const HEAD = 'head';
/**
 * What a block that predicts further tokens begins with: the norms of the next token's embedding and of the model's
 * output, after the model's own last norm, and the matrix [hiddenSize, 2 * hiddenSize] that joins them.
 */
export const JOIN = {
  projection: 'joinProjection',
  tokenNorm: 'joinTokenNorm',
  hiddenNorm: 'joinHiddenNorm',
  outputNorm: 'joinOutputNorm',
} as const;
/** What mixes several residual streams for the head. */
export const HEAD_STREAMS = {
  ...{ norm: 'headStreamsNorm', down: 'headStreamsDown', up: 'headStreamsUp' },
  ...{ mix: 'headStreamsMix', base: 'headStreamsBase', scale: 'headStreamsScale' },
} as const;

/**
 * Resident tensors of a layer. With experts, a bias holds those of all experts, one after another. `router` is
 * [numExperts, hiddenSize]. The shared expert is resident too.
 * `latent...` belong to latent attention, `mixer...` belong to a mixer other than attention (mixer-tensors.ts). `o` is
 * the output projection of every mixer.
 */
export type ResidentLayerTensor =
  | 'attentionNorm'
  | 'attentionNormBias'
  | 'q'
  | 'k'
  | 'v'
  | 'qBias'
  | 'kBias'
  | 'vBias'
  | 'qNorm'
  | 'kNorm'
  | 'sinks'
  | 'latentQueryInput'
  | 'latentQueryNorm'
  | 'latentInput'
  | 'latentNorm'
  | 'latentKeys'
  | 'latentValues'
  | 'mixerInput'
  | 'mixerGate'
  | 'mixerStep'
  | 'mixerShare'
  | 'mixerKernel'
  | 'mixerKernelBias'
  | 'mixerStepBias'
  | 'mixerDecay'
  | 'mixerSkip'
  | 'mixerNorm'
  | StreamsTensor
  | CompressionTensor
  | 'o'
  | 'oBias'
  | 'postAttentionNorm'
  | 'ffnNorm'
  | 'ffnNormBias'
  | 'postFfnNorm'
  | 'gateBias'
  | 'upBias'
  | 'downBias'
  | 'router'
  | 'routerBias'
  | 'selectionBias'
  | 'routerNorm'
  | 'expertScales'
  | 'expertsNorm'
  | 'expertsInput'
  | 'expertsOutput'
  | 'postSharedNorm'
  | 'postExpertsNorm'
  | 'perLayerGate'
  | 'perLayerOutput'
  | 'postPerLayerNorm'
  | 'layerScale'
  | 'sharedRouter'
  | 'sharedGate'
  | 'sharedUp'
  | 'sharedDown';

/**
 * What mixes several residual streams before a layer's mixer and network, what a table of n-grams passes, and the index
 * of blocks that attention sees.
 */
export type StreamsTensor =
  | 'mixStreamsNorm'
  | 'mixStreamsDown'
  | 'mixStreamsUp'
  | 'mixStreamsShares'
  | 'ffnStreamsNorm'
  | 'ffnStreamsDown'
  | 'ffnStreamsUp'
  | 'ffnStreamsShares'
  | 'mixStreamsMix'
  | 'mixStreamsBase'
  | 'mixStreamsScale'
  | 'ffnStreamsMix'
  | 'ffnStreamsBase'
  | 'ffnStreamsScale'
  | 'ngramKeys'
  | 'ngramValues'
  | 'ngramKeyNorm'
  | 'ngramQueryNorm'
  | 'ngramNorm'
  | 'ngramKernel'
  | 'indexQueries'
  | 'indexKeys'
  | 'indexQueryNorm'
  | 'indexKeyNorm';

/**
 * Attention with compressed keys: what makes them of positions, the same for their index, its queries' weights, and
 * what each group of heads passes. `expertTable` has the experts of each token, [vocabSize * numExpertsPerToken], as
 * the bits of 32-bit integers.
 */
export type CompressionTensor =
  | 'outputGroups'
  | 'compressKeys'
  | 'compressGates'
  | 'compressPositions'
  | 'compressNorm'
  | 'indexCompressKeys'
  | 'indexCompressGates'
  | 'indexCompressPositions'
  | 'indexCompressNorm'
  | 'indexWeights'
  | 'expertTable';

/** Streamed tensors of a layer: matrices; with experts, stacks of matrices [numExperts, rows, columns]. */
export type StreamedLayerTensor = 'gate' | 'up' | 'down';

export type LayerTensor = ResidentLayerTensor | StreamedLayerTensor;

export const layerTensor = (layer: number, tensor: LayerTensor): string => `layers.${layer}.${tensor}`;
