import { decoder } from '../decoder.js';
import { stackedExperts } from '../expert-sources.js';
import type { Fields } from '../fields.js';
import type { ModelSpec } from '../spec.js';

/** Files of GLM-4.7-Flash without a gating function have sigmoid routing. Their number of layers tells them apart. */
const GLM_FLASH_LAYERS: readonly unknown[] = [47, 48];

/**
 * YaRN here leaves the rotated parts as long as they were. Queries grow instead, rotated or not, and by a logarithm of
 * their own (llama.cpp, deepseek2).
 */
function latentTraits(metadata: Fields, key: (suffix: string) => string, spec: ModelSpec): Partial<ModelSpec> {
  if (spec.queryTemperature)
    throw metadata.unsupported(key('attention.temperature_scale'), 'is set; latent attention is not supported with it');
  const { keyDim, rotaryDim } = spec.latentAttention!;
  const factor = metadata.text(key('rope.scaling.type')) === 'yarn' ? metadata.positive(key('rope.scaling.factor')) : 1;
  const multiplier = metadata.raw(key('rope.scaling.yarn_log_multiplier'));
  const slope =
    multiplier === undefined || multiplier === 0 ? 0 : metadata.positive(key('rope.scaling.yarn_log_multiplier'));
  const growth = metadata.positive(key('rope.scaling.attn_factor'), 1) * (1 + slope * Math.log(factor));
  const routing = spec.experts && metadata.raw(key('expert_gating_func')) === undefined;
  const sigmoid = routing && GLM_FLASH_LAYERS.includes(metadata.raw(key('block_count')));
  return {
    rotary: { ...spec.rotary!, magnitude: 1 },
    queryScale: growth ** 2 * Math.sqrt(spec.headDim / (keyDim + rotaryDim)),
    experts: sigmoid ? { ...spec.experts!, scoring: 'sigmoid' } : spec.experts,
  };
}

/** DeepSeek V2 and V3 (arXiv 2405.04434, 2412.19437), Kimi K2, GLM-4.7-Flash: latent attention, many small experts. */
export const deepseek2 = decoder({
  architecture: 'deepseek2',
  huggingFaceClasses: [],
  ggufName: 'deepseek2',
  ggufRotary: 'interleaved',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  latentAttention: true,
  ggufTraits: latentTraits,
  experts: {
    numExpertsKey: 'n_routed_experts',
    intermediateSizeKey: 'moe_intermediate_size',
    normalizeWeights: false,
    selectionBias: true,
    sharedExpert: true,
    sharedRouter: false,
    sharedCountKey: 'n_shared_experts',
    source: () => stackedExperts,
  },
});
