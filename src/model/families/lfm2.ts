import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';
import { layersWithoutKeys, type RecurrentFamily } from '../recurrent-family.js';

/** Gated short convolutions between layers of attention. */
const SHORT_CONVOLUTIONS: RecurrentFamily = {
  fromGguf: (metadata, key, blocks) => ({
    mixer: { kind: 'short-convolution', kernel: metadata.size(key('shortconv.l_cache')) },
    layers: layersWithoutKeys(metadata, key, blocks),
  }),
  fromHuggingFace(config, numLayers) {
    const types = config.raw('layer_types');
    const known = ['conv', 'full_attention'];
    if (!Array.isArray(types) || types.length !== numLayers || !types.every((type) => known.includes(type)))
      throw config.corrupt('layer_types', `should say conv or full_attention for each of the ${numLayers} layers`);
    return {
      mixer: { kind: 'short-convolution', kernel: config.size('conv_L_cache') },
      layers: types.map((type) => type === 'conv'),
    };
  },
  gguf: () => ({
    names: {
      mixerInput: 'shortconv.in_proj.weight',
      mixerKernel: 'shortconv.conv.weight',
      o: 'shortconv.out_proj.weight',
    },
  }),
  huggingFace: () => ({
    names: { mixerInput: 'conv.in_proj.weight', mixerKernel: 'conv.conv.weight', o: 'conv.out_proj.weight' },
  }),
};

export const LFM2 = {
  ggufRotary: 'halves',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: 'head',
  recurrent: SHORT_CONVOLUTIONS,
  finalNorm: { gguf: 'token_embd_norm.weight', huggingFace: 'model.embedding_norm.weight' },
  huggingFaceRenamed: {
    attentionNorm: 'operator_norm.weight',
    ffnNorm: 'ffn_norm.weight',
    qNorm: 'self_attn.q_layernorm.weight',
    kNorm: 'self_attn.k_layernorm.weight',
    o: 'self_attn.out_proj.weight',
    gate: 'feed_forward.w1.weight',
    up: 'feed_forward.w3.weight',
    down: 'feed_forward.w2.weight',
  },
} as const satisfies Partial<DecoderFamily>;

/** LFM2 (arXiv 2511.23404): most layers have a gated short convolution in place of attention. */
export const lfm2 = decoder({
  ...LFM2,
  architecture: 'lfm2',
  huggingFaceClasses: [],
  ggufName: 'lfm2',
  experts: null,
});
