import { activation } from './activation.js';
import type { Architecture, ModelDescription } from './architecture.js';
import { attentionShape } from './attention-shape.js';
import { type CheckpointNames, ggufNames, huggingFaceNames } from './checkpoint-names.js';
import type { DecoderFamily } from './decoder-family.js';
import { expectedTensors, type FusedRows } from './expected-tensors.js';
import { type ExpertSource, stackedExperts } from './expert-sources.js';
import { ggufExperts, huggingFaceExperts } from './experts.js';
import type { Fields } from './fields.js';
import { fusedGateUp, fusedQueriesKeysValues } from './fused-rows.js';
import { ggufGemma, huggingFaceGemma } from './gemma-traits.js';
import { PLAIN } from './plain.js';
import { GGUF_ROPE_TENSORS, ggufContext, ggufScaling, huggingFaceContext, huggingFaceScaling } from './rope-scaling.js';
import { windowOf } from './sliding-window.js';
import type { ModelSpec, SlidingWindowSpec } from './spec.js';
import { refuseUnknownTraits } from './unknown-traits.js';

/** The two ways to read a decoder's configuration. */
export function decoder(family: DecoderFamily): Architecture {
  const { architecture, queryKeyValueBiases, queryKeyNorm } = family;
  const traits = {
    ...PLAIN,
    architecture,
    norm: 'rms',
    positionOffset: 0,
    gated: true,
    queryKeyValueBiases,
    outputBias: family.biases ?? false,
    feedForwardBiases: family.biases ?? false,
    parallelNorm: null,
    queryKeyNorm,
    attentionSinks: family.attentionSinks ?? false,
  } as const;
  return {
    huggingFaceClasses: family.huggingFaceClasses,
    ggufName: family.ggufName,
    mixture: family.experts !== null,

    fromHuggingFace(name, config, holds) {
      refuseUnknownTraits(family, config);
      const heads = attentionShape(config, {
        hiddenSize: 'hidden_size',
        heads: 'num_attention_heads',
        keyValueHeads: 'num_key_value_heads',
        headDim: 'head_dim',
      });
      const parameters = config.object('rope_parameters') ?? config.object('rope_scaling');
      // Newer files of models with two kinds of layers say it for each kind.
      const scaling = parameters?.object('full_attention') ?? parameters;
      const theta =
        config.raw('rope_theta') === undefined && scaling
          ? scaling.positive('rope_theta', 10000)
          : config.positive('rope_theta', 10000);
      const dimension = rotaryDimension(scaling ?? config, config, heads.headDim);
      const experts = family.experts && huggingFaceExperts(family.experts, config);
      const spec: ModelSpec = {
        ...traits,
        name,
        vocabSize: config.size('vocab_size'),
        intermediateSize: config.size('intermediate_size', experts?.intermediateSize),
        numLayers: config.size('num_hidden_layers'),
        ...heads,
        contextLength: contextLength(family, config, scaling),
        normEpsilon: config.positive('rms_norm_eps', 1e-6),
        rotary: {
          theta,
          dimension,
          layout: 'halves',
          ...huggingFaceScaling(scaling, config, theta, dimension),
        },
        slidingWindow: huggingFaceWindow(family, config),
        activation: family.activation ?? activation(config, 'hidden_act'),
        tiedEmbeddings: config.flag('tie_word_embeddings') ?? family.gemma !== undefined,
        experts,
        ...(family.gemma && huggingFaceGemma(family.gemma, heads, config)),
      };
      const names = huggingFaceNames(family.huggingFaceRenamed ?? family.experts?.renamed);
      return describe(spec, names, family.experts?.source(holds), family.fused);
    },

    fromGguf(name, metadata, tensors) {
      const key = (suffix: string) => `${family.ggufName}.${suffix}`;
      const heads = attentionShape(metadata, {
        hiddenSize: key('embedding_length'),
        heads: key('attention.head_count'),
        keyValueHeads: key('attention.head_count_kv'),
        headDim: key('attention.key_length'),
      });
      if (metadata.size(key('attention.value_length'), heads.headDim) !== heads.headDim)
        throw metadata.unsupported(
          key('attention.value_length'),
          `differs from the keys' ${heads.headDim}, which is not supported`,
        );
      const dimension = metadata.size(key('rope.dimension_count'), heads.headDim);
      if (dimension > heads.headDim || dimension % 2 !== 0)
        throw metadata.corrupt(
          key('rope.dimension_count'),
          `is ${dimension}; it should be even and at most the head's ${heads.headDim}`,
        );
      const names = ggufNames(family.experts !== null, family.ggufRenamed);
      const theta = metadata.positive(key('rope.freq_base'), 10000);
      const embedding = tensors.shape(names.embedding);
      if (embedding?.length !== 2)
        throw metadata.corrupt(
          names.embedding,
          embedding ? `is of shape [${embedding}]; it should be a matrix` : 'is missing; every model has it',
        );
      const experts =
        family.experts && ggufExperts(family.experts, key, metadata, tensors.shape(names.layer(0, 'gate')));
      const spec: ModelSpec = {
        ...traits,
        name,
        vocabSize: embedding[0],
        intermediateSize: metadata.size(key('feed_forward_length'), experts?.intermediateSize),
        numLayers: metadata.size(key('block_count')),
        ...heads,
        contextLength: ggufContext(family.ggufName, metadata, tensors),
        normEpsilon: metadata.positive(key('attention.layer_norm_rms_epsilon')),
        rotary: {
          theta,
          dimension,
          layout: family.ggufRotary,
          ...ggufScaling(family.ggufName, metadata, tensors, theta, dimension),
        },
        slidingWindow:
          typeof family.slidingWindow === 'object'
            ? window(family.slidingWindow, metadata, key('attention.sliding_window'))
            : null,
        activation: family.activation ?? activation(metadata, key('hidden_act')),
        tiedEmbeddings: tensors.shape(names.head) === null,
        experts,
        ...(family.gemma && ggufGemma(family.gemma, heads, metadata, key)),
      };
      return describe(spec, names, stackedExperts, family.fused);
    },
  };
}

