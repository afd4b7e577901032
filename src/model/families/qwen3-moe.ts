import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';
import { namedApart } from '../expert-sources.js';

/** Qwen 3 MoE (arXiv 2505.09388). */
export const QWEN3_MOE = {
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
} as const satisfies DecoderFamily;

export const qwen3Moe = decoder(QWEN3_MOE);
