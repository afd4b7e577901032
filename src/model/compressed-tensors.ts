import type { CompressedAttentionSpec, ModelSpec } from './spec.js';
import type { LayerTensor, ResidentLayerTensor } from './tensor-names.js';

type Shapes = [ResidentLayerTensor, number[]][];

/** The ratio of positions to keys with which keys overlap, and which an index chooses among. */
const INDEXED_RATIO = 4;

/** How a layer compresses its keys. */
export interface Compression {
  /** Positions that one key stands for. */
  ratio: number;
  /** True where a key is also made of as many positions before, and the first half of their columns. */
  overlaps: boolean;
  /** True where an index says which keys a token sees. */
  indexed: boolean;
}

/** The compression of a layer; null for one without compressed keys. */
export function compressionOf({ ratios }: Pick<CompressedAttentionSpec, 'ratios'>, layer: number): Compression | null {
  const ratio = ratios[layer];
  return ratio === 0 ? null : { ratio, overlaps: ratio === INDEXED_RATIO, indexed: ratio === INDEXED_RATIO };
}

/** Columns of what makes a key of `size` numbers. */
export const compressedWidth = ({ overlaps }: Compression, size: number): number => (overlaps ? 2 : 1) * size;

/** Shapes of the tensors of a layer of compressed attention, the output projection left out. */
export function compressedTensors(
  { hiddenSize, numAttentionHeads, headDim }: Pick<ModelSpec, 'hiddenSize' | 'numAttentionHeads' | 'headDim'>,
  attention: CompressedAttentionSpec,
  layer: number,
): Shapes {
  const { queryRank, outputGroups, outputRank, index } = attention;
  const heads = numAttentionHeads * headDim;
  const shapes: Shapes = [
    ['latentQueryInput', [queryRank, hiddenSize]],
    ['latentQueryNorm', [queryRank]],
    ['q', [heads, queryRank]],
    ['latentInput', [headDim, hiddenSize]],
    ['latentNorm', [headDim]],
    ['sinks', [numAttentionHeads]],
    ['outputGroups', [outputGroups * outputRank, heads / outputGroups]],
  ];
  const compression = compressionOf(attention, layer);
  if (!compression) return shapes;
  const { ratio } = compression;
  const width = compressedWidth(compression, headDim);
  shapes.push(['compressKeys', [width, hiddenSize]], ['compressGates', [width, hiddenSize]]);
  shapes.push(['compressPositions', [ratio * width]], ['compressNorm', [headDim]]);
  if (!compression.indexed) return shapes;
  const indexWidth = compressedWidth(compression, index.headDim);
  shapes.push(['indexCompressKeys', [indexWidth, hiddenSize]], ['indexCompressGates', [indexWidth, hiddenSize]]);
  shapes.push(['indexCompressPositions', [ratio * indexWidth]], ['indexCompressNorm', [index.headDim]]);
  shapes.push(['indexWeights', [index.heads, hiddenSize]], ['indexQueries', [index.heads * index.headDim, queryRank]]);
  return shapes;
}

/** The shape of a table in a GGUF file, a row for each position or token; null for our own. */
export function compressedShape(tensor: LayerTensor, spec: ModelSpec, layer: number): number[] | null {
  const { compressedAttention: attention, experts } = spec;
  const compression = attention && compressionOf(attention, layer);
  if (tensor === 'expertTable') return [spec.vocabSize, experts!.numExpertsPerToken];
  if (tensor === 'compressPositions') return [compression!.ratio, compressedWidth(compression!, spec.headDim)];
  if (tensor === 'indexCompressPositions')
    return [compression!.ratio, compressedWidth(compression!, attention!.index.headDim)];
  return null;
}
