import { shown } from '../errors.js';
import { activation } from './activation.js';
import type { FolderTensors, ModelDescription } from './architecture.js';
import { attentionShape } from './attention-shape.js';
import { type CheckpointNames, huggingFaceNames } from './checkpoint-names.js';
import type { AlternatingWindow, DecoderFamily } from './decoder-family.js';
import { describeDecoder, familyTraits, withoutNorm } from './describe-decoder.js';
import { huggingFaceExperts } from './experts.js';
import type { Fields } from './fields.js';
import { type FoldedLayer, foldedNames, recurrentBlock } from './folded-blocks.js';
import { huggingFaceLatent, latentNames, latentRotaryDimension, latentRows } from './latent-family.js';
import { huggingFaceMixerShape, type MixerPlaces, recurrentNames } from './recurrent-family.js';
import { huggingFaceContext, huggingFaceScaling } from './rope-scaling.js';
import { windowOf } from './sliding-window.js';
import type { LatentAttentionSpec, ModelSpec, RotarySpec, SlidingWindowSpec } from './spec.js';
import { huggingFaceGemma } from './traits/gemma.js';
import { huggingFaceGemma4, huggingFaceGemma4Heads } from './traits/gemma4.js';
import { refuseUnknownTraits } from './traits/unknown.js';

/**
 * A decoder's config.json. `holds` says whether the folder has a tensor of that name. Throws CORRUPT or UNSUPPORTED.
 */
export function huggingFaceDecoder(
  family: DecoderFamily,
  name: string,
  file: Fields,
  holds: (sourceName: string) => boolean,
  folder: FolderTensors,
): ModelDescription {
  const { fields = {}, defaults } = family.huggingFace ?? {};
  const config = file.called(fields, defaults);
  refuseUnknownTraits(family, config);
  const heads = readHeads(family, config);
  const scaling = ropeFields(config);
  const rotary = rotarySpec(family, scaling, config, heads);
  const folded = family.folded?.fromHuggingFace(config) ?? null;
  const numLayers = folded?.length ?? config.size('num_hidden_layers');
  const mixers = family.recurrent?.fromHuggingFace(config, numLayers) ?? null;
  const recurrent = mixers?.layers.includes(true) || folded ? mixers : null;
  const places = recurrent && family.recurrent ? family.recurrent.huggingFace(recurrent.mixer) : null;
  const names = namesOf(family, heads.latentAttention, folded, recurrent, places);
  const biased = (layer: number) => holds(names.layer(layer, 'selectionBias'));
  const experts = family.experts && huggingFaceExperts(family.experts, config, numLayers, biased);
  const spec: ModelSpec = {
    ...familyTraits(family),
    name,
    vocabSize: config.size('vocab_size'),
    intermediateSize: config.size('intermediate_size', experts?.intermediateSize),
    numLayers,
    ...heads,
    contextLength: contextLength(family, config, scaling),
    normEpsilon: config.positive('rms_norm_eps', 1e-6),
    rotary,
    slidingWindow: slidingWindow(family, config),
    activation: family.activation ?? activation(config, 'hidden_act'),
    queryTemperature: queryTemperature(scaling),
    ...withoutNorm(family, holds(names.layer(0, 'qNorm'))),
    ...noRotary(family, config, numLayers),
    tiedEmbeddings: config.flag('tie_word_embeddings') ?? (family.gemma !== undefined || family.gemma4 === true),
    recurrent,
    experts,
    ...(family.gemma && huggingFaceGemma(family.gemma, heads, config)),
    ...(family.gemma4 && huggingFaceGemma4(heads, config, numLayers)),
  };
  const leftAlone = predictionBlocks(config, folded?.at(-1)?.network ?? numLayers - 1);
  Object.assign(spec, family.huggingFace?.traits?.(config, spec, folder));
  const streams = family.huggingFace?.streams?.(spec);
  return describeDecoder(spec, { ...names, streams }, family, {
    expertSource: family.experts?.source(holds),
    mixerRows: heads.latentAttention
      ? latentRows(spec, heads.latentAttention)
      : (places?.rows ?? family.huggingFace?.rows?.(spec)),
    mixerShape: huggingFaceMixerShape,
    ignored: (name) => leftAlone(name) || family.huggingFace?.ignored?.test(name) === true,
    vectorShapes: family.huggingFace?.shapes,
    ngramParts: family.huggingFace?.ngramParts?.(spec, folder) ?? null,
  });
}

function readHeads(family: DecoderFamily, config: Fields) {
  if (family.latentAttention) return huggingFaceLatent(config);
  const heads = family.gemma4
    ? huggingFaceGemma4Heads(config)
    : attentionShape(config, {
        hiddenSize: 'hidden_size',
        heads: 'num_attention_heads',
        keyValueHeads: 'num_key_value_heads',
        headDim: 'head_dim',
      });
  return { ...heads, latentAttention: null };
}

function namesOf(
  { huggingFace, experts }: DecoderFamily,
  latent: LatentAttentionSpec | null,
  folded: readonly FoldedLayer[] | null,
  recurrent: ModelSpec['recurrent'],
  places: MixerPlaces | null,
): CheckpointNames {
  const usual = huggingFaceNames({ ...experts?.renamed, ...huggingFace?.renamed });
  const { embedding = usual.embedding, finalNorm = usual.finalNorm } = huggingFace ?? {};
  const names = { ...usual, embedding, finalNorm };
  if (latent) return latentNames(names, latent);
  const inBlocks = folded ? foldedNames(names, folded) : names;
  const prefix = (layer: number) => `model.layers.${folded ? recurrentBlock(folded, layer) : layer}.`;
  return places ? recurrentNames(inBlocks, { recurrent }, places.names, prefix) : inBlocks;
}

