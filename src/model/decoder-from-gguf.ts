import { shown } from '../errors.js';
import { activation } from './activation.js';
import type { ModelDescription, SourceTensors } from './architecture.js';
import { attentionShape } from './attention-shape.js';
import { type CheckpointNames, ggufNames } from './checkpoint-names.js';
import { compressedShape } from './compressed-tensors.js';
import type { DecoderFamily } from './decoder-family.js';
import { describeDecoder, familyTraits, withoutNorm } from './describe-decoder.js';
import { type ExpertSource, expertsApart, fusedExperts } from './expert-sources.js';
import { type ExpertsFamily, ggufExperts, ggufLeadingLayers } from './experts.js';
import type { Fields } from './fields.js';
import { type FoldedLayer, foldedFields, foldedMixers, foldedNames, recurrentBlock } from './folded-blocks.js';
import { ggufLatent, latentNames, latentRows, latentShape } from './latent-family.js';
import { attendingHeads, ggufMixerShape, type MixerPlaces, recurrentNames } from './recurrent-family.js';
import { ggufContext, ggufScaling } from './rope-scaling.js';
import type { ModelSpec, RotarySpec } from './spec.js';
import { ggufGemma } from './traits/gemma.js';
import { ggufGemma4, ggufGemma4Heads } from './traits/gemma4.js';

/** The full name of a metadata key under the architecture's own prefix. */
type Key = (suffix: string) => string;

/** A decoder's GGUF metadata. Throws CORRUPT or UNSUPPORTED. */
export function ggufDecoder(
  family: DecoderFamily,
  name: string,
  blockMetadata: Fields,
  tensors: SourceTensors,
): ModelDescription {
  const key: Key = (suffix) => `${family.ggufName}.${suffix}`;
  const folded = family.folded?.fromGguf(blockMetadata, key) ?? null;
  const metadata = folded ? foldedFields(blockMetadata, key, folded) : blockMetadata;
  const heads = readHeads(family, metadata, key, tensors);
  const { numLayers, ignored, recurrent } = layersOf(family, { blockMetadata, metadata, folded }, key, tensors);
  const firstMixture = family.experts && ggufLeadingLayers(key, metadata, numLayers);
  const holds = (name: string) => tensors.shape(name) !== null;
  const places = recurrent && family.recurrent ? family.recurrent.gguf(recurrent.mixer, holds) : null;
  const mixerNames = namesOf(family, firstMixture, recurrent, places, folded);
  const names = heads.latentAttention ? latentNames(mixerNames, heads.latentAttention) : mixerNames;
  const rotary = rotarySpec(family, metadata, key, tensors, heads.headDim);
  const vocabSize = embeddingRows(names, metadata, tensors);
  const experts = family.experts && expertsOf(family.experts, metadata, key, firstMixture!, tensors, names);
  const window = typeof family.slidingWindow === 'object' ? family.slidingWindow : null;
  const spec: ModelSpec = {
    ...familyTraits(family),
    name,
    vocabSize,
    intermediateSize: family.gemma4 ? 0 : metadata.size(key('feed_forward_length'), experts?.intermediateSize),
    numLayers,
    ...heads,
    contextLength: ggufContext(family.ggufName, metadata, tensors),
    normEpsilon: normEpsilon(metadata, key),
    rotary,
    slidingWindow: window && {
      ...{ ...window, layers: null, heads: null },
      size: metadata.size(key('attention.sliding_window'), window.size),
    },
    activation: family.activation ?? activation(metadata, key('hidden_act')),
    queryTemperature: queryTemperature(metadata, key),
    ...withoutNorm(family, tensors.shape(names.layer(0, 'qNorm')) !== null),
    tiedEmbeddings: tensors.shape(names.head) === null,
    recurrent,
    experts,
    ...(family.gemma && ggufGemma(family.gemma, heads, metadata, key)),
    ...(family.gemma4 && ggufGemma4(heads, metadata, key, numLayers, tensors)),
  };
  Object.assign(spec, family.ggufTraits?.(metadata, key, spec, tensors));
  return describeDecoder(spec, names, family, {
    expertSource: experts ? expertSource(firstMixture!, tensors) : undefined,
    mixerRows: heads.latentAttention ? latentRows(spec, heads.latentAttention) : places?.rows,
    mixerShape: (tensor, _, layer) =>
      latentShape(tensor, spec) ?? ggufMixerShape(tensor, spec) ?? compressedShape(tensor, spec, layer),
    ignored: (name) => ignored(name) || family.ggufIgnored?.test(name) === true,
  });
}

/**
 * The layers that run, and the tensors of those that do not: blocks that predict further tokens follow the last one.
 * Blocks beyond those are not ignored, as a file that has more than it says would lose layers without a word.
 */
