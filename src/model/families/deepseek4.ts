import { shown } from '../../errors.js';
import type { Architecture, SourceTensors } from '../architecture.js';
import { decoder } from '../decoder.js';
import { Fields } from '../fields.js';
import { ggufScaling } from '../rope-scaling.js';
import type { BalancedStreamsSpec, CompressedAttentionSpec, ExpertsSpec, ModelSpec } from '../spec.js';
import { DEEPSEEK_EXPERTS } from './deepseek-experts.js';

type Key = (suffix: string) => string;

/** Far above any model. */
const [MAX_STREAMS, MAX_ROUNDS, MAX_LAYERS] = [64, 1024, 65536];
/** Positions that one compressed key stands for, in layers that have some; a layer's 0 is for none. */
const RATIOS: readonly unknown[] = [0, 4, 128];
/** A limit below this is none (llama.cpp). */
const NO_LIMIT = 1e-6;

/** A number that is the same in all layers, from one number or a list. Throws CORRUPT or UNSUPPORTED. */
function alike(metadata: Fields, key: string, numLayers: number): number | null {
  const value = metadata.raw(key);
  if (value === undefined) return null;
  const list = (Array.isArray(value) ? value : [value]).slice(0, numLayers);
  if (list.length === 0 || list.some((one) => typeof one !== 'number' || !(one >= 0)))
    throw metadata.corrupt(key, `is ${shown(value)}; it should have a number for each layer`);
  if (list.some((one) => one !== list[0]))
    throw metadata.unsupported(key, `differs from layer to layer (${shown(value)}), which is not supported`);
  return list[0];
}

/** The limits of the networks' activation; none where both are left out. Throws CORRUPT or UNSUPPORTED. */
function limitsOf(metadata: Fields, key: Key, numLayers: number): Pick<ModelSpec, 'activation' | 'activationLimits'> {
  const [networkKey, sharedKey] = ['swiglu_clamp_exp', 'swiglu_clamp_shexp'].map(key);
  const network = alike(metadata, networkKey, numLayers) ?? 0;
  const shared = alike(metadata, sharedKey, numLayers) ?? network;
  if (network <= NO_LIMIT && shared <= NO_LIMIT) return { activation: 'silu', activationLimits: null };
  if (network <= NO_LIMIT || shared <= NO_LIMIT)
    throw metadata.unsupported(
      network <= NO_LIMIT ? networkKey : sharedKey,
      'sets no limit where the other experts have one, which is not supported',
    );
  return { activation: 'clamped-silu', activationLimits: { network, shared } };
}

/** Throws CORRUPT or UNSUPPORTED. */
function attentionOf(metadata: Fields, key: Key, spec: ModelSpec, tensors: SourceTensors): CompressedAttentionSpec {
  const ratiosKey = key('attention.compress_ratios');
  const ratios = metadata.raw(ratiosKey);
  if (!Array.isArray(ratios) || ratios.length < spec.numLayers)
    throw metadata.corrupt(
      ratiosKey,
      `is ${shown(ratios)}; it should have a number for each of the ${spec.numLayers} layers`,
    );
  const ofLayers = ratios.slice(0, spec.numLayers).map(Number);
  if (!ofLayers.every((ratio) => RATIOS.includes(ratio)))
    throw metadata.unsupported(ratiosKey, `is ${shown(ratios)}; supported: ${RATIOS.join(', ')}`);
  const { dimension, layout } = spec.rotary!;
  const outputGroups = metadata.size(key('attention.output_group_count'));
  if (spec.numAttentionHeads % outputGroups !== 0)
    throw metadata.corrupt(
      key('attention.output_group_count'),
      `is ${outputGroups}, which does not divide the ${spec.numAttentionHeads} heads`,
    );
  const [heads, headDim, topKeys] = ['head_count', 'key_length', 'top_k'].map((name) =>
    metadata.size(key(`attention.indexer.${name}`)),
  );
  if (headDim < dimension)
    throw metadata.corrupt(key('attention.indexer.key_length'), `is less than the ${dimension} that rotate`);
  const theta = metadata.positive(key('attention.compress_rope_freq_base'));
  const scaling = ggufScaling('deepseek4', metadata, tensors, theta, dimension);
  return {
    queryRank: metadata.size(key('attention.q_lora_rank')),
    window: metadata.size(key('attention.sliding_window')),
    outputGroups,
    outputRank: metadata.size(key('attention.output_lora_rank')),
    ratios: ofLayers,
    // Keys and queries do not grow with YaRN here.
    rotary: { theta, dimension, layout, ...scaling, magnitude: 1 },
    index: { heads, headDim, topKeys },
  };
}

