import { shown } from '../../errors.js';
import type { SourceTensors } from '../architecture.js';
import { attentionShape } from '../attention-shape.js';
import { Fields } from '../fields.js';
import type { ModelSpec } from '../spec.js';

/*
 * Gemma 4: layers with a sliding window and layers that see every position, with heads of their own; no scale of
 * attention; values in a norm; in some sizes values that are keys, keys and values that layers share, inputs for each
 * layer (llama.cpp, src/models/gemma4.cpp; transformers, modeling_gemma4.py).
 */

type Key = (suffix: string) => string;
type Heads = Pick<ModelSpec, 'hiddenSize' | 'numAttentionHeads' | 'numKeyValueHeads' | 'headDim'>;
type Traits = Partial<ModelSpec> & Pick<ModelSpec, 'slidingWindow' | 'intermediateSize'>;

const shared = ({ hiddenSize }: Heads) => ({
  postNorms: true,
  embeddingScale: Math.sqrt(hiddenSize),
  unscaledAttention: true,
  valueNorm: true,
});

/** True for each layer that slides. Throws CORRUPT. */
function pattern(metadata: Fields, key: Key): boolean[] {
  const name = key('attention.sliding_window_pattern');
  const layers = metadata.perLayer(name, metadata.size(key('block_count')));
  if (layers.every((slides) => typeof slides === 'boolean')) return layers;
  throw metadata.corrupt(name, `is ${shown(layers)}; it should be true or false for each layer`);
}

/** The entry of all layers of one kind. Throws UNSUPPORTED where they differ. */
function ofKind(fields: Fields, name: string, values: unknown[], layers: readonly boolean[], slides: boolean): unknown {
  const those = values.filter((_, layer) => layers[layer] === slides);
  if (those.some((value) => value !== those[0]))
    throw fields.unsupported(name, `differs among layers of one kind (${shown(values)}), which is not supported`);
  return those[0];
}

/** The heads of one kind of layers, or of the other kind if there is none of it. */
function kindHeads(metadata: Fields, key: Key, slides: boolean): Heads {
  const layers = pattern(metadata, key);
  const suffix = slides ? '_swa' : '';
  const listed = [key('attention.head_count'), key('attention.head_count_kv')];
  const fields = new Fields(metadata.where, (name) => {
    const value = metadata.raw(name);
    if (!listed.includes(name) || !Array.isArray(value)) return value;
    return ofKind(metadata, name, metadata.perLayer(name, layers.length), layers, slides);
  });
  const headDim = key(`attention.key_length${suffix}`);
  const heads = attentionShape(fields, {
    hiddenSize: key('embedding_length'),
    heads: listed[0],
    keyValueHeads: listed[1],
    headDim,
  });
  if (fields.size(key(`attention.value_length${suffix}`), heads.headDim) !== heads.headDim)
    throw metadata.unsupported(
      key(`attention.value_length${suffix}`),
      `differs from the keys' ${heads.headDim}, which is not supported`,
    );
  return heads;
}

/** The heads of the layers that see every position. Throws CORRUPT or UNSUPPORTED. */
export const ggufGemma4Heads = (metadata: Fields, key: Key): Heads =>
  kindHeads(metadata, key, !pattern(metadata, key).includes(false));

/** From GGUF metadata. Throws CORRUPT or UNSUPPORTED. */
export function ggufGemma4(
  heads: Heads,
  metadata: Fields,
  key: Key,
  numLayers: number,
  tensors: SourceTensors,
): Traits {
  const layers = pattern(metadata, key);
  const local = kindHeads(metadata, key, layers.includes(true));
  const swaDimension = metadata.size(key('rope.dimension_count_swa'), local.headDim);
  if (swaDimension !== local.headDim)
    throw metadata.unsupported(key('rope.dimension_count_swa'), `is ${swaDimension}, not the head's ${local.headDim}`);
  const first = layers.indexOf(false);
  const cap = metadata.raw(key('final_logit_softcapping'));
  const size = metadata.count(key('embedding_length_per_layer_input'), 2 ** 20);
  return {
    ...shared(heads),
    ...ggufNeurons(metadata, key('feed_forward_length'), numLayers),
    slidingWindow: {
      size: metadata.size(key('attention.sliding_window')),
      ...{ fullEvery: null, layers },
      theta: metadata.positive(key('rope.freq_base_swa'), 10000),
      heads: { headDim: local.headDim, numKeyValueHeads: local.numKeyValueHeads },
    },
    keysAsValues: first >= 0 && tensors.shape(`blk.${first}.attn_v.weight`) === null,
    sharedKeyValueLayers: sharedLayers(metadata, key('attention.shared_kv_layers'), layers),
    layerScales: tensors.shape('blk.0.layer_output_scale.weight') !== null,
    perLayerInputs: size === 0 ? null : { size },
    logitSoftCap: cap === undefined || cap === 0 ? null : metadata.positive(key('final_logit_softcapping')),
  };
}

/** Layers without keys and values. A layer of each kind among them must come before them. Throws CORRUPT. */
function sharedLayers(fields: Fields, name: string, layers: readonly boolean[]): number {
  const count = fields.count(name, layers.length - 1);
  const own = layers.slice(0, layers.length - count);
  if (layers.slice(own.length).some((slides) => !own.includes(slides)))
    throw fields.corrupt(name, `is ${count}, so that some layers have no earlier one of their kind to share keys with`);
  return count;
}

