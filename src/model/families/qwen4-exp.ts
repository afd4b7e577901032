import { shown } from '../../errors.js';
import type { RowGroups, SourceTensors } from '../architecture.js';
import { decoder } from '../decoder.js';
import { Fields } from '../fields.js';
import type { HuggingFaceFamily } from '../hugging-face-family.js';
import type { RecurrentFamily } from '../recurrent-family.js';
import type { BlockIndexSpec, DeltaNetSpec, ModelSpec } from '../spec.js';
import type { LayerTensor } from '../tensor-names.js';
import {
  ggufNgrams,
  HASH_CONSTANTS,
  huggingFaceNgrams,
  ngramParts,
  tableInFolder,
  wholeNumbers,
} from '../traits/ngrams.js';
import { DELTA_QWEN, DELTA_QWEN_EXPERTS, deltaNets } from './qwen3-5.js';
import { withTextHalf } from './text-half.js';

type Key = (suffix: string) => string;

/** Far above any model. */
const MAX_STREAMS = 64;

/** What transformers calls layers with attention to the best blocks. */
const ATTENDING = 'indexed_attention';

/** The same config.json, whose layers with attention go by the usual name. */
const withUsualLayers = (config: Fields): Fields =>
  new Fields(config.where, (key) => {
    const value = config.raw(key);
    if (key !== 'layer_types' || !Array.isArray(value)) return value;
    return value.map((type) => (type === ATTENDING ? 'full_attention' : type));
  });

/** What a delta net's output is weighed by. Throws CORRUPT or UNSUPPORTED. */
function outputGateOf(config: Fields): DeltaNetSpec['outputGate'] {
  const gate = config.text('output_gate_type') ?? 'silu';
  if (gate !== 'silu' && gate !== 'sigmoid')
    throw config.unsupported('output_gate_type', `is ${shown(gate)}; supported: silu, sigmoid`);
  return gate;
}

const usual = deltaNets('tiled');
const recurrent: RecurrentFamily = {
  ...usual,
  // GGUF files say nothing of the gate, and llama.cpp takes the sigmoid.
  fromGguf(metadata, key, blocks) {
    const { mixer, ...layers } = usual.fromGguf(metadata, key, blocks);
    return { ...layers, mixer: { ...(mixer as DeltaNetSpec), outputGate: 'sigmoid' } };
  },
  fromHuggingFace(config, numLayers) {
    const { mixer, ...layers } = usual.fromHuggingFace(withUsualLayers(config), numLayers);
    return { ...layers, mixer: { ...(mixer as DeltaNetSpec), outputGate: outputGateOf(config) } };
  },
};

/** The blocks that attention sees; null where it sees all. Throws CORRUPT or UNSUPPORTED. */
function blockIndexOf(metadata: Fields, key: Key, spec: ModelSpec): BlockIndexSpec | null {
  const ratiosKey = key('attention.compress_ratios');
  if (metadata.raw(ratiosKey) === undefined) return null;
  const ratios = wholeNumbers(metadata, ratiosKey, metadata.size(key('block_count')))
    .slice(0, spec.numLayers)
    .map(Number);
  const [blockSize, ...others] = new Set(ratios.filter((_, layer) => !spec.recurrent?.layers[layer]));
  if (blockSize === undefined || (blockSize === 0 && others.length === 0)) return null;
  if (blockSize < 1 || others.length > 0)
    throw metadata.unsupported(ratiosKey, `is ${shown(ratios)}; only one for all layers with attention is supported`);
  const [heads, headDim, top] = ['head_count', 'key_length', 'top_k'].map((name) => key(`attention.indexer.${name}`));
  return indexOf(metadata, { heads, headDim, top }, blockSize, spec);
}

/** The index of a model; `names` are those of its fields. Throws CORRUPT. */
function indexOf(
  fields: Fields,
  names: Record<'heads' | 'headDim' | 'top', string>,
  blockSize: number,
  spec: ModelSpec,
): BlockIndexSpec {
  const topBlocks = Math.floor(fields.size(names.top) / blockSize);
  if (topBlocks < 1) throw fields.corrupt(names.top, `is fewer than the ${blockSize} positions of a block`);
  const [heads, headDim] = [fields.size(names.heads), fields.size(names.headDim)];
  if (headDim < spec.rotary!.dimension)
    throw fields.corrupt(names.headDim, `is less than the ${spec.rotary!.dimension} that rotate`);
  return { heads, headDim, blockSize, topBlocks };
}

/** The same of a folder; null where attention sees all. Throws CORRUPT or UNSUPPORTED. */
function huggingFaceIndex(config: Fields, spec: ModelSpec): BlockIndexSpec | null {
  const names = { heads: 'indexer_n_heads', headDim: 'indexer_head_dim', top: 'indexer_budget' };
  if (config.raw(names.heads) === undefined) return null;
  if (config.size('indexer_kv_heads', 1) !== 1)
    throw config.unsupported('indexer_kv_heads', `is ${shown(config.raw('indexer_kv_heads'))}; only 1 is supported`);
  return indexOf(config, names, config.size('indexer_compress_ratio'), spec);
}