/** Throws CORRUPT. */
function streamsOf(metadata: Fields, key: Key): BalancedStreamsSpec {
  const [countKey, roundsKey] = ['count', 'sinkhorn_iterations'].map((name) => key(`hyper_connection.${name}`));
  const [count, rounds] = [metadata.size(countKey), metadata.size(roundsKey)];
  if (count < 2 || count > MAX_STREAMS)
    throw metadata.corrupt(countKey, `is ${count}; there are from 2 to ${MAX_STREAMS} streams`);
  if (rounds > MAX_ROUNDS) throw metadata.corrupt(roundsKey, `is ${rounds}, more than the ${MAX_ROUNDS} of any model`);
  return { count, rounds, epsilon: metadata.positive(key('hyper_connection.epsilon')) };
}

function expertsOf(metadata: Fields, key: Key, spec: ModelSpec, tensors: SourceTensors): ExpertsSpec {
  const tableLayers = metadata.count(key('hash_layer_count'), spec.numLayers);
  const biased = tensors.shape(`blk.${tableLayers}.exp_probs_b.bias`) !== null;
  return { ...spec.experts!, tableLayers, selectionBias: tableLayers < spec.numLayers && biased };
}

function ggufTraits(metadata: Fields, key: Key, spec: ModelSpec, tensors: SourceTensors): Partial<ModelSpec> {
  return {
    compressedAttention: attentionOf(metadata, key, spec, tensors),
    residualStreams: streamsOf(metadata, key),
    experts: expertsOf(metadata, key, spec, tensors),
    // Only layers with compressed keys have a context that is stretched.
    rotary: { ...spec.rotary!, frequencyFactors: null, magnitude: 1 },
    ...limitsOf(metadata, key, spec.numLayers),
  };
}

const family = decoder({
  architecture: 'deepseek4',
  huggingFaceClasses: [],
  ggufName: 'deepseek4',
  ggufRotary: 'interleaved',
  ggufRenamed: {
    q: 'attn_q_b.weight',
    latentInput: 'attn_kv.weight',
    o: 'attn_output_b.weight',
    indexQueries: 'indexer.attn_q_b.weight',
  },
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  activation: 'silu',
  ggufTraits,
  experts: { ...DEEPSEEK_EXPERTS, normalizeWeights: true, scoring: 'sqrt-softplus' },
});

/** Some files count blocks that predict further tokens, and do not have them: all of their blocks are layers. */
function withoutMissingBlocks(metadata: Fields, tensors: SourceTensors): Fields {
  const key = (suffix: string) => `deepseek4.${suffix}`;
  const predicting = metadata.count(key('nextn_predict_layers'), MAX_LAYERS);
  const first = metadata.size(key('block_count')) - predicting;
  if (predicting === 0 || tensors.shape(`blk.${first}.nextn.eh_proj.weight`) !== null) return metadata;
  return new Fields(metadata.where, (name) => (name === key('nextn_predict_layers') ? 0 : metadata.raw(name)));
}

/**
 * DeepSeek V4: several residual streams whose mix adds up to 1, attention to a window and to compressed keys, and
 * experts that a table chooses in the first layers.
 */
export const deepseek4: Architecture = {
  ...family,
  fromGguf: (name, metadata, tensors) => family.fromGguf(name, withoutMissingBlocks(metadata, tensors), tensors),
};
