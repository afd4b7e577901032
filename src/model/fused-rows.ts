import type { FusedRows } from './expected-tensors.js';
import type { ModelSpec } from './spec.js';
import type { LayerTensor } from './tensor-names.js';

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
export const fusedGateUp = ({ intermediateSize }: Pick<ModelSpec, 'intermediateSize'>): FusedRows =>
  inOrder(['gate', 'up'], intermediateSize);

/** The same for the shared expert. */
export const fusedShared = ({ experts }: Pick<ModelSpec, 'experts'>): FusedRows =>
  inOrder(['sharedGate', 'sharedUp'], experts?.sharedIntermediateSize ?? 0);

const inOrder =
  (names: readonly LayerTensor[], neurons: number): FusedRows =>
  (tensor) => {
    const place = names.indexOf(tensor);
    if (place < 0) return null;
    return { sourceRows: names.length * neurons, rowsPerGroup: neurons, firstRows: [place * neurons] };
  };
