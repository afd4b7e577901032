import { decoder } from './decoder.js';

/** gpt-oss (arXiv 2508.10925): biases everywhere, attention sinks, every other layer a sliding window, a SwiGLU that is clamped. From GGUF files. */
export const gptOss = decoder({
  architecture: 'gpt-oss',
  huggingFaceClasses: [],
  ggufName: 'gpt-oss',
  ggufRotary: 'halves',
  ggufRenamed: { ffnNorm: 'post_attention_norm.weight' },
  slidingWindow: { fullEvery: 2, theta: null },
  queryKeyValueBiases: true,
  queryKeyNorm: null,
  biases: true,
  attentionSinks: true,
  activation: 'clamped-swiglu',
  experts: {
    numExpertsKey: 'num_local_experts',
    intermediateSizeKey: 'intermediate_size',
    normalizeWeights: true,
    sharedExpert: false,
    expertNames: (layer, tensor, expert) => `model.layers.${layer}.mlp.experts.${expert}.${tensor}_proj.weight`,
  },
});