/** Dimensions of a head that turn. */
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

function huggingFaceWindow({ slidingWindow }: DecoderFamily, config: Fields): SlidingWindowSpec | null {
  if (typeof slidingWindow === 'object') return alternatingWindow(slidingWindow, config);
  if (slidingWindow !== 'always' || config.raw('sliding_window') === undefined) return null;
  const size = config.size('sliding_window');
  return size < config.size('max_position_embeddings') ? { size, fullEvery: null, theta: null } : null;
}

function alternatingWindow(family: Extract<DecoderFamily['slidingWindow'], object>, config: Fields): SlidingWindowSpec {
  const nearby = config.object('rope_parameters')?.object('sliding_attention');
  const spec = {
    ...window(family, config, 'sliding_window'),
    fullEvery: family.fullEvery && config.size('sliding_window_pattern', family.fullEvery),
    theta:
      family.theta &&
      (nearby?.positive('rope_theta', family.theta) ?? config.positive('rope_local_base_freq', family.theta)),
  };
  const types = config.raw('layer_types');
  const asExpected = (type: unknown, layer: number) =>
    type === (windowOf(spec, layer) === 0 ? 'full_attention' : 'sliding_attention');
  if (Array.isArray(types) && !types.every(asExpected))
    throw config.unsupported('layer_types', `is not one full layer in ${spec.fullEvery}, which alone is supported`);
  return spec;
}

const window = (
  { size, ...family }: Extract<DecoderFamily['slidingWindow'], object>,
  fields: Fields,
  key: string,
): SlidingWindowSpec => ({ ...family, size: fields.size(key, size) });

function describe(
  spec: ModelSpec,
  names: CheckpointNames,
  expertSource: ExpertSource | undefined,
  fused = false,
): ModelDescription {
  const [attention, network] = [fusedQueriesKeysValues(spec), fusedGateUp(spec)];
  const fusedRows: FusedRows = (tensor) => (fused ? (attention(tensor) ?? network(tensor)) : null);
  return {
    spec,
    tensors: { [Symbol.iterator]: () => expectedTensors(spec, names, { expertSource, fusedRows }) },
    ignores: (sourceName) =>
      GGUF_ROPE_TENSORS.includes(sourceName) ||
      (sourceName === names.head && spec.tiedEmbeddings) ||
      // Older Hugging Face checkpoints carry what theta says anyway.
      sourceName.endsWith('.rotary_emb.inv_freq'),
  };
}
