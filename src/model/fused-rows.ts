import type { FusedRows } from './expected-tensors.js';
import type { ModelSpec } from './spec.js';

type Heads = Pick<ModelSpec, 'numAttentionHeads' | 'numKeyValueHeads' | 'headDim'>;

/** One matrix for queries, keys and values, in this order. */
export function fusedQueriesKeysValues({ numAttentionHeads, numKeyValueHeads, headDim }: Heads): FusedRows {
  const [queries, keys] = [numAttentionHeads * headDim, numKeyValueHeads * headDim];
  const sourceRows = queries + 2 * keys;
  return (tensor) => {
    if (tensor === 'q') return { sourceRows, rowsPerGroup: queries, firstRows: [0] };
    if (tensor === 'k') return { sourceRows, rowsPerGroup: keys, firstRows: [queries] };
    return tensor === 'v' ? { sourceRows, rowsPerGroup: keys, firstRows: [queries + keys] } : null;
  };
}

/** One matrix for gate and up, in this order. */
export function fusedGateUp({ intermediateSize: neurons }: Pick<ModelSpec, 'intermediateSize'>): FusedRows {
  return (tensor) => {
    if (tensor !== 'gate' && tensor !== 'up') return null;
    return { sourceRows: 2 * neurons, rowsPerGroup: neurons, firstRows: [tensor === 'gate' ? 0 : neurons] };
  };
}
