import { decoder } from '../decoder.js';
import { stackedExperts } from '../expert-sources.js';
import type { Fields } from '../fields.js';
import { foldBlocks } from '../folded-blocks.js';
import { ggufMamba2, layersWithoutKeys } from '../recurrent-family.js';
import type { ModelSpec } from '../spec.js';

/** Attention has no positions, though the file says how many dimensions rotate. Experts have no gate. */
function nemotronTraits(metadata: Fields, key: (suffix: string) => string, spec: ModelSpec): Partial<ModelSpec> {
  if (metadata.raw(key('moe_latent_size')) !== undefined)
    throw metadata.unsupported(key('moe_latent_size'), 'is set: experts in a smaller space are not supported');
  return { gated: false, rotary: { ...spec.rotary!, dimension: 0, frequencyFactors: null, magnitude: 1 } };
}

/** Nemotron 3 Nano: Mamba-2, attention, and experts with squared ReLU, each a block of its own (arXiv 2504.03624). */
export const nemotronH = decoder({
  architecture: 'nemotron-h-moe',
  huggingFaceClasses: [],
  ggufName: 'nemotron_h_moe',
  ggufRotary: 'halves',
  ggufRenamed: { ffnNorm: 'attn_norm.weight', mixerInput: 'ssm_in.weight' },
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  activation: 'relu-squared',
  ggufTraits: nemotronTraits,
  folded: foldBlocks,
  recurrent: {
    fromGguf: (metadata, key, layers) => ({
      mixer: ggufMamba2(metadata, key),
      layers: layersWithoutKeys(metadata, key, layers),
    }),
    gguf: () => ({ names: { o: 'ssm_out.weight' } }),
  },
  experts: {
    numExpertsKey: 'n_routed_experts',
    intermediateSizeKey: 'moe_intermediate_size',
    normalizeWeights: true,
    scoring: 'sigmoid',
    selectionBias: true,
    sharedExpert: true,
    sharedRouter: false,
    source: () => stackedExperts,
  },
});
