import { shown } from '../../errors.js';
import type { Architecture } from '../architecture.js';
import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';
import type { ExpertSource } from '../expert-sources.js';
import type { Fields } from '../fields.js';
import { type BlockKind, foldBlocks, foldedMixers, ggufFoldedBlocks } from '../folded-blocks.js';
import type { HuggingFaceFamily } from '../hugging-face-family.js';
import { layersWithoutKeys } from '../recurrent-family.js';
import type { ModelSpec } from '../spec.js';
import type { LayerTensor } from '../tensor-names.js';
import { ggufMamba2, huggingFaceMamba2, type Mamba2Fields } from './mamba2.js';
import { renamed } from './text-half.js';

/** Attention has no positions, whatever a file says of them. Networks have no gate. */
const nemotronTraits = ({ rotary }: ModelSpec): Partial<ModelSpec> => ({
  gated: false,
  rotary: { ...rotary!, dimension: 0, frequencyFactors: null, magnitude: 1 },
});

/** Experts of the larger sizes work in a narrower space. Throws CORRUPT where it is not narrower. */
function withLatent(fields: Fields, key: string, spec: ModelSpec): Partial<ModelSpec> {
  const traits = nemotronTraits(spec);
  if (!spec.experts || fields.raw(key) === undefined) return traits;
  const latentSize = fields.size(key);
  if (latentSize > spec.hiddenSize)
    throw fields.corrupt(key, `is ${latentSize}, which is more than the hidden size, ${spec.hiddenSize}`);
  return { ...traits, experts: { ...spec.experts, latentSize } };
}

/** The letters of `hybrid_override_pattern`, and the words of `layers_block_type`. Older files have the second ones. */
const KINDS: Readonly<Record<string, BlockKind>> = {
  ...{ M: 'recurrent', '*': 'attention', E: 'network', '-': 'network' },
  ...{ linear_attention: 'recurrent', full_attention: 'attention', moe: 'network', mlp: 'network' },
  ...{ mamba: 'recurrent', attention: 'attention' },
};

/** Which blocks are networks with experts, and which are ordinary ones. */
const MIXTURES: readonly unknown[] = ['E', 'moe'];
const DENSE: readonly unknown[] = ['-', 'mlp'];

/** What each block of a folder is, from either of two fields. Throws CORRUPT. */
function listedBlocks(config: Fields): { key: string; listed: unknown[] } {
  const key = config.raw('layers_block_type') === undefined ? 'hybrid_override_pattern' : 'layers_block_type';
  const listed = key === 'layers_block_type' ? config.raw(key) : [...(config.text(key) ?? '')];
  if (!Array.isArray(listed) || listed.length === 0)
    throw config.corrupt(key, `is ${shown(config.raw(key) ?? 'missing')}; it should say what each block is`);
  const blocks = config.size('num_hidden_layers', listed.length);
  if (listed.length !== blocks)
    throw config.corrupt(key, `has ${listed.length} entries; it should have one for each of the ${blocks} blocks`);
  return { key, listed };
}

/** The layers of a folder. Throws CORRUPT or UNSUPPORTED. */
function foldedLayers(config: Fields) {
  const { key, listed } = listedBlocks(config);
  if (listed.some((word) => MIXTURES.includes(word)) && listed.some((word) => DENSE.includes(word)))
    throw config.unsupported(key, 'has networks with experts and ordinary ones; only one of the two is supported');
  const kinds = listed.map((word) => {
    if (typeof word === 'string' && Object.hasOwn(KINDS, word)) return KINDS[word];
    throw config.unsupported(key, `has ${shown(word)}; supported: ${Object.keys(KINDS).join(', ')}`);
  });
  return foldBlocks(kinds, (problem) => config.unsupported(key, problem));
}

const MAMBA_FIELDS: Mamba2Fields = {
  heads: 'mamba_num_heads',
  headDim: 'mamba_head_dim',
  groups: 'n_groups',
  stateSize: 'ssm_state_size',
  kernel: 'conv_kernel',
};

/** A matrix for each expert, in the block that the usual name tells. */
const expertsInBlock: ExpertSource = (_layer, _tensor, { numExperts, sourceName }) => ({
  sourceName,
  parts: Array.from({ length: numExperts }, (_, expert) => sourceName.replace('.experts.', `.experts.${expert}.`)),
});

