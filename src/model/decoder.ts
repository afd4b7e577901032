import { activation } from './activation.js';
import type { Architecture, ModelDescription } from './architectures.js';
import { attentionShape } from './attention-shape.js';
import { type CheckpointNames, type ExpertNames, ggufNames, huggingFaceNames } from './checkpoint-names.js';
import { expectedTensors } from './expected-tensors.js';
import { type ExpertsFamily, ggufExperts, huggingFaceExperts } from './experts.js';
import { type Fields, shown } from './fields.js';
import { GGUF_ROPE_FACTORS, ggufScaling, huggingFaceFactors } from './rope-scaling.js';
import type { Activation, ModelSpec, RotarySpec, SlidingWindowSpec } from './spec.js';
import type { LayerTensor } from './tensor-names.js';

/** What sets one family of decoders with RMS norms, rotary attention and gated feed-forward networks apart from the others. */
export interface DecoderFamily extends Pick<ModelSpec, 'architecture' | 'queryKeyValueBiases' | 'queryKeyNorm'> {
  /** Where the other projections add biases too: attention's output, the router, and each expert's. */
  biases?: boolean;
  attentionSinks?: boolean;
  /** Where no field names it. */
  activation?: Activation;
  /** GGUF names that differ from the usual. */
  ggufRenamed?: Partial<Record<LayerTensor, string>>;
  huggingFaceClasses: readonly string[];
  ggufName: string;
  /** How GGUF files of this family order queries and keys (llama.cpp, llama_model_rope_type). Hugging Face ones are always in halves. */
  ggufRotary: RotarySpec['layout'];
  /**
   * Whether `sliding_window` counts by itself, or only with `use_sliding_window`, where the context ends with the window since not all layers need slide;
   * or which layers slide by a size that the metadata must name.
   */
  slidingWindow: 'always' | 'if asked' | Pick<SlidingWindowSpec, 'fullEvery'>;
  experts: ExpertsFamily | null;
}

/** The two ways to read a decoder's configuration. */
export function decoder(family: DecoderFamily): Architecture {
  const { architecture, queryKeyValueBiases, queryKeyNorm } = family;
  const traits = {
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

    fromHuggingFace(name, config) {
      refuseUnknownTraits(config);
      const heads = attentionShape(config, {
        hiddenSize: 'hidden_size',
        heads: 'num_attention_heads',
        keyValueHeads: 'num_key_value_heads',
        headDim: 'head_dim',
      });
      const scaling = config.object('rope_parameters') ?? config.object('rope_scaling');
      const theta =
        config.raw('rope_theta') === undefined && scaling
          ? scaling.positive('rope_theta', 10000)
          : config.positive('rope_theta', 10000);
      const experts = family.experts && huggingFaceExperts(family.experts, config);
      const spec: ModelSpec = {
        ...traits,
        name,
        vocabSize: config.size('vocab_size'),
        intermediateSize: config.size('intermediate_size', experts?.intermediateSize),
        numLayers: config.size('num_hidden_layers'),
        ...heads,
        contextLength: contextLength(family, config),
        normEpsilon: config.positive('rms_norm_eps', 1e-6),
        rotary: {
          theta,
          dimension: heads.headDim,
          layout: 'halves',
          frequencyFactors: huggingFaceFactors(scaling, theta, heads.headDim),
          magnitude: 1,
        },
        slidingWindow: huggingFaceWindow(family, config),
        activation: activation(config, 'hidden_act'),
        tiedEmbeddings: config.flag('tie_word_embeddings') ?? false,
        experts,
      };
      return describe(spec, huggingFaceNames(family.experts?.renamed), family.experts?.expertNames ?? null);
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
        contextLength: metadata.size(key('context_length')),
        normEpsilon: metadata.positive(key('attention.layer_norm_rms_epsilon')),
        rotary: {
          theta,
          dimension,
          layout: family.ggufRotary,
          ...ggufScaling(family.ggufName, metadata, tensors, theta, dimension),
        },
        slidingWindow:
          typeof family.slidingWindow === 'object'
            ? { size: metadata.size(key('attention.sliding_window')), ...family.slidingWindow }
            : null,
        activation: family.activation ?? activation(metadata, key('hidden_act')),
        tiedEmbeddings: tensors.shape(names.head) === null,
        experts,
      };
      return describe(spec, names, null);
    },
  };
}

/** What would change the result, and is not modelled. Throws UNSUPPORTED. */
function refuseUnknownTraits(config: Fields): void {
  for (const key of ['attention_bias', 'mlp_bias'])
    if (config.flag(key)) throw config.unsupported(key, 'is true; projections with biases are not supported');
  if (config.raw('quantization_config') !== undefined)
    throw config.unsupported(
      'quantization_config',
      'says that the weights are quantized; use the original weights or a GGUF file',
    );
  if (config.raw('clip_qkv') !== undefined)
    throw config.unsupported('clip_qkv', `is ${shown(config.raw('clip_qkv'))}; clipping is not supported`);
  if (config.raw('partial_rotary_factor') !== undefined && config.raw('partial_rotary_factor') !== 1)
    throw config.unsupported(
      'partial_rotary_factor',
      `is ${shown(config.raw('partial_rotary_factor'))}; only 1 is supported`,
    );
}

/** Within its window a sliding-window model is an ordinary one. */
function contextLength({ slidingWindow }: DecoderFamily, config: Fields): number {
  const trained = config.size('max_position_embeddings');
  const slides = slidingWindow === 'if asked' && config.flag('use_sliding_window') === true;
  return slides && config.raw('sliding_window') !== undefined
    ? Math.min(trained, config.size('sliding_window'))
    : trained;
}

function huggingFaceWindow({ slidingWindow }: DecoderFamily, config: Fields): SlidingWindowSpec | null {
  if (slidingWindow !== 'always' || config.raw('sliding_window') === undefined) return null;
  const size = config.size('sliding_window');
  return size < config.size('max_position_embeddings') ? { size, fullEvery: null } : null;
}

function describe(spec: ModelSpec, names: CheckpointNames, expertNames: ExpertNames | null): ModelDescription {
  return {
    spec,
    tensors: { [Symbol.iterator]: () => expectedTensors(spec, names, expertNames) },
    ignores: (sourceName) =>
      sourceName === GGUF_ROPE_FACTORS ||
      (sourceName === names.head && spec.tiedEmbeddings) ||
      // Older Hugging Face checkpoints carry what theta says anyway.
      sourceName.endsWith('.rotary_emb.inv_freq'),
  };
}
