import type { LayerTensor } from './tensor-names.js';

/** The names of the tensors in one kind of checkpoint. */
export interface CheckpointNames {
  embedding: string;
  /** Null where positions are not learned. */
  positions: string | null;
  finalNorm: string;
  finalNormBias: string | null;
  head: string;
  layer(index: number, tensor: LayerTensor): string;
}

const HUGGING_FACE_LAYER: Readonly<Record<LayerTensor, string>> = {
  attentionNorm: 'input_layernorm.weight',
  attentionNormBias: 'input_layernorm.bias',
  q: 'self_attn.q_proj.weight',
  k: 'self_attn.k_proj.weight',
  v: 'self_attn.v_proj.weight',
  qBias: 'self_attn.q_proj.bias',
  kBias: 'self_attn.k_proj.bias',
  vBias: 'self_attn.v_proj.bias',
  qNorm: 'self_attn.q_norm.weight',
  kNorm: 'self_attn.k_norm.weight',
  sinks: 'self_attn.sinks',
  mixerInput: 'linear_attn.in_proj_qkv.weight',
  mixerGate: 'linear_attn.in_proj_z.weight',
  mixerStep: 'linear_attn.in_proj_a.weight',
  mixerShare: 'linear_attn.in_proj_b.weight',
  mixerKernel: 'linear_attn.conv1d.weight',
  mixerKernelBias: 'linear_attn.conv1d.bias',
  mixerStepBias: 'linear_attn.dt_bias',
  mixerDecay: 'linear_attn.A_log',
  mixerSkip: 'linear_attn.D',
  mixerNorm: 'linear_attn.norm.weight',
  o: 'self_attn.o_proj.weight',
  oBias: 'self_attn.o_proj.bias',
  postAttentionNorm: 'post_attention_layernorm.weight',
  ffnNorm: 'post_attention_layernorm.weight',
  ffnNormBias: 'post_attention_layernorm.bias',
  postFfnNorm: 'post_feedforward_layernorm.weight',
  gateBias: 'mlp.gate_proj.bias',
  upBias: 'mlp.up_proj.bias',
  downBias: 'mlp.down_proj.bias',
  router: 'mlp.gate.weight',
  routerBias: 'mlp.gate.bias',
  sharedRouter: 'mlp.shared_expert_gate.weight',
  sharedGate: 'mlp.shared_expert.gate_proj.weight',
  sharedUp: 'mlp.shared_expert.up_proj.weight',
  sharedDown: 'mlp.shared_expert.down_proj.weight',
  gate: 'mlp.gate_proj.weight',
  up: 'mlp.up_proj.weight',
  down: 'mlp.down_proj.weight',
};

/** The names of transformers. `renamed` holds those that differ in one class. */
export const huggingFaceNames = (renamed: Partial<Record<LayerTensor, string>> = {}): CheckpointNames => ({
  embedding: 'model.embed_tokens.weight',
  positions: null,
  finalNorm: 'model.norm.weight',
  finalNormBias: null,
  head: 'lm_head.weight',
  layer: (index, tensor) => `model.layers.${index}.${renamed[tensor] ?? HUGGING_FACE_LAYER[tensor]}`,
});

const GGUF_LAYER: Readonly<Record<LayerTensor, string>> = {
  attentionNorm: 'attn_norm.weight',
  attentionNormBias: 'attn_norm.bias',
  q: 'attn_q.weight',
  k: 'attn_k.weight',
  v: 'attn_v.weight',
  qBias: 'attn_q.bias',
  kBias: 'attn_k.bias',
  vBias: 'attn_v.bias',
  qNorm: 'attn_q_norm.weight',
  kNorm: 'attn_k_norm.weight',
  sinks: 'attn_sinks.weight',
  mixerInput: 'attn_qkv.weight',
  mixerGate: 'attn_gate.weight',
  mixerStep: 'ssm_alpha.weight',
  mixerShare: 'ssm_beta.weight',
  mixerKernel: 'ssm_conv1d.weight',
  mixerKernelBias: 'ssm_conv1d.bias',
  mixerStepBias: 'ssm_dt.bias',
  mixerDecay: 'ssm_a',
  mixerSkip: 'ssm_d',
  mixerNorm: 'ssm_norm.weight',
  o: 'attn_output.weight',
  oBias: 'attn_output.bias',
  postAttentionNorm: 'post_attention_norm.weight',
  ffnNorm: 'ffn_norm.weight',
  ffnNormBias: 'ffn_norm.bias',
  postFfnNorm: 'post_ffw_norm.weight',
  gateBias: 'ffn_gate.bias',
  upBias: 'ffn_up.bias',
  downBias: 'ffn_down.bias',
  router: 'ffn_gate_inp.weight',
  routerBias: 'ffn_gate_inp.bias',
  sharedRouter: 'ffn_gate_inp_shexp.weight',
  sharedGate: 'ffn_gate_shexp.weight',
  sharedUp: 'ffn_up_shexp.weight',
  sharedDown: 'ffn_down_shexp.weight',
  gate: 'ffn_gate.weight',
  up: 'ffn_up.weight',
  down: 'ffn_down.weight',
};

const STACKED = /^ffn_(gate|up|down)\./;

/**
 * The names of llama.cpp (gguf-py, constants.py). `renamed` holds those that differ in one architecture. The experts of
 * a layer are a stack in one tensor.
 */
export const ggufNames = (
  stackedExperts: boolean,
  renamed: Partial<Record<LayerTensor, string>> = {},
): CheckpointNames => ({
  embedding: 'token_embd.weight',
  positions: null,
  finalNorm: 'output_norm.weight',
  finalNormBias: 'output_norm.bias',
  head: 'output.weight',
  layer: (index, tensor) => {
    const name = renamed[tensor] ?? GGUF_LAYER[tensor];
    return `blk.${index}.${stackedExperts ? name.replace(STACKED, 'ffn_$1_exps.') : name}`;
  },
});