function layersOf(
  { recurrent }: DecoderFamily,
  { blockMetadata, metadata, folded }: { blockMetadata: Fields; metadata: Fields; folded: FoldedLayer[] | null },
  key: Key,
  tensors: SourceTensors,
) {
  const blocks = blockMetadata.size(key('block_count'));
  const firstPredicting = blocks - blockMetadata.count(key('nextn_predict_layers'), blocks - 1);
  checkPredicting(blockMetadata, key('nextn_predict_layers'), firstPredicting, tensors);
  const numLayers = folded ? folded.length : firstPredicting;
  const mixers = recurrent?.fromGguf(metadata, key, metadata.size(key('block_count'))) ?? null;
  return {
    numLayers,
    recurrent: mixers && { ...mixers, layers: mixers.layers.slice(0, numLayers), ...(folded && foldedMixers(folded)) },
    ignored: (name: string) => {
      const block = Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1);
      return block >= firstPredicting && block < blocks;
    },
  };
}

/** A file whose number of such blocks is too large would lose layers without a word. Throws CORRUPT. */
function checkPredicting(metadata: Fields, key: string, first: number, tensors: SourceTensors): void {
  const has = (name: string) => tensors.shape(`blk.${first}.${name}.weight`) !== null;
  if (has('nextn.eh_proj') || !NORMS.some(has)) return;
  const count = metadata.raw(key);
  if (count !== undefined && count !== 0)
    throw metadata.corrupt(key, `is ${shown(count)}, but block ${first} does not predict: it has no nextn.eh_proj`);
}

/** What each block begins with, whether or not it predicts. */
const NORMS: readonly string[] = ['attn_norm', 'hc_attn_norm', 'hc_attn_fn'];

function namesOf(
  family: DecoderFamily,
  firstMixture: number | null,
  recurrent: ModelSpec['recurrent'],
  places: MixerPlaces | null,
  folded: readonly FoldedLayer[] | null,
): CheckpointNames {
  const usual = ggufNames(firstMixture, family.ggufRenamed);
  const names = { ...usual, finalNorm: family.ggufFinalNorm ?? usual.finalNorm };
  const inBlocks = folded ? foldedNames(names, folded) : names;
  const prefix = (layer: number) => `blk.${folded ? recurrentBlock(folded, layer) : layer}.`;
  return places ? recurrentNames(inBlocks, { recurrent }, places.names, prefix) : inBlocks;
}

/** Writers of Nemotron-H use either key. */
function normEpsilon(metadata: Fields, key: Key): number {
  const keys = ['attention.layer_norm_rms_epsilon', 'attention.layer_norm_epsilon'].map(key);
  return metadata.positive(keys.find((name) => metadata.raw(name) !== undefined) ?? keys[0]);
}

/** Files of Mixtral that were made until April 2024 have a matrix for each expert. */
const expertNamed = (layer: number, tensor: 'gate' | 'up' | 'down', expert: number) =>
  `blk.${layer}.ffn_${tensor}.${expert}.weight`;

const fusedName = (layer: number, stack: 'gateUp' | 'down') =>
  `blk.${layer}.ffn_${stack === 'gateUp' ? 'gate_up' : stack}_exps.weight`;

function expertsOf(
  family: ExpertsFamily,
  metadata: Fields,
  key: Key,
  layer: number,
  tensors: SourceTensors,
  names: CheckpointNames,
) {
  const down = names.layer(layer, 'down');
  const apart = tensors.shape(expertNamed(layer, 'down', 0));
  const downShape = tensors.shape(down) ?? (apart && [metadata.size(key('expert_count')), ...apart]);
  return ggufExperts(family, key, metadata, layer, tensors, {
    ...{ down, downShape },
    selectionBias: names.layer(layer, 'selectionBias'),
    sharedUp: names.layer(layer, 'sharedUp'),
  });
}

/** Where the experts are; undefined where they are in stacks of their own. `layer` is the first that has experts. */
function expertSource(layer: number, tensors: SourceTensors): ExpertSource | undefined {
  if (tensors.shape(expertNamed(layer, 'down', 0))) return expertsApart(expertNamed);
  return tensors.shape(fusedName(layer, 'gateUp')) ? fusedExperts(fusedName) : undefined;
}

function readHeads(family: DecoderFamily, metadata: Fields, key: Key, tensors: SourceTensors) {
  if (family.latentAttention) return ggufLatent(metadata, key, tensors);
  if (family.gemma4) return { ...ggufGemma4Heads(metadata, key), latentAttention: null };
  return headsOf(family.recurrent ? attendingHeads(metadata, key) : metadata, key);
}

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
  return { ...heads, latentAttention: null };
}

/** Queries that grow with position. Where no key has the length it is the context before YaRN's. Throws CORRUPT. */
function queryTemperature(metadata: Fields, key: Key): ModelSpec['queryTemperature'] {
  const scaleKey = key('attention.temperature_scale');
  if (metadata.raw(scaleKey) === undefined || metadata.raw(scaleKey) === 0) return null;
  const lengthKeys = [key('attention.temperature_length'), key('rope.scaling.original_context_length')];
  const lengthKey = lengthKeys.find((one) => metadata.raw(one) !== undefined) ?? lengthKeys[0];
  return { scale: metadata.positive(scaleKey), length: metadata.size(lengthKey) };
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
