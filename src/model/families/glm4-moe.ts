import { decoder } from '../decoder.js';
import { DEEPSEEK_EXPERTS } from './deepseek-experts.js';

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
  experts: { ...DEEPSEEK_EXPERTS, normalizeWeights: true, scoring: 'sigmoid' },
});
