import { decoder } from '../decoder.js';
import { namedApart } from '../expert-sources.js';

/**
 * GLM 4.5 to 4.7 (arXiv 2508.06471): half of each head rotates, sigmoid routing with a bias for the choice, a shared
 * expert. Only the larger model has norms of queries and keys.
 */
export const glm4Moe = decoder({
  architecture: 'glm4-moe',
  huggingFaceClasses: ['Glm4MoeForCausalLM'],
  ggufName: 'glm4moe',
  ggufRotary: 'halves',
  ggufRenamed: { ffnNorm: 'post_attention_norm.weight' },
  slidingWindow: 'if asked',
  queryKeyValueBiases: true,
  queryKeyNorm: 'head',
  optionalQueryKeyNorm: true,
  experts: {
    numExpertsKey: 'n_routed_experts',
    intermediateSizeKey: 'moe_intermediate_size',
    normalizeWeights: true,
    scoring: 'sigmoid',
    selectionBias: true,
    sharedExpert: true,
    sharedRouter: false,
    sharedCountKey: 'n_shared_experts',
    renamed: {
      sharedGate: 'mlp.shared_experts.gate_proj.weight',
      sharedUp: 'mlp.shared_experts.up_proj.weight',
      sharedDown: 'mlp.shared_experts.down_proj.weight',
    },
    source: () => namedApart,
  },
});
