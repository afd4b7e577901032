import { shown } from '../../errors.js';
import type { SourceTensors } from '../architecture.js';
import { decoder } from '../decoder.js';
import type { Fields } from '../fields.js';
import { kernelSize, type RecurrentFamily } from '../recurrent-family.js';
import type { BlockIndexSpec, DeltaNetSpec, ModelSpec, NgramsSpec } from '../spec.js';
import { DELTA_QWEN, DELTA_QWEN_EXPERTS, deltaNets } from './qwen3-5.js';

type Key = (suffix: string) => string;

const TABLE = 'per_layer_token_embd.weight';
/** Far above any model. */
const [MAX_STREAMS, MAX_NGRAM, MAX_HEADS, MAX_ROWS] = [64, 16, 256, 2 ** 31 - 1];

/** Its delta nets weigh their output by a sigmoid. */
const usual = deltaNets('tiled');
const recurrent: RecurrentFamily = {
  ...usual,
  fromGguf(metadata, key, blocks) {
    const { mixer, ...layers } = usual.fromGguf(metadata, key, blocks);
    return { ...layers, mixer: { ...(mixer as DeltaNetSpec), outputGate: 'sigmoid' } };
  },
};

/** A list of whole numbers. Throws CORRUPT. */
function list(metadata: Fields, key: string, length: number): (number | bigint)[] {
  const values = metadata.raw(key);
  const isWhole = (value: unknown) => typeof value === 'bigint' || Number.isSafeInteger(value);
  if (Array.isArray(values) && values.length === length && values.every(isWhole)) return values;
  throw metadata.corrupt(
    key,
    `is ${values === undefined ? 'missing' : shown(values)}; it should be a list of whole numbers, ${length} of them`,
  );
}

/** A list of numbers of rows. Throws CORRUPT. */
function rowsIn(metadata: Fields, key: string, length: number, least: number): number[] {
  return list(metadata, key, length).map((value) => {
    if (value < least || value > MAX_ROWS)
      throw metadata.corrupt(key, `has ${value}; rows of a table are from ${least} to ${MAX_ROWS}`);
    return Number(value);
  });
}

/** Throws CORRUPT or UNSUPPORTED. */
function ngramsOf(metadata: Fields, key: Key, spec: ModelSpec, tensors: SourceTensors): NgramsSpec | null {
  const layers = metadata.raw(key('ple.layers'));
  if (layers === undefined || (Array.isArray(layers) && layers.length === 0)) return null;
  const [layer] = list(metadata, key('ple.layers'), 1).map(Number);
  if (layer < 0 || layer >= spec.numLayers || !spec.recurrent?.layers[layer])
    throw metadata.unsupported(key('ple.layers'), `is ${layer}, which is no layer with a delta net`);
  const size = metadata.size(key('ple.ngram_size'));
  const headsPerNgram = metadata.size(key('ple.heads_per_ngram'));
  const rowSize = metadata.size(key('embedding_length_per_layer_input'));
  const heads = (size - 1) * headsPerNgram;
  if (size < 2 || size > MAX_NGRAM || heads > MAX_HEADS)
    throw metadata.corrupt(key('ple.ngram_size'), `is ${size}; n-grams are of 2 to ${MAX_NGRAM} tokens`);
  if (heads * rowSize !== spec.hiddenSize)
    throw metadata.corrupt(
      key('embedding_length_per_layer_input'),
      `is ${rowSize}; the ${heads} rows of a token should have ${spec.hiddenSize} values together`,
    );
  const [firstRows, numRows] = [
    rowsIn(metadata, key('ple.head_offsets'), heads, 0),
    rowsIn(metadata, key('ple.head_vocab_sizes'), heads, 1),
  ];
  const needed = Math.max(...firstRows.map((first, head) => first + numRows[head]));
  const tableRows = tensors.shape(TABLE)?.[0] ?? needed;
  if (tableRows < needed)
    throw metadata.corrupt(TABLE, `has ${tableRows} rows, and "${key('ple.head_offsets')}" asks for ${needed}`);
  return {
    ...{ layer, size, headsPerNgram, rowSize, firstRows, numRows, tableRows },
    kernel: kernelSize(metadata, key('ple.conv_kernel')),
    endId: metadata.count(key('ple.eos_token_id'), spec.vocabSize - 1),
    multipliers: list(metadata, key('ple.layer_multipliers'), size).map((value) =>
      BigInt.asUintN(64, BigInt(value)).toString(),
    ),
  };
}

/** The blocks that attention sees; null where it sees all. Throws CORRUPT or UNSUPPORTED. */
function blockIndexOf(metadata: Fields, key: Key, spec: ModelSpec): BlockIndexSpec | null {
  const ratiosKey = key('attention.compress_ratios');
  if (metadata.raw(ratiosKey) === undefined) return null;
  const ratios = list(metadata, ratiosKey, metadata.size(key('block_count')))
    .slice(0, spec.numLayers)
    .map(Number);
  const [blockSize, ...others] = new Set(ratios.filter((_, layer) => !spec.recurrent?.layers[layer]));
  if (blockSize === undefined || (blockSize === 0 && others.length === 0)) return null;
  if (blockSize < 1 || others.length > 0)
    throw metadata.unsupported(ratiosKey, `is ${shown(ratios)}; only one for all layers with attention is supported`);
  const topKey = key('attention.indexer.top_k');
  const topBlocks = Math.floor(metadata.size(topKey) / blockSize);
  if (topBlocks < 1) throw metadata.corrupt(topKey, `is fewer than the ${blockSize} positions of a block`);
  const [heads, headDim] = ['head_count', 'key_length'].map((name) => metadata.size(key(`attention.indexer.${name}`)));
  if (headDim < spec.rotary!.dimension)
    throw metadata.corrupt(
      key('attention.indexer.key_length'),
      `is less than the ${spec.rotary!.dimension} that rotate`,
    );
  return { heads, headDim, blockSize, topBlocks };
}

function ggufTraits(metadata: Fields, key: Key, spec: ModelSpec, tensors: SourceTensors): Partial<ModelSpec> {
  const count = metadata.size(key('hyper_connection.count'));
  if (count < 2 || count > MAX_STREAMS)
    throw metadata.corrupt(key('hyper_connection.count'), `is ${count}; there are from 2 to ${MAX_STREAMS} streams`);
  return {
    residualStreams: { count, rank: metadata.size(key('hyper_connection.low_rank')) },
    ngrams: ngramsOf(metadata, key, spec, tensors),
    blockIndex: blockIndexOf(metadata, key, spec),
  };
}

/**
 * Qwen3.8-Flash-Next: the mixtures of Qwen 3.5 with several residual streams in place of norms, a table of n-grams,
 * and attention to the best blocks of a long context.
 */
export const qwen4Exp = decoder({
  ...DELTA_QWEN,
  architecture: 'qwen4exp',
  huggingFaceClasses: [],
  ggufName: 'qwen4exp',
  ggufRenamed: {},
  ggufIgnored: /^blk\.\d+\.indexer\./,
  ggufTraits,
  recurrent,
  experts: DELTA_QWEN_EXPERTS,
});
