import { activation } from '../activation.js';
import type { Architecture, ModelDescription } from '../architecture.js';
import { attentionShape } from '../attention-shape.js';
import { type CheckpointNames, ggufNames } from '../checkpoint-names.js';
import { expectedTensors, type FusedRows } from '../expected-tensors.js';
import type { Fields } from '../fields.js';
import { fusedQueriesKeysValues } from '../fused-rows.js';
import type { ModelSpec } from '../spec.js';
import type { LayerTensor } from '../tensor-names.js';
import { DEFAULT_TRAITS } from '../traits/default.js';
import { refuseQuantized } from '../traits/unknown.js';

const FUSED = 'self_attention.query_key_value.weight';

/** The names of a layer's tensors in transformers. The norms differ between the two generations. */
const layerNames = (ownNorm: boolean): Partial<Record<LayerTensor, string>> => ({
  attentionNorm: ownNorm ? 'ln_attn.weight' : 'input_layernorm.weight',
  attentionNormBias: ownNorm ? 'ln_attn.bias' : 'input_layernorm.bias',
  ffnNorm: 'ln_mlp.weight',
  ffnNormBias: 'ln_mlp.bias',
  q: FUSED,
  k: FUSED,
  v: FUSED,
  o: 'self_attention.dense.weight',
  up: 'mlp.dense_h_to_4h.weight',
  down: 'mlp.dense_4h_to_h.weight',
});

const huggingFaceNames = (ownNorm: boolean): CheckpointNames => ({
  embedding: 'transformer.word_embeddings.weight',
  positions: null,
  finalNorm: 'transformer.ln_f.weight',
  finalNormBias: 'transformer.ln_f.bias',
  head: 'lm_head.weight',
  layer: (index, tensor) => `transformer.h.${index}.${layerNames(ownNorm)[tensor]}`,
});

/**
 * The names in GGUF files (llama.cpp). A norm that both halves share is `attn_norm`. With two norms, `attn_norm` is the
 * network's and `attn_norm_2` is attention's.
 */
const ggufFalconNames = (ownNorm: boolean): CheckpointNames => {
  const names = ggufNames(null);
  const renamed: Partial<Record<LayerTensor, string>> = ownNorm
    ? {
        attentionNorm: 'attn_norm_2.weight',
        attentionNormBias: 'attn_norm_2.bias',
        ffnNorm: 'attn_norm.weight',
        ffnNormBias: 'attn_norm.bias',
      }
    : {};
  for (const part of ['q', 'k', 'v'] as const) renamed[part] = 'attn_qkv.weight';
  return {
    ...names,
    layer: (index, tensor) => (renamed[tensor] ? `blk.${index}.${renamed[tensor]}` : names.layer(index, tensor)),
  };
};

/**
 * Falcon (arXiv 2311.16867): attention and a network without a gate side by side, rotary positions, and one matrix for
 * queries, keys and values.
 */
export const falcon: Architecture = {
  name: 'falcon',
  huggingFaceClasses: ['FalconForCausalLM', 'RWForCausalLM'],
  ggufName: 'falcon',
  mixture: false,

  fromHuggingFace(name, config) {
    refuseUnknownTraits(config);
    const grouped = config.flag('new_decoder_architecture') === true;
    const multiQuery = config.flag('multi_query') ?? true;
    const heads = attentionShape(config, {
      hiddenSize: 'hidden_size',
      heads: config.raw('num_attention_heads') === undefined ? 'n_head' : 'num_attention_heads',
      keyValueHeads: 'num_kv_heads',
      headDim: 'head_dim',
    });
    if (!grouped) heads.numKeyValueHeads = multiQuery ? 1 : heads.numAttentionHeads;
    // With as many key/value heads as heads, the fused matrix is cut head by head, like groups of one.
    const cutByGroups = grouped || !multiQuery;
    const ownNorm = grouped && config.size('num_ln_in_parallel_attn', 2) === 2;
    const spec = specOf(name, heads, ownNorm, {
      vocabSize: config.size('vocab_size'),
      intermediateSize: config.size('ffn_hidden_size', 4 * heads.hiddenSize),
      numLayers: config.size(config.raw('num_hidden_layers') === undefined ? 'n_layer' : 'num_hidden_layers'),
      contextLength: config.size('max_position_embeddings', 2048),
      normEpsilon: config.positive('layer_norm_epsilon', 1e-5),
      theta: config.positive('rope_theta', 10000),
      activation: config.raw('activation') === undefined ? 'gelu' : activation(config, 'activation'),
      tiedEmbeddings: config.flag('tie_word_embeddings') ?? true,
    });
    return describe(spec, huggingFaceNames(ownNorm), cutByGroups ? byGroups(spec) : fusedQueriesKeysValues(spec));
  },

  /** In GGUF files the fused matrix holds all queries, all keys, all values (llama.cpp, convert_hf_to_gguf.py). */
  fromGguf(name, metadata, tensors) {
    const key = (suffix: string) => `falcon.${suffix}`;
    const heads = attentionShape(metadata, {
      hiddenSize: key('embedding_length'),
      heads: key('attention.head_count'),
      keyValueHeads: key('attention.head_count_kv'),
      headDim: key('attention.key_length'),
    });
    const ownNorm = tensors.shape('blk.0.attn_norm_2.weight') !== null;
    const names = ggufFalconNames(ownNorm);
    const embedding = tensors.shape(names.embedding);
    if (embedding?.length !== 2) throw metadata.corrupt(names.embedding, 'is missing; every model has it');
    const spec = specOf(name, heads, ownNorm, {
      vocabSize: embedding[0],
      intermediateSize: metadata.size(key('feed_forward_length'), 4 * heads.hiddenSize),
      numLayers: metadata.size(key('block_count')),
      contextLength: metadata.size(key('context_length')),
      normEpsilon: metadata.positive(key('attention.layer_norm_epsilon')),
      theta: metadata.positive(key('rope.freq_base'), 10000),
      activation: 'gelu',
      tiedEmbeddings: tensors.shape(names.head) === null,
    });
    return describe(spec, names, fusedQueriesKeysValues(spec));
  },
};

