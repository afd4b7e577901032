import { decoder } from '../decoder.js';
import { namedApart } from '../expert-sources.js';

const FUSED = 'attention.query_key_value.weight';

/** Ling 2.0 and Ring 2.0 (arXiv 2510.22115): sigmoid routing within groups of experts, one matrix before attention. */
export const bailingMoe2 = decoder({
  architecture: 'bailing-moe2',
  huggingFaceClasses: ['BailingMoeV2ForCausalLM'],
  huggingFace: { embedding: 'model.word_embeddings.weight' },
  ggufName: 'bailingmoe2',
  ggufRotary: 'halves',
  ggufRenamed: { q: 'attn_qkv.weight', k: 'attn_qkv.weight', v: 'attn_qkv.weight' },
  fused: 'attention',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: 'head',
  optionalQueryKeyNorm: true,
  experts: {
    numExpertsKey: 'num_experts',
    intermediateSizeKey: 'moe_intermediate_size',
    normalizeWeights: true,
    scoring: 'sigmoid',
    selectionBias: true,
    sharedExpert: true,
    sharedRouter: false,
    sharedCountKey: 'num_shared_experts',
    renamed: {
      q: FUSED,
      k: FUSED,
      v: FUSED,
      qNorm: 'attention.query_layernorm.weight',
      kNorm: 'attention.key_layernorm.weight',
      o: 'attention.dense.weight',
      selectionBias: 'mlp.gate.expert_bias',
      sharedGate: 'mlp.shared_experts.gate_proj.weight',
      sharedUp: 'mlp.shared_experts.up_proj.weight',
      sharedDown: 'mlp.shared_experts.down_proj.weight',
    },
    source: () => namedApart,
  },
});
