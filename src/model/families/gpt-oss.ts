import { decoder } from '../decoder.js';
import { gptOssExperts } from './gpt-oss-experts.js';

/** gpt-oss (arXiv 2508.10925): biases everywhere, attention sinks, a window in every other layer, a clamped SwiGLU. */
export const gptOss = decoder({
  architecture: 'gpt-oss',
  huggingFaceClasses: ['GptOssForCausalLM'],
  ggufName: 'gpt-oss',
  ggufRotary: 'halves',
  ggufRenamed: { ffnNorm: 'post_attention_norm.weight' },
  slidingWindow: { fullEvery: 2, theta: null },
  queryKeyValueBiases: true,
  queryKeyNorm: null,
  biases: true,
  attentionSinks: true,
  activation: 'clamped-swiglu',
  quantMethod: 'mxfp4',
  experts: {
    numExpertsKey: 'num_local_experts',
    intermediateSizeKey: 'intermediate_size',
    normalizeWeights: true,
    sharedExpert: false,
    renamed: { router: 'mlp.router.weight', routerBias: 'mlp.router.bias' },
    source: gptOssExperts,
  },
});
