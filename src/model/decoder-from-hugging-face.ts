import { activation } from './activation.js';
import type { ModelDescription } from './architecture.js';
import { attentionShape } from './attention-shape.js';
import { huggingFaceNames } from './checkpoint-names.js';
import type { AlternatingWindow, DecoderFamily } from './decoder-family.js';
import { describeDecoder, familyTraits } from './describe-decoder.js';
import { huggingFaceExperts } from './experts.js';
import type { Fields } from './fields.js';
import { huggingFaceGemma } from './gemma-traits.js';
import { huggingFaceContext, huggingFaceScaling } from './rope-scaling.js';
import { windowOf } from './sliding-window.js';
import type { ModelSpec, RotarySpec, SlidingWindowSpec } from './spec.js';
import { refuseUnknownTraits } from './unknown-traits.js';

/**
 * A decoder's config.json. `holds` says whether the folder has a tensor of that name. Throws CORRUPT or UNSUPPORTED.
 */
export function huggingFaceDecoder(
  family: DecoderFamily,
  name: string,
  config: Fields,
  holds: (sourceName: string) => boolean,
): ModelDescription {
  refuseUnknownTraits(family, config);
  const heads = attentionShape(config, {
    hiddenSize: 'hidden_size',
    heads: 'num_attention_heads',
    keyValueHeads: 'num_key_value_heads',
    headDim: 'head_dim',
  });
  const scaling = ropeFields(config);
  const rotary = rotarySpec(scaling, config, heads.headDim);
  const experts = family.experts && huggingFaceExperts(family.experts, config);
  const spec: ModelSpec = {
    ...familyTraits(family),
    name,
    vocabSize: config.size('vocab_size'),
    intermediateSize: config.size('intermediate_size', experts?.intermediateSize),
    numLayers: config.size('num_hidden_layers'),
    ...heads,
    contextLength: contextLength(family, config, scaling),
    normEpsilon: config.positive('rms_norm_eps', 1e-6),
    rotary,
    slidingWindow: slidingWindow(family, config),
    activation: family.activation ?? activation(config, 'hidden_act'),
    tiedEmbeddings: config.flag('tie_word_embeddings') ?? family.gemma !== undefined,
    recurrent: null,
    experts,
    ...(family.gemma && huggingFaceGemma(family.gemma, heads, config)),
  };
  const names = huggingFaceNames(family.huggingFaceRenamed ?? family.experts?.renamed);
  return describeDecoder(spec, names, family, {
    expertSource: family.experts?.source(holds),
    kernelShape: (channels, kernel) => [channels, 1, kernel],
  });
}

/** The fields of rotary positions. Newer files of models with two kinds of layers have them once for each kind. */
function ropeFields(config: Fields): Fields | null {
  const parameters = config.object('rope_parameters') ?? config.object('rope_scaling');
  return parameters?.object('full_attention') ?? parameters;
}

function rotarySpec(scaling: Fields | null, config: Fields, headDim: number): RotarySpec {
  const source = config.raw('rope_theta') === undefined && scaling ? scaling : config;
  const theta = source.positive('rope_theta', 10000);
  const dimension = rotaryDimension(scaling ?? config, config, headDim);
  return { theta, dimension, layout: 'halves', ...huggingFaceScaling(scaling, config, theta, dimension) };
}

/** Dimensions of a head that rotate. */
function rotaryDimension(scaling: Fields, config: Fields, headDim: number): number {
  const fields = scaling.raw('partial_rotary_factor') === undefined ? config : scaling;
  const dimension = Math.floor(headDim * fields.positive('partial_rotary_factor', 1));
  if (dimension < 2 || dimension > headDim || dimension % 2 !== 0)
    throw fields.corrupt(
      'partial_rotary_factor',
      `lets ${dimension} dimensions of ${headDim} turn; it should be an even number of them`,
    );
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
  return size < config.size('max_position_embeddings') ? { size, fullEvery: null, theta: null } : null;
}

function alternatingWindow({ size, fullEvery, theta }: AlternatingWindow, config: Fields): SlidingWindowSpec {
  const nearby = config.object('rope_parameters')?.object('sliding_attention');
  const spec = {
    size: config.size('sliding_window', size),
    fullEvery: fullEvery && config.size('sliding_window_pattern', fullEvery),
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
