import { shown } from '../../errors.js';
import type { Architecture } from '../architecture.js';
import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';
import { fusedOrApart } from '../expert-sources.js';
import type { Fields } from '../fields.js';
import { latentQueryScale } from '../latent-family.js';
import type { ModelSpec } from '../spec.js';
import { yarnGrowth } from '../yarn.js';
import { DEEPSEEK_EXPERTS } from './deepseek-experts.js';

/** Files of GLM-4.7-Flash without a gating function have sigmoid routing. Their number of layers tells them apart. */
const GLM_FLASH_LAYERS: readonly unknown[] = [47, 48];

/**
 * YaRN here leaves the rotated parts as long as they were. Queries grow instead, rotated or not, and by a logarithm of
 * their own (llama.cpp, deepseek2).
 */
function ggufTraits(metadata: Fields, key: (suffix: string) => string, spec: ModelSpec): Partial<ModelSpec> {
  const factor = metadata.text(key('rope.scaling.type')) === 'yarn' ? metadata.positive(key('rope.scaling.factor')) : 1;
  const multiplier = metadata.raw(key('rope.scaling.yarn_log_multiplier'));
  const slope =
    multiplier === undefined || multiplier === 0 ? 0 : metadata.positive(key('rope.scaling.yarn_log_multiplier'));
  const growth = metadata.positive(key('rope.scaling.attn_factor'), 1) * (1 + slope * Math.log(factor));
  const routing = spec.experts && metadata.raw(key('expert_gating_func')) === undefined;
  const sigmoid = routing && GLM_FLASH_LAYERS.includes(metadata.raw(key('block_count')));
  return {
    rotary: { ...spec.rotary!, magnitude: 1 },
    queryScale: latentQueryScale(spec.headDim, spec.latentAttention!, growth),
    experts: sigmoid ? { ...spec.experts!, scoring: 'sigmoid' } : spec.experts,
  };
}

/** Here YaRN lets rotated parts grow, by the ratio of two scales, and all of the queries by the second one. */
function huggingFaceTraits(config: Fields, spec: ModelSpec): Partial<ModelSpec> {
  const scaling = config.object('rope_parameters') ?? config.object('rope_scaling');
  const yarn = (scaling?.raw('rope_type') ?? scaling?.raw('type')) === 'yarn' ? scaling : null;
  const growth =
    yarn?.raw('mscale_all_dim') === undefined
      ? 1
      : yarnGrowth(yarn.positive('factor'), yarn.positive('mscale_all_dim'));
  return { queryScale: latentQueryScale(spec.headDim, spec.latentAttention!, growth) };
}

const FAMILY = {
  architecture: 'deepseek2',
  ggufName: 'deepseek2',
  ggufRotary: 'interleaved',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  latentAttention: true,
  ggufTraits,
} as const satisfies Partial<DecoderFamily>;

/** How the second generation chooses groups of experts: by their best expert, or not at all. */
function v2Traits(config: Fields, spec: ModelSpec): Partial<ModelSpec> {
  const method = config.text('topk_method') ?? 'greedy';
  if (method !== 'greedy' && method !== 'group_limited_greedy')
    throw config.unsupported('topk_method', `is ${shown(method)}; supported: greedy, group_limited_greedy`);
  const { groups } = spec.experts!;
  const byBest = groups && method === 'group_limited_greedy' ? { ...groups, ranking: 'best' as const } : null;
  return { ...huggingFaceTraits(config, spec), experts: { ...spec.experts!, groups: byBest } };
}

const v2 = decoder({
  ...FAMILY,
  huggingFaceClasses: ['DeepseekV2ForCausalLM'],
  huggingFace: {
    rotary: 'interleaved',
    // With it the model's own code leaves out the factor for weights, and transformers the norm.
    only: { scoring_func: 'softmax', norm_topk_prob: false, rope_interleave: true },
    traits: v2Traits,
  },
  experts: DEEPSEEK_EXPERTS,
});

const v3 = decoder({
  ...FAMILY,
  huggingFaceClasses: ['DeepseekV3ForCausalLM'],
  huggingFace: {
    rotary: 'interleaved',
    only: { scoring_func: 'sigmoid', topk_method: 'noaux_tc', rope_interleave: true },
    traits: huggingFaceTraits,
  },
  experts: { ...DEEPSEEK_EXPERTS, normalizeWeights: true, scoring: 'sigmoid' },
});

/** The layers with experts, which `mlp_layer_types` tells. Throws UNSUPPORTED where they do not follow the others. */
function glmTraits(config: Fields, spec: ModelSpec): Partial<ModelSpec> {
  const traits = huggingFaceTraits(config, spec);
  if (config.raw('mlp_layer_types') === undefined) return traits;
  const types = config.perLayer('mlp_layer_types', spec.numLayers);
  const leadingDenseLayers = types.lastIndexOf('dense') + 1;
  const sorted = types.every((type, layer) => type === (layer < leadingDenseLayers ? 'dense' : 'sparse'));
  if (!sorted || leadingDenseLayers === types.length)
    throw config.unsupported('mlp_layer_types', `is ${shown(types)}; only "dense" before "sparse" is supported`);
  return { ...traits, experts: { ...spec.experts!, leadingDenseLayers } };
}

const glmFlash = decoder({
  ...FAMILY,
  huggingFaceClasses: ['Glm4MoeLiteForCausalLM'],
  huggingFace: {
    rotary: 'interleaved',
    defaults: { first_k_dense_replace: 1 },
    only: { scoring_func: 'sigmoid', topk_method: 'noaux_tc', rope_interleave: true },
    traits: glmTraits,
  },
  experts: { ...DEEPSEEK_EXPERTS, normalizeWeights: true, scoring: 'sigmoid' },
});

/** Mistral 4: its queries grow with their position beyond the context of the first training, where a file says so. */
export const mistral4 = decoder({
  ...FAMILY,
  architecture: 'mistral4',
  ggufName: 'mistral4',
  huggingFaceClasses: ['Mistral4ForCausalLM'],
  huggingFace: { rotary: 'interleaved', only: { rope_interleave: true }, traits: huggingFaceTraits },
  experts: {
    ...DEEPSEEK_EXPERTS,
    normalizeWeights: true,
    source: fusedOrApart,
  },
});

const GENERATIONS: readonly Architecture[] = [v2, v3, glmFlash];

/**
 * DeepSeek V2 and V3 (arXiv 2405.04434, 2412.19437), Kimi K2, GLM-4.7-Flash: latent attention, many small experts.
 */
export const deepseek2: Architecture = {
  ...v3,
  huggingFaceClasses: GENERATIONS.flatMap(({ huggingFaceClasses }) => huggingFaceClasses),
  fromHuggingFace(name, config, ...tensors) {
    const [wanted] = [config.raw('architectures')].flat();
    const found = GENERATIONS.find(({ huggingFaceClasses }) => huggingFaceClasses.includes(wanted as string));
    return (found ?? v3).fromHuggingFace(name, config, ...tensors);
  },
  // The routing of GGUF files goes by their own keys, and is the second generation's where they say nothing.
  fromGguf: (name, metadata, tensors) => v2.fromGguf(name, metadata, tensors),
};
