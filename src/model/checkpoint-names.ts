import type { CompressionTensor, LayerTensor, StreamsTensor } from './tensor-names.js';

/** The names of the tensors in one kind of checkpoint. */
export interface CheckpointNames {
  embedding: string;
  /** Null where positions are not learned. */
  positions: string | null;
  /** Missing where layers have no inputs of their own. */
  perLayer?: Record<'embedding' | 'projection' | 'norm', string>;
  /** Missing where no checkpoint of this kind has several residual streams. */
  streams?: Partial<Record<'norm' | 'down' | 'up' | 'mix' | 'base' | 'scale' | 'ngrams', string>>;
  finalNorm: string;
  finalNormBias: string | null;
  head: string;
  layer(index: number, tensor: LayerTensor): string;
}

const HUGGING_FACE_LAYER: Readonly<Record<Exclude<LayerTensor, StreamsTensor | CompressionTensor>, string>> = {
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
  latentQueryInput: 'self_attn.q_a_proj.weight',
  latentQueryNorm: 'self_attn.q_a_layernorm.weight',
  latentInput: 'self_attn.kv_a_proj_with_mqa.weight',
  latentNorm: 'self_attn.kv_a_layernorm.weight',
  latentKeys: 'self_attn.kv_b_proj.weight',
  latentValues: 'self_attn.kv_b_proj.weight',
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
  selectionBias: 'mlp.gate.e_score_correction_bias',
  routerNorm: 'router.scale',
  expertScales: 'router.per_expert_scale',
  expertsNorm: 'pre_feedforward_layernorm_2.weight',
  expertsInput: 'mixer.fc1_latent_proj.weight',
  expertsOutput: 'mixer.fc2_latent_proj.weight',
  postSharedNorm: 'post_feedforward_layernorm_1.weight',
  postExpertsNorm: 'post_feedforward_layernorm_2.weight',
  perLayerGate: 'per_layer_input_gate.weight',
  perLayerOutput: 'per_layer_projection.weight',
  postPerLayerNorm: 'post_per_layer_input_norm.weight',
  layerScale: 'layer_scalar',
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
  perLayer: {
    embedding: 'model.embed_tokens_per_layer.weight',
    projection: 'model.per_layer_model_projection.weight',
    norm: 'model.per_layer_projection_norm.weight',
  },
  finalNorm: 'model.norm.weight',
  finalNormBias: null,
  head: 'lm_head.weight',
  layer: (index, tensor) =>
    `model.layers.${index}.${renamed[tensor] ?? HUGGING_FACE_LAYER[tensor as keyof typeof HUGGING_FACE_LAYER]}`,
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
  latentQueryInput: 'attn_q_a.weight',
  latentQueryNorm: 'attn_q_a_norm.weight',
  latentInput: 'attn_kv_a_mqa.weight',
  latentNorm: 'attn_kv_a_norm.weight',
  latentKeys: 'attn_k_b.weight',
  latentValues: 'attn_v_b.weight',
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
  mixStreamsNorm: 'hc_attn_norm.weight',
  mixStreamsDown: 'hc_attn_down.weight',
  mixStreamsUp: 'hc_attn_up.weight',
  mixStreamsShares: 'hc_attn_inject.weight',
  ffnStreamsNorm: 'hc_ffn_norm.weight',
  ffnStreamsDown: 'hc_ffn_down.weight',
  ffnStreamsUp: 'hc_ffn_up.weight',
  ffnStreamsShares: 'hc_ffn_inject.weight',
  mixStreamsMix: 'hc_attn_fn.weight',
  mixStreamsBase: 'hc_attn_base.weight',
  mixStreamsScale: 'hc_attn_scale.weight',
  ffnStreamsMix: 'hc_ffn_fn.weight',
  ffnStreamsBase: 'hc_ffn_base.weight',
  ffnStreamsScale: 'hc_ffn_scale.weight',
  outputGroups: 'attn_output_a.weight',
  compressKeys: 'attn_compressor_kv.weight',
  compressGates: 'attn_compressor_gate.weight',
  compressPositions: 'attn_compressor_ape.weight',
  compressNorm: 'attn_compressor_norm.weight',
  indexCompressKeys: 'indexer_compressor_kv.weight',
  indexCompressGates: 'indexer_compressor_gate.weight',
  indexCompressPositions: 'indexer_compressor_ape.weight',
  indexCompressNorm: 'indexer_compressor_norm.weight',
  indexWeights: 'indexer.proj.weight',
  expertTable: 'ffn_gate_tid2eid.weight',
  ngramKeys: 'ple_key.weight',
  ngramValues: 'ple_value.weight',
  ngramKeyNorm: 'ple_norm_key.weight',
  ngramQueryNorm: 'ple_norm_query.weight',
  ngramNorm: 'ple_norm_conv.weight',
  ngramKernel: 'ple_conv1d.weight',
  indexQueries: 'indexer.q_proj.weight',
  indexKeys: 'indexer.k_proj.weight',
  indexQueryNorm: 'indexer.q_norm.weight',
  indexKeyNorm: 'indexer.k_norm.weight',
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
  selectionBias: 'exp_probs_b.bias',
  routerNorm: 'ffn_gate_inp.scale',
  expertScales: 'ffn_down_exps.scale',
  expertsNorm: 'pre_ffw_norm_2.weight',
  expertsInput: 'ffn_latent_down.weight',
  expertsOutput: 'ffn_latent_up.weight',
  postSharedNorm: 'post_ffw_norm_1.weight',
  postExpertsNorm: 'post_ffw_norm_2.weight',
  perLayerGate: 'inp_gate.weight',
  perLayerOutput: 'proj.weight',
  postPerLayerNorm: 'post_norm.weight',
  layerScale: 'layer_output_scale.weight',
  sharedRouter: 'ffn_gate_inp_shexp.weight',
  sharedGate: 'ffn_gate_shexp.weight',
  sharedUp: 'ffn_up_shexp.weight',
  sharedDown: 'ffn_down_shexp.weight',
  gate: 'ffn_gate.weight',
  up: 'ffn_up.weight',
  down: 'ffn_down.weight',
};

const OF_EXPERTS: readonly LayerTensor[] = ['gate', 'up', 'down', 'gateBias', 'upBias', 'downBias'];

/**
 * The names of llama.cpp (gguf-py, constants.py). `renamed` holds those that differ in one architecture. From layer
 * `firstMixture` on, the experts of a layer are a stack in one tensor; null without experts.
 */
export const ggufNames = (
  firstMixture: number | null,
  renamed: Partial<Record<LayerTensor, string>> = {},
): CheckpointNames => ({
  embedding: 'token_embd.weight',
  positions: null,
  perLayer: {
    embedding: 'per_layer_token_embd.weight',
    projection: 'per_layer_model_proj.weight',
    norm: 'per_layer_proj_norm.weight',
  },
  streams: {
    norm: 'output_hc_norm.weight',
    down: 'output_hc_down.weight',
    up: 'output_hc_up.weight',
    mix: 'output_hc_fn.weight',
    base: 'output_hc_base.weight',
    scale: 'output_hc_scale.weight',
    ngrams: 'per_layer_token_embd.weight',
  },
  finalNorm: 'output_norm.weight',
  finalNormBias: 'output_norm.bias',
  head: 'output.weight',
  layer: (index, tensor) => {
    const name = renamed[tensor] ?? GGUF_LAYER[tensor];
    const stacked = firstMixture !== null && index >= firstMixture && OF_EXPERTS.includes(tensor);
    return `blk.${index}.${stacked ? name.replace(/^(ffn_\w+)\./, '$1_exps.') : name}`;
  },
});
