import type { Architecture } from '../architecture.js';
import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';
import { fusedExperts } from '../expert-sources.js';
import { withTextHalf } from './text-half.js';

const FAMILY = {
  architecture: 'gemma4',
  huggingFaceClasses: ['Gemma4ForCausalLM'],
  ggufName: 'gemma4',
  ggufRotary: 'halves',
  huggingFace: { renamed: { ffnNorm: 'pre_feedforward_layernorm.weight' } },
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: 'head',
  activation: 'gelu-tanh',
  gemma4: true,
  experts: null,
} as const satisfies DecoderFamily;

const dense = decoder(FAMILY);

/** The experts of a layer have an ordinary network beside them, which is as a shared expert. */
const mixture = decoder({
  ...FAMILY,
  ggufRenamed: { sharedGate: 'ffn_gate.weight', sharedUp: 'ffn_up.weight', sharedDown: 'ffn_down.weight' },
  experts: {
    numExpertsKey: 'num_experts',
    intermediateSizeKey: 'moe_intermediate_size',
    normalizeWeights: true,
    sharedExpert: true,
    sharedRouter: false,
    sharedSizeKey: 'intermediate_size',
    traits: { routerInput: 'residual', outputScales: true, branchNorms: true },
    renamed: {
      router: 'router.proj.weight',
      sharedGate: 'mlp.gate_proj.weight',
      sharedUp: 'mlp.up_proj.weight',
      sharedDown: 'mlp.down_proj.weight',
    },
    source: () =>
      fusedExperts((layer, stack) => `model.layers.${layer}.experts.${stack === 'gateUp' ? 'gate_up' : stack}_proj`),
  },
});

const text: Architecture = {
  ...dense,
  fromHuggingFace: (name, config, ...tensors) =>
    (config.flag('enable_moe_block') === true ? mixture : dense).fromHuggingFace(name, config, ...tensors),
  fromGguf: (name, metadata, tensors) =>
    (metadata.raw('gemma4.expert_count') ? mixture : dense).fromGguf(name, metadata, tensors),
};

/** Gemma 4: the dense sizes, E2B and E4B with inputs for each layer, and the mixture of experts. */
export const gemma4 = withTextHalf(text, 'Gemma4ForConditionalGeneration');
