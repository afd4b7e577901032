import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';
import { stackedExperts } from '../expert-sources.js';
import type { Fields } from '../fields.js';
import { ggufMamba2, layersWithoutKeys } from '../recurrent-family.js';
import type { ModelSpec } from '../spec.js';

/** Scales everywhere; and positions only where the file says so, under a key that means something else elsewhere. */
function graniteTraits(metadata: Fields, key: (suffix: string) => string, spec: ModelSpec): Partial<ModelSpec> {
  const rotates = metadata.flag(key('rope.scaling.finetuned')) ?? true;
  const scale = (name: string) => metadata.positive(key(name), 1);
  return {
    embeddingScale: scale('embedding_scale'),
    residualScale: scale('residual_scale'),
    logitScale: 1 / scale('logit_scale'),
    queryScale: metadata.positive(key('attention.scale'), 1 / Math.sqrt(spec.headDim)) * Math.sqrt(spec.headDim),
    rotary: rotates ? spec.rotary : { ...spec.rotary!, dimension: 0, frequencyFactors: null, magnitude: 1 },
  };
}

/** Granite 4: every layer has Mamba-2 or attention. */
const GRANITE_HYBRID = {
  ggufName: 'granitehybrid',
  ggufRotary: 'interleaved',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  ggufTraits: graniteTraits,
  recurrent: {
    fromGguf: (metadata, key, blocks) => ({
      mixer: ggufMamba2(metadata, key),
      layers: layersWithoutKeys(metadata, key, blocks),
    }),
    fromHuggingFace(config) {
      throw config.unsupported('architectures', 'is read from GGUF files alone');
    },
    gguf: () => ({ names: { mixerInput: 'ssm_in.weight', o: 'ssm_out.weight' } }),
    huggingFace: () => ({ names: {} }),
  },
} as const satisfies Partial<DecoderFamily>;

export const graniteHybrid = decoder({
  ...GRANITE_HYBRID,
  architecture: 'granite-hybrid',
  huggingFaceClasses: [],
  experts: null,
});

/** The mixtures of Granite 4, with a shared expert. */
export const graniteHybridMoe = decoder({
  ...GRANITE_HYBRID,
  architecture: 'granite-hybrid-moe',
  huggingFaceClasses: [],
  experts: {
    numExpertsKey: 'num_local_experts',
    intermediateSizeKey: 'intermediate_size',
    normalizeWeights: true,
    sharedExpert: true,
    sharedRouter: false,
    source: () => stackedExperts,
  },
});