/** Queries and keys of the index are one matrix. */
function indexRows({ blockIndex }: ModelSpec): (tensor: LayerTensor) => RowGroups | null {
  return (tensor) => {
    if (!blockIndex || (tensor !== 'indexQueries' && tensor !== 'indexKeys')) return null;
    const { heads, headDim } = blockIndex;
    const [first, rows] = tensor === 'indexQueries' ? [0, heads * headDim] : [heads * headDim, headDim];
    return { sourceRows: (heads + 1) * headDim, rowsPerGroup: rows, firstRows: [first] };
  };
}

/** Throws CORRUPT. */
function streamsOf(fields: Fields, countKey: string, rankKey: string) {
  const count = fields.size(countKey);
  if (count < 2 || count > MAX_STREAMS)
    throw fields.corrupt(countKey, `is ${count}; there are from 2 to ${MAX_STREAMS} streams`);
  return { count, rank: fields.size(rankKey) };
}

const ggufTraits = (metadata: Fields, key: Key, spec: ModelSpec, tensors: SourceTensors): Partial<ModelSpec> => ({
  residualStreams: streamsOf(metadata, key('hyper_connection.count'), key('hyper_connection.low_rank')),
  ngrams: ggufNgrams(metadata, key, spec, tensors),
  blockIndex: blockIndexOf(metadata, key, spec),
});

const mixNames = (half: 'mix' | 'ffn', module: string): Partial<Record<LayerTensor, string>> => ({
  [`${half}StreamsNorm`]: `${module}.hc_norm.weight`,
  [`${half}StreamsDown`]: `${module}.input_mix_weight_down.weight`,
  [`${half}StreamsUp`]: `${module}.input_mix_weight_up.weight`,
  [`${half}StreamsShares`]: `${module}.block_inject_weight.weight`,
});

/** transformers, modeling_qwen4_exp.py. All norms are stored minus one, but for the one of a delta net's output. */
const huggingFace: HuggingFaceFamily = {
  ...DELTA_QWEN.huggingFace,
  defaults: {
    ...DELTA_QWEN.huggingFace.defaults,
    ...{ hc_count: 4, hc_lowrank: 320, ngram_size: 3, heads_per_ngram: 8, norm_topk_prob: true },
  },
  renamed: {
    ...mixNames('mix', 'attn_hyper_connection'),
    ...mixNames('ffn', 'mlp_hyper_connection'),
    ngramKeys: 'ple.key_proj.weight',
    ngramValues: 'ple.value_proj.weight',
    ngramKeyNorm: 'ple.norm_key.weight',
    ngramQueryNorm: 'ple.norm_query.weight',
    ngramNorm: 'ple.norm_conv.weight',
    ngramKernel: 'ple.conv1d.weight',
    indexQueries: 'self_attn.indexer.index_qk_proj.weight',
    indexKeys: 'self_attn.indexer.index_qk_proj.weight',
    indexQueryNorm: 'self_attn.indexer.q_layernorm.weight',
    indexKeyNorm: 'self_attn.indexer.k_layernorm.weight',
  },
  streams: ({ ngrams }) => ({
    norm: 'model.hyper_connection_mixer.hc_norm.weight',
    down: 'model.hyper_connection_mixer.input_mix_weight_down.weight',
    up: 'model.hyper_connection_mixer.input_mix_weight_up.weight',
    ngrams: tableInFolder(ngrams?.layer ?? 0),
  }),
  rows: indexRows,
  ignored: HASH_CONSTANTS,
  ngramParts,
  traits: (config, spec, folder) => ({
    normOffset: 1,
    residualStreams: streamsOf(config, 'hc_count', 'hc_lowrank'),
    ngrams: huggingFaceNgrams(config, spec, folder),
    blockIndex: huggingFaceIndex(config, spec),
  }),
};

/**
 * Qwen3.8-Flash-Next: the mixtures of Qwen 3.5 with several residual streams in place of norms, a table of n-grams,
 * and attention to the best blocks of a long context.
 */
export const qwen4Exp = withTextHalf(
  decoder({
    ...DELTA_QWEN,
    architecture: 'qwen4exp',
    huggingFaceClasses: ['Qwen4ExpForCausalLM'],
    huggingFace,
    ggufName: 'qwen4exp',
    ggufRenamed: {},
    ggufIgnored: /^blk\.\d+\.indexer\./,
    ggufTraits,
    recurrent,
    experts: DELTA_QWEN_EXPERTS,
  }),
  'Qwen4ExpForConditionalGeneration',
);
