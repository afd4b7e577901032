/**
 * The names tensors go by inside flashrow, whatever their checkpoint calls them. Matrices are [rows, columns] with the
 * input along a row (`y = W x`); norms are [hiddenSize].
 */
export const EMBEDDING = 'embedding';
export const FINAL_NORM = 'finalNorm';
export const HEAD = 'head';

export type LayerTensor = 'attentionNorm' | 'q' | 'k' | 'v' | 'o' | 'ffnNorm' | 'gate' | 'up' | 'down';

export const layerTensor = (layer: number, tensor: LayerTensor): string => `layers.${layer}.${tensor}`;