/** What both kinds share. */
const NEMOTRON = {
  huggingFaceClasses: ['NemotronHForCausalLM'],
  ggufRotary: 'halves',
  ggufRenamed: { ffnNorm: 'attn_norm.weight', mixerInput: 'ssm_in.weight' },
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  activation: 'relu-squared',
  ggufTraits: (metadata, key, spec) => withLatent(metadata, key('moe_latent_size'), spec),
  folded: { fromGguf: ggufFoldedBlocks, fromHuggingFace: foldedLayers },
  recurrent: {
    fromGguf: (metadata, key, layers) => ({
      mixer: ggufMamba2(metadata, key),
      layers: layersWithoutKeys(metadata, key, layers),
    }),
    gguf: () => ({ names: { o: 'ssm_out.weight' } }),
    fromHuggingFace: (config) => ({
      mixer: huggingFaceMamba2(config, MAMBA_FIELDS),
      ...foldedMixers(foldedLayers(config)),
    }),
    huggingFace: () => ({ names: { o: 'mixer.out_proj.weight' } }),
  },
} as const satisfies Partial<DecoderFamily>;

const huggingFaceOf = (network: Partial<Record<LayerTensor, string>>): HuggingFaceFamily => ({
  fields: {
    rms_norm_eps: 'layer_norm_epsilon',
    head_dim: 'attention_head_dim',
    n_groups: 'mamba_n_groups',
    conv_kernel: 'mamba_d_conv',
    use_conv_bias: 'mamba_conv_bias',
    time_step_limit: 'mamba_dt_limit',
  },
  defaults: { rms_norm_eps: 1e-5, n_groups: 8, conv_kernel: 4, ssm_state_size: 128 },
  only: {
    ...{ use_bias: false, mamba_proj_bias: false, use_conv_bias: true, mamba_hidden_act: 'silu' },
    ...{ mlp_hidden_act: 'relu2', n_shared_experts: 1, sliding_window: undefined },
  },
  embedding: 'model.embeddings.weight',
  finalNorm: 'model.norm_f.weight',
  renamed: {
    ...{ attentionNorm: 'norm.weight', ffnNorm: 'norm.weight' },
    ...{ q: 'mixer.q_proj.weight', k: 'mixer.k_proj.weight', v: 'mixer.v_proj.weight', o: 'mixer.o_proj.weight' },
    mixerInput: 'mixer.in_proj.weight',
    mixerKernel: 'mixer.conv1d.weight',
    mixerKernelBias: 'mixer.conv1d.bias',
    ...{ mixerStepBias: 'mixer.dt_bias', mixerDecay: 'mixer.A_log', mixerSkip: 'mixer.D' },
    mixerNorm: 'mixer.norm.weight',
    ...network,
  },
  traits: (config, spec) => withLatent(config, 'moe_latent_size', spec),
});

const mixture = decoder({
  ...NEMOTRON,
  architecture: 'nemotron-h-moe',
  ggufName: 'nemotron_h_moe',
  huggingFace: huggingFaceOf({ up: 'mixer.experts.up_proj.weight', down: 'mixer.experts.down_proj.weight' }),
  experts: {
    numExpertsKey: 'n_routed_experts',
    intermediateSizeKey: 'moe_intermediate_size',
    normalizeWeights: true,
    scoring: 'sigmoid',
    selectionBias: true,
    sharedExpert: true,
    sharedRouter: false,
    sharedSizeKey: 'moe_shared_expert_intermediate_size',
    renamed: {
      router: 'mixer.gate.weight',
      selectionBias: 'mixer.gate.e_score_correction_bias',
      sharedUp: 'mixer.shared_experts.up_proj.weight',
      sharedDown: 'mixer.shared_experts.down_proj.weight',
    },
    source: () => expertsInBlock,
  },
});
const dense = decoder({
  ...NEMOTRON,
  architecture: 'nemotron-h',
  ggufName: 'nemotron_h',
  huggingFace: huggingFaceOf({ up: 'mixer.up_proj.weight', down: 'mixer.down_proj.weight' }),
  experts: null,
});

/** Nemotron-H with ordinary networks, and squared ReLU in them (arXiv 2504.03624). `nemotronHMoe` reads its folders. */
export const nemotronH: Architecture = { ...dense, huggingFaceClasses: [] };

/** Nemotron 3: Mamba-2, attention, and experts with squared ReLU, each a block of its own (arXiv 2504.03624). */
export const nemotronHMoe: Architecture = {
  ...mixture,
  fromHuggingFace(name, config, holds, folder) {
    const decoded = listedBlocks(config).listed.some((word) => DENSE.includes(word)) ? dense : mixture;
    // The model's own code says backbone where transformers says model.
    if (!holds('backbone.embeddings.weight')) return decoded.fromHuggingFace(name, config, holds, folder);
    const outside = (sourceName: string) => sourceName.replace(/^model\./, 'backbone.');
    const inside = (sourceName: string) => sourceName.replace(/^backbone\./, 'model.');
    return renamed(
      decoded.fromHuggingFace(name, config, (sourceName) => holds(outside(sourceName)), folder),
      outside,
      inside,
    );
  },
};
