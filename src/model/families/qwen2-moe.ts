import { decoder } from '../decoder.js';
import { namedApart } from '../expert-sources.js';

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
    source: () => namedApart,
  },
});
