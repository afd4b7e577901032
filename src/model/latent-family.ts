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

/** The same names, where queries have no bottleneck, or keys and values are one matrix. */
export const latentNames = (
  names: CheckpointNames,
  { queryRank, keyLayout }: LatentAttentionSpec,
): CheckpointNames => ({
  ...names,
  layer: (layer, tensor) => {
    if (tensor === 'q') return `blk.${layer}.${queryRank ? 'attn_q_b' : 'attn_q'}.weight`;
    const parts = tensor === 'latentKeys' || tensor === 'latentValues';
    return keyLayout === 'by-key' && parts ? `blk.${layer}.attn_kv_b.weight` : names.layer(layer, tensor);
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
