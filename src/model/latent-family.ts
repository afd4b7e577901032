import type { SourceTensors } from './architecture.js';
import type { CheckpointNames } from './checkpoint-names.js';
import type { FusedRows } from './expected-tensors.js';
import type { Fields } from './fields.js';
import type { LatentAttentionSpec, ModelSpec } from './spec.js';
import type { LayerTensor } from './tensor-names.js';

type Key = (suffix: string) => string;
type Latent = Pick<ModelSpec, 'hiddenSize' | 'numAttentionHeads' | 'numKeyValueHeads' | 'headDim' | 'latentAttention'>;

/** Larger than any head that was ever trained. */
const MAX_DIM = 65536;

/** The shape of latent attention, from GGUF metadata. Throws CORRUPT. */
export function ggufLatent(metadata: Fields, key: Key, tensors: SourceTensors): Latent {
  const [numAttentionHeads, latentDim] = [
    metadata.size(key('attention.head_count')),
    metadata.size(key('attention.kv_lora_rank')),
  ];
  const rotaryDim = metadata.size(key('rope.dimension_count'));
  // The first files describe the heads themselves, later ones the shared vector under the same keys.
  const joined = tensors.shape('blk.0.attn_kv_b.weight') !== null;
  const [keyKey, valueKey] = ['attention.key_length', 'attention.value_length'].map((name) =>
    key(joined ? name : `${name}_mla`),
  );
  const keyDim = metadata.size(keyKey) - rotaryDim;
  const valueDim = metadata.size(valueKey);
  if (keyDim < 1 || rotaryDim % 2 !== 0)
    throw metadata.corrupt(
      keyKey,
      `is ${keyDim + rotaryDim}; it should be above the ${rotaryDim} that rotate, an even number`,
    );
  if (latentDim > MAX_DIM || valueDim > MAX_DIM || keyDim > MAX_DIM)
    throw metadata.corrupt(keyKey, 'or a size beside it is larger than any that was ever trained');
  const queryRank = metadata.count(key('attention.q_lora_rank'), MAX_DIM) || null;
  const keyLayout = joined ? 'by-key' : 'by-latent';
  return {
    hiddenSize: metadata.size(key('embedding_length')),
    numAttentionHeads,
    numKeyValueHeads: 1,
    headDim: latentDim + rotaryDim,
    latentAttention: { latentDim, keyDim, rotaryDim, valueDim, queryRank, keyLayout },
  };
}

/** The norms of latents and of queries in their bottleneck have this epsilon, whatever `rms_norm_eps` is. */
const HUGGING_FACE_EPSILON = 1e-6;

/** The same from config.json (transformers, modeling_deepseek_v3.py). Throws CORRUPT or UNSUPPORTED. */
export function huggingFaceLatent(config: Fields): Latent {
  const size = (key: string) => {
    const value = config.size(key);
    if (value > MAX_DIM) throw config.corrupt(key, `is ${value}, larger than any that was ever trained`);
    return value;
  };
  const numAttentionHeads = size('num_attention_heads');
  if (config.size('num_key_value_heads', numAttentionHeads) !== numAttentionHeads)
    throw config.unsupported('num_key_value_heads', `is not the ${numAttentionHeads} of "num_attention_heads"`);
  const [latentDim, rotaryDim] = [size('kv_lora_rank'), size('qk_rope_head_dim')];
  if (rotaryDim % 2 !== 0) throw config.corrupt('qk_rope_head_dim', `is ${rotaryDim}; it should be even`);
  return {
    hiddenSize: config.size('hidden_size'),
    numAttentionHeads,
    numKeyValueHeads: 1,
    headDim: latentDim + rotaryDim,
    latentAttention: {
      ...{ latentDim, keyDim: size('qk_nope_head_dim'), rotaryDim, valueDim: size('v_head_dim') },
      queryRank: config.count('q_lora_rank', MAX_DIM) || null,
      keyLayout: 'by-key',
      normEpsilon: HUGGING_FACE_EPSILON,
    },
  };
}

/** Dimensions that rotate. Some files say their share of a head besides. Throws UNSUPPORTED for another share. */
export function latentRotaryDimension(scaling: Fields, { keyDim, rotaryDim }: LatentAttentionSpec): number {
  const share = scaling.positive('partial_rotary_factor', 1);
  if (share !== 1 && Math.abs(share * (keyDim + rotaryDim) - rotaryDim) > 1e-3)
    throw scaling.unsupported('partial_rotary_factor', `is ${share}; it should be 1, or what "qk_rope_head_dim" says`);
  return rotaryDim;
}

/**
 * The factor for queries, as the engine divides by the root of the latent head and not of the one that it stands for.
 * `growth` is what YaRN adds to them.
 */
export const latentQueryScale = (headDim: number, { keyDim, rotaryDim }: LatentAttentionSpec, growth: number): number =>
  growth ** 2 * Math.sqrt(headDim / (keyDim + rotaryDim));

/** The same names, where queries have no bottleneck, or keys and values are one matrix. */
export const latentNames = (
  names: CheckpointNames,
  { queryRank, keyLayout }: LatentAttentionSpec,
): CheckpointNames => ({
  ...names,
  layer: (layer, tensor) => {
    const name = names.layer(layer, tensor);
    if (tensor === 'q') return queryRank ? name.replace(/q(_proj)?\.weight$/, 'q_b$1.weight') : name;
    return keyLayout === 'by-key' ? name.replace(/attn_[kv]_b\./, 'attn_kv_b.') : name;
  },
});

/** Rows of the one matrix of keys and values: those of a head follow one another, keys first. */
export const latentRows =
  (
    { numAttentionHeads }: Pick<ModelSpec, 'numAttentionHeads'>,
    { keyDim, valueDim, keyLayout }: LatentAttentionSpec,
  ): FusedRows =>
  (tensor) => {
    if (keyLayout !== 'by-key' || (tensor !== 'latentKeys' && tensor !== 'latentValues')) return null;
    const [first, rowsPerGroup] = tensor === 'latentKeys' ? [0, keyDim] : [keyDim, valueDim];
    const ofHead = keyDim + valueDim;
    return {
      sourceRows: numAttentionHeads * ofHead,
      rowsPerGroup,
      firstRows: Array.from({ length: numAttentionHeads }, (_, head) => head * ofHead + first),
    };
  };

/** The shape of a tensor in a GGUF file, where it is a stack of a matrix for each head; null for our own. */
export function latentShape(tensor: LayerTensor, { latentAttention, numAttentionHeads }: ModelSpec): number[] | null {
  if (latentAttention?.keyLayout !== 'by-latent') return null;
  const { latentDim, keyDim, valueDim } = latentAttention;
  if (tensor === 'latentKeys') return [numAttentionHeads, latentDim, keyDim];
  return tensor === 'latentValues' ? [numAttentionHeads, valueDim, latentDim] : null;
}