/** Queries that grow with position, from the fields of rotary positions. */
function queryTemperature(scaling: Fields | null): ModelSpec['queryTemperature'] {
  if (scaling?.raw('llama_4_scaling_beta') === undefined) return null;
  return { scale: scaling.positive('llama_4_scaling_beta'), length: scaling.size('original_max_position_embeddings') };
}

/** The layers without rotary positions, which `no_rope_layers` marks with 0. Throws UNSUPPORTED for other patterns. */
function noRotary({ noRotaryEvery: usual }: DecoderFamily, config: Fields, numLayers: number) {
  if (usual === undefined) return {};
  const noRotaryEvery = config.size('no_rope_layer_interval', usual);
  const marks = config.raw('no_rope_layers');
  const asExpected = (mark: unknown, layer: number) => mark === (layer % noRotaryEvery === noRotaryEvery - 1 ? 0 : 1);
  if (marks !== undefined && !(Array.isArray(marks) && marks.length === numLayers && marks.every(asExpected)))
    throw config.unsupported(
      'no_rope_layers',
      `is ${shown(marks)}; only ${numLayers} layers of which each ${noRotaryEvery}th is 0 are supported`,
    );
  return { noRotaryEvery };
}

/** More blocks that predict further tokens than any model has. */
const MAX_PREDICTION_BLOCKS = 64;

/** Blocks that predict further tokens follow the last layer. A run does not need them. */
function predictionBlocks(config: Fields, lastLayer: number): (sourceName: string) => boolean {
  const blocks = config.count('num_nextn_predict_layers', MAX_PREDICTION_BLOCKS);
  return (sourceName) => {
    if (/^(model\.)?mtp[._]/.test(sourceName)) return true;
    const block = Number(/^model\.layers\.(\d+)\./.exec(sourceName)?.[1] ?? -1);
    return block > lastLayer && block <= lastLayer + blocks;
  };
}

/** The fields of rotary positions. Newer files of models with two kinds of layers have them once for each kind. */
function ropeFields(config: Fields): Fields | null {
  const parameters = config.object('rope_parameters') ?? config.object('rope_scaling');
  return parameters?.object('full_attention') ?? parameters;
}

function rotarySpec(
  { huggingFace: { rotary: layout = 'halves' } = {} }: DecoderFamily,
  scaling: Fields | null,
  config: Fields,
  { headDim, latentAttention }: Pick<ModelSpec, 'headDim' | 'latentAttention'>,
): RotarySpec {
  const source = scaling?.raw('rope_theta') === undefined ? config : scaling;
  const theta = source.positive('rope_theta', 10000);
  const dimension = latentAttention
    ? latentRotaryDimension(scaling ?? config, latentAttention)
    : rotaryDimension(scaling ?? config, config, headDim);
  return { theta, dimension, layout, ...huggingFaceScaling(scaling, config, theta, dimension) };
}

/** Dimensions of a head that rotate. */
function rotaryDimension(scaling: Fields, config: Fields, headDim: number): number {
  if (scaling.raw('rope_type') === 'proportional') return headDim;
  if (config.raw('rotary_dim') !== undefined)
    return checkedDimension(config, 'rotary_dim', config.size('rotary_dim'), headDim);
  const fields = scaling.raw('partial_rotary_factor') === undefined ? config : scaling;
  const dimension = Math.floor(headDim * fields.positive('partial_rotary_factor', 1));
  return checkedDimension(fields, 'partial_rotary_factor', dimension, headDim);
}

function checkedDimension(fields: Fields, key: string, dimension: number, headDim: number): number {
  if (dimension < 2 || dimension > headDim || dimension % 2 !== 0)
    throw fields.corrupt(key, `lets ${dimension} dimensions of ${headDim} turn; it should be an even number of them`);
  return dimension;
}

/** Within its window a sliding-window model is an ordinary one. */
function contextLength({ slidingWindow }: DecoderFamily, config: Fields, scaling: Fields | null): number {
  const trained = huggingFaceContext(scaling, config);
  const slides = slidingWindow === 'if asked' && config.flag('use_sliding_window') === true;
  return slides && config.raw('sliding_window') !== undefined
    ? Math.min(trained, config.size('sliding_window'))
    : trained;
}

function slidingWindow(family: DecoderFamily, config: Fields): SlidingWindowSpec | null {
  if (typeof family.slidingWindow === 'object') return alternatingWindow(family.slidingWindow, config);
  if (family.slidingWindow !== 'always' || config.raw('sliding_window') === undefined) return null;
  const size = config.size('sliding_window');
  return size < config.size('max_position_embeddings')
    ? { size, fullEvery: null, theta: null, layers: null, heads: null }
    : null;
}

function alternatingWindow({ size, fullEvery, theta }: AlternatingWindow, config: Fields): SlidingWindowSpec {
  const nearby = config.object('rope_parameters')?.object('sliding_attention');
  const spec = {
    size: config.size('sliding_window', size),
    fullEvery: fullEvery && config.size('sliding_window_pattern', fullEvery),
    layers: null,
    heads: null,
    theta: theta && (nearby?.positive('rope_theta', theta) ?? config.positive('rope_local_base_freq', theta)),
  };
  const types = config.raw('layer_types');
  const asExpected = (type: unknown, layer: number) =>
    type === (windowOf(spec, layer) === 0 ? 'full_attention' : 'sliding_attention');
  if (Array.isArray(types) && !types.every(asExpected))
    throw config.unsupported(
      'layer_types',
      `is not one full layer in ${spec.fullEvery}; no other pattern is supported`,
    );
  return spec;
}