function ggufNeurons(metadata: Fields, name: string, numLayers: number) {
  if (!Array.isArray(metadata.raw(name))) return { intermediateSize: metadata.size(name) };
  const sizes = metadata.perLayer(name, numLayers).map((_, layer) => metadata.item(name, layer));
  return neurons(sizes);
}

const neurons = (sizes: number[]) => ({
  intermediateSize: Math.max(...sizes),
  layerIntermediateSizes: sizes.every((size) => size === sizes[0]) ? null : sizes,
});

/**
 * The heads of the layers that see every position. Older folders have keys of their own for them, newer ones a list of
 * what differs, layer by layer. Throws CORRUPT or UNSUPPORTED.
 */
export function huggingFaceGemma4Heads(config: Fields): Heads {
  const listed = config.object('per_layer_config');
  const layer = globalLayer(config, listed);
  const headDim = listed ? (layer?.raw('head_dim') ?? config.raw('head_dim')) : (config.raw('global_head_dim') ?? 512);
  const ownHeads = listed
    ? layer?.raw('num_key_value_heads')
    : config.flag('attention_k_eq_v') === true && config.raw('num_global_key_value_heads');
  const chosen: Record<string, unknown> = { head_dim: headDim };
  if (ownHeads) chosen.num_key_value_heads = ownHeads;
  const fields = new Fields(config.where, (key) => (Object.hasOwn(chosen, key) ? chosen[key] : config.raw(key)));
  return attentionShape(fields, HUGGING_FACE_HEADS);
}

const HUGGING_FACE_HEADS = {
  hiddenSize: 'hidden_size',
  heads: 'num_attention_heads',
  keyValueHeads: 'num_key_value_heads',
  headDim: 'head_dim',
};

/** What differs in the layers that see every position, which must be the same in all of them. */
function globalLayer(config: Fields, listed: Fields | null): Fields | null {
  const types = config.raw('layer_types');
  if (!listed || !Array.isArray(types)) return null;
  const kinds = types.map((type, layer) => [
    type === 'full_attention',
    JSON.stringify(listed.raw(String(layer)) ?? {}),
  ]);
  const global = kinds.filter(([full]) => full).map(([, entry]) => entry);
  if (global.some((entry) => entry !== global[0]) || kinds.some(([full, entry]) => !full && entry !== '{}'))
    throw config.unsupported('per_layer_config', 'differs among layers of one kind, which is not supported');
  return listed.object(String(types.indexOf('full_attention')));
}

/** From config.json. Throws CORRUPT or UNSUPPORTED. */
export function huggingFaceGemma4(heads: Heads, config: Fields, numLayers: number): Traits {
  refuseUnknown(config);
  const types = config.raw('layer_types');
  const layers = Array.from({ length: numLayers }, (_, layer) => {
    const type = types === undefined ? undefined : config.perLayer('layer_types', numLayers)[layer];
    if (type === undefined) return (layer + 1) % 6 !== 0 && layer + 1 < numLayers;
    if (type !== 'sliding_attention' && type !== 'full_attention')
      throw config.unsupported('layer_types', `has ${shown(type)}; supported: sliding_attention, full_attention`);
    return type === 'sliding_attention';
  });
  const local = attentionShape(config, HUGGING_FACE_HEADS);
  const nearby = config.object('rope_parameters')?.object('sliding_attention');
  const sharing = sharedLayers(config, 'num_kv_shared_layers', layers);
  const wide = config.flag('use_double_wide_mlp') === true ? 2 : 1;
  const size = config.size('intermediate_size');
  const inputs = config.count('hidden_size_per_layer_input', 2 ** 20);
  return {
    ...shared(heads),
    ...neurons(layers.map((_, layer) => (layer < numLayers - sharing ? size : wide * size))),
    slidingWindow: {
      size: config.size('sliding_window', 512),
      ...{ fullEvery: null, layers },
      theta: nearby?.positive('rope_theta', 10000) ?? 10000,
      heads: { headDim: local.headDim, numKeyValueHeads: local.numKeyValueHeads },
    },
    keysAsValues: config.flag('attention_k_eq_v') === true,
    sharedKeyValueLayers: sharing,
    layerScales: true,
    perLayerInputs: inputs === 0 ? null : { size: inputs },
    logitSoftCap:
      config.raw('final_logit_softcapping') === undefined ? null : config.positive('final_logit_softcapping'),
  };
}

function refuseUnknown(config: Fields): void {
  if (config.raw('use_bidirectional_attention') === 'all')
    throw config.unsupported('use_bidirectional_attention', 'is "all"; only attention to earlier tokens is supported');
  const [rows, vocabSize] = [config.raw('vocab_size_per_layer_input'), config.raw('vocab_size')];
  if (rows !== undefined && rows !== vocabSize && config.count('hidden_size_per_layer_input', 2 ** 20) > 0)
    throw config.unsupported('vocab_size_per_layer_input', `is ${shown(rows)}, and "vocab_size" ${shown(vocabSize)}`);
}
