import { shown } from '../../errors.js';
import type { Architecture } from '../architecture.js';
import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';
import { fusedExperts } from '../expert-sources.js';
import type { Fields } from '../fields.js';
import { fusedGateUp, fusedShared } from '../fused-rows.js';
import type { HuggingFaceFamily } from '../hugging-face-family.js';
import { layersWithoutKeys, recurrentLayers } from '../recurrent-family.js';
import type { ModelSpec } from '../spec.js';
import { ggufMamba2, huggingFaceMamba2, type Mamba2Fields } from './mamba2.js';

/** The keys of the four scales. */
interface ScaleKeys {
  embedding: string;
  residual: string;
  logit: string;
  attention: string;
}

/** Scales everywhere, and positions only where the file says so. `attention` is the scale where no key has it. */
function scaledTraits(
  fields: Fields,
  keys: ScaleKeys,
  { headDim, rotary }: ModelSpec,
  rotates: boolean,
  attention: number,
): Partial<ModelSpec> {
  return {
    embeddingScale: fields.positive(keys.embedding, 1),
    residualScale: fields.positive(keys.residual, 1),
    logitScale: 1 / fields.positive(keys.logit, 1),
    queryScale: fields.positive(keys.attention, attention) * Math.sqrt(headDim),
    rotary: rotates ? rotary : { ...rotary!, dimension: 0, frequencyFactors: null, magnitude: 1 },
  };
}

/** GGUF files say whether there are positions under a key that means something else elsewhere. */
function ggufTraits(metadata: Fields, key: (suffix: string) => string, spec: ModelSpec): Partial<ModelSpec> {
  const [embedding, residual, logit] = [key('embedding_scale'), key('residual_scale'), key('logit_scale')];
  const keys = { embedding, residual, logit, attention: key('attention.scale') };
  const rotates = metadata.flag(key('rope.scaling.finetuned')) ?? true;
  return scaledTraits(metadata, keys, spec, rotates, 1 / Math.sqrt(spec.headDim));
}

const HUGGING_FACE_SCALES: ScaleKeys = {
  embedding: 'embedding_multiplier',
  residual: 'residual_multiplier',
  logit: 'logits_scaling',
  attention: 'attention_multiplier',
};

function huggingFaceTraits(config: Fields, spec: ModelSpec): Partial<ModelSpec> {
  const positions = config.text('position_embedding_type') ?? 'nope';
  if (positions !== 'rope' && positions !== 'nope')
    throw config.unsupported('position_embedding_type', `is ${shown(positions)}; supported: rope, nope`);
  return scaledTraits(config, HUGGING_FACE_SCALES, spec, positions === 'rope', 1);
}

const MAMBA_FIELDS: Mamba2Fields = {
  heads: 'mamba_n_heads',
  headDim: 'mamba_d_head',
  groups: 'mamba_n_groups',
  stateSize: 'mamba_d_state',
  kernel: 'mamba_d_conv',
};

/** Heads share a width that is a multiple of the hidden size. */
function huggingFaceMixer(config: Fields) {
  const heads = config.size('mamba_n_heads');
  const width = config.size('mamba_expand') * config.size('hidden_size');
  const headDim = config.raw('mamba_d_head') === 'auto' ? width / heads : config.size('mamba_d_head');
  if (headDim * heads !== width || !Number.isInteger(headDim))
    throw config.corrupt('mamba_n_heads', `is ${heads}; so many heads of ${headDim} do not make up the width ${width}`);
  return huggingFaceMamba2(config, MAMBA_FIELDS, headDim);
}

const INPUT = 'shared_mlp.input_linear.weight';

const HUGGING_FACE = {
  defaults: {
    ...{ mamba_n_heads: 128, mamba_d_head: 'auto', mamba_n_groups: 1, mamba_d_state: 256, mamba_d_conv: 4 },
    mamba_expand: 2,
  },
  only: { mamba_conv_bias: true, mamba_proj_bias: false, hidden_act: 'silu', normalization_function: 'rmsnorm' },
  renamed: {
    mixerInput: 'mamba.in_proj.weight',
    mixerKernel: 'mamba.conv1d.weight',
    mixerKernelBias: 'mamba.conv1d.bias',
    mixerStepBias: 'mamba.dt_bias',
    mixerDecay: 'mamba.A_log',
    mixerSkip: 'mamba.D',
    mixerNorm: 'mamba.norm.weight',
  },
  traits: huggingFaceTraits,
} as const satisfies HuggingFaceFamily;

/** Granite 4: every layer has Mamba-2 or attention. */
const GRANITE_HYBRID = {
  ggufName: 'granitehybrid',
  ggufRotary: 'interleaved',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  ggufTraits,
  recurrent: {
    fromGguf: (metadata, key, blocks) => ({
      mixer: ggufMamba2(metadata, key),
      layers: layersWithoutKeys(metadata, key, blocks),
    }),
    gguf: () => ({ names: { mixerInput: 'ssm_in.weight', o: 'ssm_out.weight' } }),
    fromHuggingFace: (config, numLayers) => ({
      mixer: huggingFaceMixer(config),
      layers: recurrentLayers(config, numLayers, () => true),
    }),
    huggingFace: () => ({ names: { o: 'mamba.out_proj.weight' } }),
  },
} as const satisfies Partial<DecoderFamily>;

const dense = decoder({
  ...GRANITE_HYBRID,
  architecture: 'granite-hybrid',
  huggingFaceClasses: ['GraniteMoeHybridForCausalLM'],
  huggingFace: {
    ...HUGGING_FACE,
    fields: { intermediate_size: 'shared_intermediate_size' },
    renamed: { ...HUGGING_FACE.renamed, gate: INPUT, up: INPUT, down: 'shared_mlp.output_linear.weight' },
    rows: fusedGateUp,
  },
  experts: null,
});

/** The mixtures of Granite 4, with a shared expert. */
export const graniteHybridMoe = decoder({
  ...GRANITE_HYBRID,
  architecture: 'granite-hybrid-moe',
  huggingFaceClasses: [],
  huggingFace: { ...HUGGING_FACE, rows: fusedShared },
  experts: {
    numExpertsKey: 'num_local_experts',
    intermediateSizeKey: 'intermediate_size',
    normalizeWeights: true,
    sharedExpert: true,
    sharedRouter: false,
    sharedSizeKey: 'shared_intermediate_size',
    renamed: {
      router: 'block_sparse_moe.router.layer.weight',
      sharedGate: INPUT,
      sharedUp: INPUT,
      sharedDown: 'shared_mlp.output_linear.weight',
    },
    source: () =>
      fusedExperts(
        (layer, stack) =>
          `model.layers.${layer}.block_sparse_moe.${stack === 'gateUp' ? 'input' : 'output'}_linear.weight`,
      ),
  },
});

/** The sizes without experts, which config.json tells by their number. */
export const graniteHybrid: Architecture = {
  ...dense,
  fromHuggingFace: (name, config, ...tensors) =>
    (config.raw('num_local_experts') === 0 ? dense : graniteHybridMoe).fromHuggingFace(name, config, ...tensors),
};
