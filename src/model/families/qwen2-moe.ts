import { decoder } from '../decoder.js';
import { expertsApart } from '../expert-sources.js';

/** Qwen 1.5 and 2 MoE (arXiv 2407.10671): many small experts, and a shared one that every token uses. */
export const qwen2Moe = decoder({
  architecture: 'qwen2-moe',
  huggingFaceClasses: ['Qwen2MoeForCausalLM'],
  ggufName: 'qwen2moe',
  ggufRotary: 'halves',
  slidingWindow: 'if asked',
  queryKeyValueBiases: true,
  queryKeyNorm: null,
  experts: {
    numExpertsKey: 'num_experts',
    intermediateSizeKey: 'moe_intermediate_size',
    normalizeWeights: false,
    sharedExpert: true,
    source: () =>
      expertsApart((layer, tensor, expert) => `model.layers.${layer}.mlp.experts.${expert}.${tensor}_proj.weight`),
  },
});
