import { activation } from './activation.js';
import type { ModelDescription, SourceTensors } from './architecture.js';
import { attentionShape } from './attention-shape.js';
import { type CheckpointNames, ggufNames } from './checkpoint-names.js';
import type { DecoderFamily } from './decoder-family.js';
import { describeDecoder, familyTraits } from './describe-decoder.js';
import { expertsApart } from './expert-sources.js';
import { ggufExperts } from './experts.js';
import type { Fields } from './fields.js';
import { ggufGemma } from './gemma-traits.js';
import { attendingHeads, type MixerPlaces, recurrentNames } from './recurrent-family.js';
import { ggufContext, ggufScaling } from './rope-scaling.js';
import type { ModelSpec, RotarySpec } from './spec.js';

/** The full name of a metadata key under the architecture's own prefix. */
type Key = (suffix: string) => string;

/** A decoder's GGUF metadata. Throws CORRUPT or UNSUPPORTED. */
export function ggufDecoder(
  family: DecoderFamily,
  name: string,
  metadata: Fields,
  tensors: SourceTensors,
): ModelDescription {
  const key: Key = (suffix) => `${family.ggufName}.${suffix}`;
  const heads = headsOf(family.recurrent ? attendingHeads(metadata, key) : metadata, key);
  const { numLayers, ignored, recurrent } = layersOf(family, metadata, key);
  const holds = (name: string) => tensors.shape(name) !== null;
  const places = recurrent && family.recurrent ? family.recurrent.gguf(recurrent.mixer, holds) : null;
  const names = namesOf(family, recurrent, places);
  const rotary = rotarySpec(family, metadata, key, tensors, heads.headDim);
  const vocabSize = embeddingRows(names, metadata, tensors);
  const apart = tensors.shape(expertNamed(0, 'gate', 0));
  const stack = tensors.shape(names.layer(0, 'gate')) ?? (apart && [metadata.size(key('expert_count')), ...apart]);
  const experts = family.experts && ggufExperts(family.experts, key, metadata, stack);
  const window = typeof family.slidingWindow === 'object' ? family.slidingWindow : null;
  const spec: ModelSpec = {
    ...familyTraits(family),
    name,
    vocabSize,
    intermediateSize: metadata.size(key('feed_forward_length'), experts?.intermediateSize),
    numLayers,
    ...heads,
    contextLength: ggufContext(family.ggufName, metadata, tensors),
    normEpsilon: metadata.positive(key('attention.layer_norm_rms_epsilon')),
    rotary,
    slidingWindow: window && { ...window, size: metadata.size(key('attention.sliding_window'), window.size) },
    activation: family.activation ?? activation(metadata, key('hidden_act')),
    tiedEmbeddings: tensors.shape(names.head) === null,
    recurrent,
    experts,
    ...(family.gemma && ggufGemma(family.gemma, heads, metadata, key)),
  };
  return describeDecoder(spec, names, family, {
    expertSource: apart && family.experts ? expertsApart(expertNamed) : undefined,
    mixerRows: places?.rows,
    kernelShape: (channels, kernel) => [channels, kernel],
    ignored,
  });
}

/**
 * The layers that run, and the tensors of those that do not: blocks that predict further tokens follow the last one.
 */
function layersOf({ recurrent }: DecoderFamily, metadata: Fields, key: Key) {
  const blocks = metadata.size(key('block_count'));
  const predicting = recurrent ? metadata.count(key('nextn_predict_layers'), blocks - 1) : 0;
  const numLayers = blocks - predicting;
  const mixers = recurrent?.fromGguf(metadata, key, blocks) ?? null;
  return {
    numLayers,
    recurrent: mixers && { ...mixers, layers: mixers.layers.slice(0, numLayers) },
    ignored: (name: string) => Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1) >= numLayers,
  };
}

function namesOf(
  family: DecoderFamily,
  recurrent: ModelSpec['recurrent'],
  places: MixerPlaces | null,
): CheckpointNames {
  const usual = ggufNames(family.experts !== null, family.ggufRenamed);
  const names = { ...usual, finalNorm: family.finalNorm?.gguf ?? usual.finalNorm };
  return places ? recurrentNames(names, { recurrent }, places.names, (layer) => `blk.${layer}.`) : names;
}

/** Files of Mixtral that were made until April 2024 have a matrix for each expert. */
const expertNamed = (layer: number, tensor: 'gate' | 'up' | 'down', expert: number) =>
  `blk.${layer}.ffn_${tensor}.${expert}.weight`;

function headsOf(metadata: Fields, key: Key) {
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
  return heads;
}

function rotarySpec(
  family: DecoderFamily,
  metadata: Fields,
  key: Key,
  tensors: SourceTensors,
  headDim: number,
): RotarySpec {
  const dimension = metadata.size(key('rope.dimension_count'), headDim);
  if (dimension > headDim || dimension % 2 !== 0)
    throw metadata.corrupt(
      key('rope.dimension_count'),
      `is ${dimension}; it should be even and at most the head's ${headDim}`,
    );
  const theta = metadata.positive(key('rope.freq_base'), 10000);
  const scaling = ggufScaling(family.ggufName, metadata, tensors, theta, dimension);
  return { theta, dimension, layout: family.ggufRotary, ...scaling };
}

/** The vocabulary's size. */
function embeddingRows(names: CheckpointNames, metadata: Fields, tensors: SourceTensors): number {
  const embedding = tensors.shape(names.embedding);
  if (embedding?.length !== 2)
    throw metadata.corrupt(
      names.embedding,
      embedding ? `is of shape [${embedding}]; it should be a matrix` : 'is missing; every model has it',
    );
  return embedding[0];
}
