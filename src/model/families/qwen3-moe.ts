import { decoder } from '../decoder.js';
import { namedApart } from '../expert-sources.js';

/** Qwen 3 MoE (arXiv 2505.09388). */
export const qwen3Moe = decoder({
  architecture: 'qwen3-moe',
  huggingFaceClasses: ['Qwen3MoeForCausalLM'],
  ggufName: 'qwen3moe',
  ggufRotary: 'halves',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: 'head',
  experts: {
    numExpertsKey: 'num_experts',
    intermediateSizeKey: 'moe_intermediate_size',
    normalizeWeights: true,
    sharedExpert: false,
    source: () => namedApart,
  },
});
