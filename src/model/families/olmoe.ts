import { decoder } from '../decoder.js';
import { namedApart } from '../expert-sources.js';

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
    source: () => namedApart,
  },
});
