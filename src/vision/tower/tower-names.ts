/** Tensors of a tower beside its layers. */
export type TowerTensor =
  | 'patch'
  | 'patchBias'
  | 'class'
  | 'positions'
  | 'preNorm'
  | 'preNormBias'
  | 'postNorm'
  | 'postNormBias';

/** Tensors of each layer; all have a bias. */
export type TowerLayerTensor = 'norm1' | 'q' | 'k' | 'v' | 'o' | 'norm2' | 'fc1' | 'fc2';

/** What a checkpoint calls the tensors of a tower. */
export interface TowerNames extends LayerNames {
  tensor(name: TowerTensor): string;
}

/** And those of its layers. */
export interface LayerNames {
  /** True where queries, keys and values are parts of one matrix, in this order. Default false. */
  fused?: boolean;
  layer(index: number, name: TowerLayerTensor, part: 'weight' | 'bias'): string;
}

const HUGGING_FACE: Readonly<Record<TowerTensor, string>> = {
  patch: 'embeddings.patch_embedding.weight',
  patchBias: 'embeddings.patch_embedding.bias',
  class: 'embeddings.class_embedding',
  positions: 'embeddings.position_embedding.weight',
  // The typing error is in transformers' own class.
  preNorm: 'pre_layrnorm.weight',
  preNormBias: 'pre_layrnorm.bias',
  postNorm: 'post_layernorm.weight',
  postNormBias: 'post_layernorm.bias',
};

const HUGGING_FACE_LAYER: Readonly<Record<TowerLayerTensor, string>> = {
  norm1: 'layer_norm1',
  q: 'self_attn.q_proj',
  k: 'self_attn.k_proj',
  v: 'self_attn.v_proj',
  o: 'self_attn.out_proj',
  norm2: 'layer_norm2',
  fc1: 'mlp.fc1',
  fc2: 'mlp.fc2',
};

/** The names of transformers, for CLIP and SigLIP alike. `prefix` ends with a dot. */
export const huggingFaceTower = (prefix: string): TowerNames => ({
  tensor: (name) => prefix + HUGGING_FACE[name],
  layer: (index, name, part) => `${prefix}encoder.layers.${index}.${HUGGING_FACE_LAYER[name]}.${part}`,
});

const GGUF: Readonly<Record<TowerTensor, string>> = {
  patch: 'v.patch_embd.weight',
  patchBias: 'v.patch_embd.bias',
  class: 'v.class_embd',
  positions: 'v.position_embd.weight',
  preNorm: 'v.pre_ln.weight',
  preNormBias: 'v.pre_ln.bias',
  postNorm: 'v.post_ln.weight',
  postNormBias: 'v.post_ln.bias',
};

/** `ffn_down` widens in files that were made before the two changed places (llama.cpp, pull request 13209). */
const GGUF_LAYER = (widensDown: boolean): Readonly<Record<TowerLayerTensor, string>> => ({
  norm1: 'ln1',
  q: 'attn_q',
  k: 'attn_k',
  v: 'attn_v',
  o: 'attn_out',
  norm2: 'ln2',
  fc1: widensDown ? 'ffn_down' : 'ffn_up',
  fc2: widensDown ? 'ffn_up' : 'ffn_down',
});

/** The names of llama.cpp's mmproj files (tools/mtmd/clip-impl.h). */
export const ggufTower = (widensDown: boolean, fused = false): TowerNames => ({
  fused,
  tensor: (name) => GGUF[name],
  layer: (index, name, part) =>
    `v.blk.${index}.${fused && isOfAttention(name) ? 'attn_qkv' : GGUF_LAYER(widensDown)[name]}.${part}`,
});

/** The parts of a fused matrix. */
export const QUERIES_KEYS_VALUES: readonly TowerLayerTensor[] = ['q', 'k', 'v'];
export const isOfAttention = (name: TowerLayerTensor): boolean => QUERIES_KEYS_VALUES.includes(name);
