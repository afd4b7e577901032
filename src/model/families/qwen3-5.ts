import { shown } from '../../errors.js';
import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';
import { expertsApart } from '../expert-sources.js';
import type { Fields } from '../fields.js';
import { checkHeads, type RecurrentFamily } from '../recurrent-family.js';
import type { DeltaNetSpec } from '../spec.js';

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
  const kernel = metadata.size(key('ssm.conv_kernel'));
  return { kind: 'delta-net', keyHeads, valueHeads, headDim, kernel, keyHeadOrder, decay: 'negated' };
}

/** Layers without attention: those of a list, or all but every n-th. Throws CORRUPT. */
function recurrentLayers(metadata: Fields, key: Key, blocks: number): boolean[] {
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

/** `order`: in which order GGUF files have the value heads. Hugging Face folders group them by key head. */
export const deltaNets = (order: DeltaNetSpec['keyHeadOrder']): RecurrentFamily => ({
  fromGguf: (metadata, key, blocks) => ({
    mixer: ggufDeltaNet(metadata, key, order),
    layers: recurrentLayers(metadata, key, blocks),
  }),
  fromHuggingFace(config, numLayers) {
    const keyHeads = config.size('linear_num_key_heads');
    const valueHeads = config.size('linear_num_value_heads');
    const headDim = config.size('linear_value_head_dim');
    checkHeads(config, 'linear_num_key_heads', keyHeads, valueHeads);
    if (config.size('linear_key_head_dim') !== headDim)
      throw config.unsupported('linear_key_head_dim', `differs from "linear_value_head_dim", ${headDim}`);
    const types = config.raw('layer_types');
    const known = ['linear_attention', 'full_attention'];
    if (!Array.isArray(types) || types.length !== numLayers || !types.every((type) => known.includes(type)))
      throw config.corrupt(
        'layer_types',
        `should say linear_attention or full_attention for each of the ${numLayers} layers`,
      );
    const kernel = config.size('linear_conv_kernel_dim');
    const shape = { keyHeads, valueHeads, headDim, kernel };
    return {
      mixer: { kind: 'delta-net', ...shape, keyHeadOrder: 'grouped', decay: 'logarithm' },
      layers: types.map((type) => type === 'linear_attention'),
    };
  },
  gguf: () => ({ names: { o: 'ssm_out.weight' } }),
  huggingFace: () => ({ names: { o: 'linear_attn.out_proj.weight' } }),
});

/** Traits that Qwen3-Next and Qwen 3.5 share. */
export const DELTA_QWEN = {
  ggufRotary: 'halves',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: 'head',
  attentionGate: true,
  ggufRenamed: { ffnNorm: 'post_attention_norm.weight' },
} as const satisfies Partial<DecoderFamily>;

export const DELTA_QWEN_EXPERTS = {
  numExpertsKey: 'num_experts',
  intermediateSizeKey: 'moe_intermediate_size',
  normalizeWeights: true,
  sharedExpert: true,
  source: () =>
    expertsApart((layer, tensor, expert) => `model.layers.${layer}.mlp.experts.${expert}.${tensor}_proj.weight`),
} as const satisfies DecoderFamily['experts'];

/** Qwen 3.5: gated delta nets, and gated attention in every fourth layer. */
export const qwen35 = decoder({
  ...DELTA_QWEN,
  architecture: 'qwen3.5',
  huggingFaceClasses: [],
  ggufName: 'qwen35',
  recurrent: deltaNets('tiled'),
  experts: null,
});

/** The mixtures of Qwen 3.5, with a shared expert. */
export const qwen35Moe = decoder({
  ...DELTA_QWEN,
  architecture: 'qwen3.5-moe',
  huggingFaceClasses: [],
  ggufName: 'qwen35moe',
  recurrent: deltaNets('tiled'),
  experts: DELTA_QWEN_EXPERTS,
});
