import type { Fields } from './fields.js';
import type { ModelSpec } from './spec.js';

/** Larger than any head that was ever trained. It bounds the work before a tensor confirms the size. */
const MAX_HEAD_DIM = 65536;

type AttentionShape = Pick<ModelSpec, 'hiddenSize' | 'numAttentionHeads' | 'numKeyValueHeads' | 'headDim'>;

/** Heads and their sizes, from the fields that `keys` name. Throws CORRUPT where they contradict each other. */
export function attentionShape(
  fields: Fields,
  keys: { hiddenSize: string; heads: string; keyValueHeads: string; headDim: string },
): AttentionShape {
  const hiddenSize = fields.size(keys.hiddenSize);
  const numAttentionHeads = fields.size(keys.heads);
  const numKeyValueHeads = fields.size(keys.keyValueHeads, numAttentionHeads);
  if (numAttentionHeads % numKeyValueHeads !== 0)
    throw fields.corrupt(
      keys.keyValueHeads,
      `is ${numKeyValueHeads}, which does not divide the ${numAttentionHeads} attention heads`,
    );
  if (fields.raw(keys.headDim) === undefined && hiddenSize % numAttentionHeads !== 0)
    throw fields.corrupt(keys.heads, `is ${numAttentionHeads}, which does not divide the hidden size, ${hiddenSize}`);
  const headDim = fields.size(keys.headDim, hiddenSize / numAttentionHeads);
  if (headDim % 2 !== 0 || headDim > MAX_HEAD_DIM)
    throw fields.corrupt(keys.headDim, `comes to ${headDim}; it should be even and at most ${MAX_HEAD_DIM}`);
  return { hiddenSize, numAttentionHeads, numKeyValueHeads, headDim };
}