type Heads = ReturnType<typeof attentionShape>;
type Rest = Pick<
  ModelSpec,
  'vocabSize' | 'intermediateSize' | 'numLayers' | 'contextLength' | 'normEpsilon' | 'activation' | 'tiedEmbeddings'
> & { theta: number };

const specOf = (name: string, heads: Heads, ownNorm: boolean, { theta, ...rest }: Rest): ModelSpec => ({
  architecture: 'falcon',
  name,
  ...heads,
  ...rest,
  norm: 'layer',
  rotary: { theta, dimension: heads.headDim, layout: 'halves', frequencyFactors: null, magnitude: 1 },
  positionOffset: 0,
  gated: false,
  queryKeyValueBiases: false,
  outputBias: false,
  feedForwardBiases: false,
  parallelNorm: ownNorm ? 'own' : 'shared',
  queryKeyNorm: null,
  slidingWindow: null,
  ...DEFAULT_TRAITS,
  attentionSinks: false,
  experts: null,
});

/** Refuses traits that would change the result and that flashrow does not model. Throws UNSUPPORTED. */
function refuseUnknownTraits(config: Fields): void {
  refuseQuantized(config);
  if (config.flag('alibi') === true)
    throw config.unsupported('alibi', 'is true: positions by ALiBi (falcon-rw) are not supported; rotary ones are');
  if (config.flag('bias') === true)
    throw config.unsupported('bias', 'is true; projections with biases (falcon-rw) are not supported');
  const grouped = config.flag('new_decoder_architecture') === true;
  if (!grouped && config.flag('parallel_attn') === false)
    throw config.unsupported('parallel_attn', 'is false; only attention beside the feed-forward network is supported');
  const scaling = config.object('rope_scaling');
  if (scaling) throw config.unsupported('rope_scaling', 'is set, which is not supported here');
}

/** The fused matrix group by group: the queries of a key/value head, its key, its value. */
function byGroups({ numAttentionHeads, numKeyValueHeads, headDim }: ModelSpec): FusedRows {
  const queries = (numAttentionHeads / numKeyValueHeads) * headDim;
  const group = queries + 2 * headDim;
  const sourceRows = numKeyValueHeads * group;
  const firstRows = (skip: number) => Array.from({ length: numKeyValueHeads }, (_, head) => head * group + skip);
  return (tensor) => {
    if (tensor === 'q') return { sourceRows, rowsPerGroup: queries, firstRows: firstRows(0) };
    if (tensor === 'k') return { sourceRows, rowsPerGroup: headDim, firstRows: firstRows(queries) };
    return tensor === 'v' ? { sourceRows, rowsPerGroup: headDim, firstRows: firstRows(queries + headDim) } : null;
  };
}

const describe = (spec: ModelSpec, names: CheckpointNames, fusedRows: FusedRows): ModelDescription => ({
  spec,
  tensors: { [Symbol.iterator]: () => expectedTensors(spec, names, { fusedRows }) },
  ignores: (sourceName) =>
    (sourceName === names.head && spec.tiedEmbeddings) || sourceName.endsWith('.rotary_emb.inv_freq'),
});
