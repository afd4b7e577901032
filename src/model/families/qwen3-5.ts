import { shown } from '../../errors.js';
import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';
import { fusedOrApart } from '../expert-sources.js';
import type { Fields } from '../fields.js';
import type { HuggingFaceFamily } from '../hugging-face-family.js';
import { checkHeads, kernelSize, type RecurrentFamily, recurrentLayers } from '../recurrent-family.js';
import type { DeltaNetSpec } from '../spec.js';
import { withTextHalf } from './text-half.js';

type Key = (suffix: string) => string;

/** A gated delta net from GGUF metadata. Throws CORRUPT or UNSUPPORTED. */
function ggufDeltaNet(metadata: Fields, key: Key, keyHeadOrder: DeltaNetSpec['keyHeadOrder']): DeltaNetSpec {
  const keyHeads = metadata.size(key('ssm.group_count'));
  const valueHeads = metadata.size(key('ssm.time_step_rank'));
  const headDim = metadata.size(key('ssm.state_size'));
  checkHeads(metadata, key('ssm.group_count'), keyHeads, valueHeads);
  const inner = metadata.size(key('ssm.inner_size'));
  if (inner !== valueHeads * headDim)
    throw metadata.corrupt(
      key('ssm.inner_size'),
      `is ${inner}; it should be ${valueHeads} heads of ${headDim}, ${valueHeads * headDim}`,
    );
  const kernel = kernelSize(metadata, key('ssm.conv_kernel'));
  return { kind: 'delta-net', keyHeads, valueHeads, headDim, kernel, keyHeadOrder, decay: 'negated' };
}

/** The same from config.json. Folders have the value heads in groups that share a key head. */
function huggingFaceDeltaNet(config: Fields): DeltaNetSpec {
  const keyHeads = config.size('linear_num_key_heads', 16);
  const valueHeads = config.size('linear_num_value_heads', 32);
  const headDim = config.size('linear_key_head_dim', 128);
  checkHeads(config, 'linear_num_key_heads', keyHeads, valueHeads);
  const valueDim = config.size('linear_value_head_dim', 128);
  if (valueDim !== headDim)
    throw config.unsupported('linear_value_head_dim', `is ${valueDim}, and not the ${headDim} of keys`);
  const kernel = kernelSize(config, 'linear_conv_kernel_dim', 4);
  return { kind: 'delta-net', keyHeads, valueHeads, headDim, kernel, keyHeadOrder: 'grouped', decay: 'logarithm' };
}

/** Layers without attention: those of a list, or all but every n-th. Throws CORRUPT. */
function listedLayers(metadata: Fields, key: Key, blocks: number): boolean[] {
  const listed = metadata.raw(key('attention.recurrent_layers'));
  if (listed === undefined) {
    const interval = metadata.size(key('full_attention_interval'), 4);
    return Array.from({ length: blocks }, (_, layer) => (layer + 1) % interval !== 0);
  }
  if (!Array.isArray(listed) || listed.length !== blocks || !listed.every((is) => typeof is === 'boolean'))
    throw metadata.corrupt(
      key('attention.recurrent_layers'),
      `is ${shown(listed)}; it should be true or false for each of the ${blocks} layers`,
    );
  return listed;
}

/** `order`: in which order GGUF files have the value heads. */
export const deltaNets = (order: DeltaNetSpec['keyHeadOrder']): RecurrentFamily => ({
  fromGguf: (metadata, key, blocks) => ({
    mixer: ggufDeltaNet(metadata, key, order),
    layers: listedLayers(metadata, key, blocks),
  }),
  gguf: () => ({ names: { o: 'ssm_out.weight' } }),
  fromHuggingFace: (config, numLayers) => {
    const interval = config.size('full_attention_interval', 4);
    return {
      mixer: huggingFaceDeltaNet(config),
      layers: recurrentLayers(config, numLayers, (layer) => (layer + 1) % interval !== 0),
    };
  },
  huggingFace: () => ({ names: { o: 'linear_attn.out_proj.weight' } }),
});

/** Norms are stored minus one, but for the one of a delta net's output. */
const HUGGING_FACE: HuggingFaceFamily = {
  defaults: { partial_rotary_factor: 0.25 },
  only: { attn_output_gate: true, hidden_act: 'silu' },
  traits: () => ({ normOffset: 1 }),
};

/** Traits that Qwen3-Next and Qwen 3.5 share. */
export const DELTA_QWEN = {
  ggufRotary: 'halves',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: 'head',
  attentionGate: true,
  huggingFace: HUGGING_FACE,
  ggufRenamed: { ffnNorm: 'post_attention_norm.weight' },
} as const satisfies Partial<DecoderFamily>;

export const DELTA_QWEN_EXPERTS = {
  numExpertsKey: 'num_experts',
  intermediateSizeKey: 'moe_intermediate_size',
  normalizeWeights: true,
  sharedExpert: true,
  // Qwen3-Next's folders have a matrix for each expert, those of Qwen 3.5 two stacks for a layer.
  source: fusedOrApart,
} as const satisfies DecoderFamily['experts'];

/** Qwen 3.5: gated delta nets, and gated attention in every fourth layer. */
export const qwen35 = withTextHalf(
  decoder({
    ...DELTA_QWEN,
    architecture: 'qwen3.5',
    huggingFaceClasses: ['Qwen3_5ForCausalLM'],
    ggufName: 'qwen35',
    recurrent: deltaNets('tiled'),
    experts: null,
  }),
  'Qwen3_5ForConditionalGeneration',
);

/** The mixtures of Qwen 3.5, with a shared expert. */
export const qwen35Moe = withTextHalf(
  decoder({
    ...DELTA_QWEN,
    architecture: 'qwen3.5-moe',
    huggingFaceClasses: ['Qwen3_5MoeForCausalLM'],
    ggufName: 'qwen35moe',
    recurrent: deltaNets('tiled'),
    experts: DELTA_QWEN_EXPERTS,
  }),
  'Qwen3_5MoeForConditionalGeneration',
);
