import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';
import { stackedExperts } from '../expert-sources.js';
import { layersWithoutKeys, type RecurrentFamily } from '../recurrent-family.js';

/** Gated short convolutions between layers of attention. */
const SHORT_CONVOLUTIONS: RecurrentFamily = {
  fromGguf: (metadata, key, blocks) => ({
    mixer: { kind: 'short-convolution', kernel: metadata.size(key('shortconv.l_cache')) },
    layers: layersWithoutKeys(metadata, key, blocks),
  }),
  gguf: () => ({
    names: {
      mixerInput: 'shortconv.in_proj.weight',
      mixerKernel: 'shortconv.conv.weight',
      o: 'shortconv.out_proj.weight',
    },
  }),
};

const LFM2 = {
  ggufRotary: 'halves',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: 'head',
  recurrent: SHORT_CONVOLUTIONS,
  ggufFinalNorm: 'token_embd_norm.weight',
} as const satisfies Partial<DecoderFamily>;

/** LFM2 (arXiv 2511.23404): most layers have a gated short convolution in place of attention. */
export const lfm2 = decoder({
  ...LFM2,
  architecture: 'lfm2',
  huggingFaceClasses: [],
  ggufName: 'lfm2',
  experts: null,
});

/** The mixtures of LFM2: sigmoid routing with a bias for the choice, after a few layers without experts. */
export const lfm2Moe = decoder({
  ...LFM2,
  architecture: 'lfm2-moe',
  huggingFaceClasses: [],
  ggufName: 'lfm2moe',
  experts: {
    numExpertsKey: 'num_experts',
    intermediateSizeKey: 'moe_intermediate_size',
    normalizeWeights: true,
    scoring: 'sigmoid',
    selectionBias: true,
    sharedExpert: false,
    source: () => stackedExperts,
  },
});
