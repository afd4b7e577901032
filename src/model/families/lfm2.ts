import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';
import { expertsApart } from '../expert-sources.js';
import type { Fields } from '../fields.js';
import type { HuggingFaceFamily } from '../hugging-face-family.js';
import { kernelSize, layersWithoutKeys, type RecurrentFamily, recurrentLayers } from '../recurrent-family.js';
import type { ModelSpec } from '../spec.js';

/** Gated short convolutions between layers of attention. */
const SHORT_CONVOLUTIONS: RecurrentFamily = {
  fromGguf: (metadata, key, blocks) => ({
    mixer: { kind: 'short-convolution', kernel: kernelSize(metadata, key('shortconv.l_cache')) },
    layers: layersWithoutKeys(metadata, key, blocks),
  }),
  gguf: () => ({
    names: {
      mixerInput: 'shortconv.in_proj.weight',
      mixerKernel: 'shortconv.conv.weight',
      o: 'shortconv.out_proj.weight',
    },
  }),
  fromHuggingFace: (config, numLayers) => {
    const listed = config.raw('full_attn_idxs');
    const attending = Array.isArray(listed) ? listed : null;
    return {
      mixer: { kind: 'short-convolution', kernel: kernelSize(config, 'conv_L_cache', 3) },
      layers: recurrentLayers(config, numLayers, (layer) => attending !== null && !attending.includes(layer)),
    };
  },
  huggingFace: () => ({
    names: {
      mixerInput: 'conv.in_proj.weight',
      mixerKernel: 'conv.conv.weight',
      o: 'conv.out_proj.weight',
    },
  }),
};

const HUGGING_FACE = {
  fields: { rms_norm_eps: 'norm_eps', tie_word_embeddings: 'tie_embedding', intermediate_size: 'block_ff_dim' },
  defaults: { rms_norm_eps: 1e-5, tie_word_embeddings: true, rope_theta: 1e6 },
  only: { conv_bias: false },
  finalNorm: 'model.embedding_norm.weight',
  renamed: {
    attentionNorm: 'operator_norm.weight',
    ffnNorm: 'ffn_norm.weight',
    qNorm: 'self_attn.q_layernorm.weight',
    kNorm: 'self_attn.k_layernorm.weight',
    o: 'self_attn.out_proj.weight',
    gate: 'feed_forward.w1.weight',
    up: 'feed_forward.w3.weight',
    down: 'feed_forward.w2.weight',
  },
} as const satisfies HuggingFaceFamily;

const LFM2 = {
  ggufRotary: 'halves',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: 'head',
  recurrent: SHORT_CONVOLUTIONS,
  ggufFinalNorm: 'token_embd_norm.weight',
} as const satisfies Partial<DecoderFamily>;

/** The neurons of a network, of which config.json states another number (transformers, modeling_lfm2.py). */
function adjustedNeurons(config: Fields, { intermediateSize }: ModelSpec): Partial<ModelSpec> {
  if (config.flag('block_auto_adjust_ff_dim') === false) return {};
  const multiple = config.size('block_multiple_of', 256);
  const wanted = Math.floor(Math.floor((2 * intermediateSize) / 3) * config.positive('block_ffn_dim_multiplier', 1));
  return { intermediateSize: multiple * Math.ceil(wanted / multiple) };
}

/** LFM2 (arXiv 2511.23404): most layers have a gated short convolution in place of attention. */
export const lfm2 = decoder({
  ...LFM2,
  architecture: 'lfm2',
  huggingFaceClasses: ['Lfm2ForCausalLM'],
  huggingFace: { ...HUGGING_FACE, traits: adjustedNeurons },
  ggufName: 'lfm2',
  experts: null,
});

/** The mixtures of LFM2: sigmoid routing with a bias for the choice, after a few layers without experts. */
export const lfm2Moe = decoder({
  ...LFM2,
  architecture: 'lfm2-moe',
  huggingFaceClasses: ['Lfm2MoeForCausalLM'],
  huggingFace: HUGGING_FACE,
  ggufName: 'lfm2moe',
  experts: {
    numExpertsKey: 'num_experts',
    intermediateSizeKey: 'moe_intermediate_size',
    leadingKey: 'num_dense_layers',
    normalizeWeights: true,
    scoring: 'sigmoid',
    selectionBias: true,
    sharedExpert: false,
    renamed: { router: 'feed_forward.gate.weight', selectionBias: 'feed_forward.expert_bias' },
    source: () =>
      expertsApart(
        (layer, tensor, expert) =>
          `model.layers.${layer}.feed_forward.experts.${expert}.${{ gate: 'w1', up: 'w3', down: 'w2' }[tensor]}.weight`,
      ),
  },
});
