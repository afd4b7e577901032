import { decoder } from '../decoder.js';
import { expertsApart } from '../expert-sources.js';

/** OLMoE (arXiv 2409.02060): 64 experts, and one norm over all queries, one over all keys. */
export const olmoe = decoder({
  architecture: 'olmoe',
  huggingFaceClasses: ['OlmoeForCausalLM'],
  ggufName: 'olmoe',
  ggufRotary: 'halves',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: 'all',
  experts: {
    numExpertsKey: 'num_experts',
    intermediateSizeKey: 'intermediate_size',
    normalizeWeights: false,
    sharedExpert: false,
    source: () =>
      expertsApart((layer, tensor, expert) => `model.layers.${layer}.mlp.experts.${expert}.${tensor}_proj.weight`),
  },
});
