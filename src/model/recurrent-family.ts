import { shown } from '../errors.js';
import type { CheckpointNames } from './checkpoint-names.js';
import type { FusedRows } from './expected-tensors.js';
import { Fields } from './fields.js';
import { mixerChannels, recurrentOf, streamsWidth } from './mixer-tensors.js';
import type { ModelSpec, RecurrentLayersSpec, RecurrentSpec } from './spec.js';
import type { LayerTensor } from './tensor-names.js';

/** The full name of a metadata key under the architecture's own prefix. */
type Key = (suffix: string) => string;
type LayerNames = Partial<Record<LayerTensor, string>>;

/** How the checkpoints of a family describe the layers that have another mixer than attention. */
export interface RecurrentFamily {
  /** Throws CORRUPT or UNSUPPORTED. `blocks` counts prediction blocks too. */
  fromGguf(metadata: Fields, key: Key, blocks: number): RecurrentLayersSpec;
  /** Where the tensors of these layers are. `holds` says whether the checkpoint has a tensor of that name. */
  gguf(mixer: RecurrentSpec, holds: (sourceName: string) => boolean): MixerPlaces;
  /** The same in Hugging Face folders. */
  fromHuggingFace(config: Fields, numLayers: number): RecurrentLayersSpec;
  huggingFace(mixer: RecurrentSpec): MixerPlaces;
}

export interface MixerPlaces {
  /** Names that differ from the usual in these layers alone. */
  names: LayerNames;
  /** Matrices whose rows are parts of a larger one. Default: none. */
  rows?: FusedRows;
}

/** Names that differ in the layers with such a mixer. */
export const recurrentNames = (
  names: CheckpointNames,
  spec: Pick<ModelSpec, 'recurrent'>,
  renamed: LayerNames,
  layerPrefix: (layer: number) => string,
): CheckpointNames => ({
  ...names,
  layer: (layer, tensor) => {
    const name = recurrentOf(spec, layer) && renamed[tensor];
    return name ? layerPrefix(layer) + name : names.layer(layer, tensor);
  },
});

/** Layers with attention are those with keys and values: `attention.head_count_kv` has a number for each layer. */
export function layersWithoutKeys(metadata: Fields, key: Key, blocks: number): boolean[] {
  const counts = metadata.raw(key('attention.head_count_kv'));
  if (!Array.isArray(counts)) return new Array<boolean>(blocks).fill(false);
  if (counts.length !== blocks)
    throw metadata.corrupt(
      key('attention.head_count_kv'),
      `has ${counts.length} entries; it should have one for each of the ${blocks} layers`,
    );
  return counts.map((count) => count === 0);
}

/** The same metadata, in which lists of heads leave out layers without attention. */
export const attendingHeads = (metadata: Fields, key: Key): Fields => {
  const lists = [key('attention.head_count'), key('attention.head_count_kv')];
  return new Fields(metadata.where, (name) => {
    const value = metadata.raw(name);
    if (!lists.includes(name) || !Array.isArray(value)) return value;
    const heads = value.filter((count) => count !== 0);
    // Nothing is left where no layer has attention. One head then stands for none.
    return heads.length > 0 ? heads : 1;
  });
};

/** Throws CORRUPT unless the key heads divide the value heads. */
export function checkHeads(fields: Fields, key: string, keyHeads: number, valueHeads: number): void {
  if (valueHeads % keyHeads !== 0)
    throw fields.corrupt(key, `is ${shown(keyHeads)}, which does not divide the ${valueHeads} value heads`);
}

/** The shape of a mixer's tensor in a GGUF file; null for our own. */
export function ggufMixerShape(tensor: LayerTensor, spec: ModelSpec): number[] | null {
  const { recurrent, hiddenSize } = spec;
  if (!recurrent) return null;
  const { mixer } = recurrent;
  if (tensor === 'ngramKernel') return [streamsWidth(spec), spec.ngrams!.kernel];
  if (tensor === 'mixerKernel') return [mixerChannels(mixer, hiddenSize), mixer.kernel];
  if (mixer.kind !== 'mamba-2') return null;
  if (tensor === 'mixerDecay' || tensor === 'mixerSkip') return [mixer.heads, 1];
  return tensor === 'mixerNorm' ? [mixer.groups, (mixer.heads * mixer.headDim) / mixer.groups] : null;
}

/** Convolutions have their channels' weights as one row each; null for our own shape. */
export function huggingFaceMixerShape(tensor: LayerTensor, spec: ModelSpec): number[] | null {
  const { recurrent, hiddenSize, ngrams } = spec;
  if (ngrams && tensor === 'ngramKernel') return [streamsWidth(spec), 1, ngrams.kernel];
  return recurrent && tensor === 'mixerKernel'
    ? [mixerChannels(recurrent.mixer, hiddenSize), 1, recurrent.mixer.kernel]
    : null;
}

/** What `layer_types` calls a layer with attention, and one with another mixer. Older files have the second names. */
const ATTENDING: readonly unknown[] = ['full_attention', 'attention'];
const RECURRING: readonly unknown[] = ['linear_attention', 'mamba', 'conv'];

/**
 * The layers that `layer_types` gives another mixer than attention; those of `otherwise` where there is no such field.
 * Throws CORRUPT or UNSUPPORTED.
 */
export function recurrentLayers(config: Fields, numLayers: number, otherwise: (layer: number) => boolean): boolean[] {
  const key = 'layer_types';
  if (config.raw(key) === undefined) return Array.from({ length: numLayers }, (_, layer) => otherwise(layer));
  return config.perLayer(key, numLayers).map((type) => {
    if (!ATTENDING.includes(type) && !RECURRING.includes(type))
      throw config.unsupported(key, `has ${shown(type)}; supported: ${[...ATTENDING, ...RECURRING].join(', ')}`);
    return RECURRING.includes(type);
  });
}

/** Positions that a convolution sees. Throws CORRUPT for fewer than two. */
export function kernelSize(fields: Fields, key: string, usual?: number): number {
  const kernel = fields.size(key, usual);
  if (kernel < 2 || kernel > MAX_KERNEL)
    throw fields.corrupt(key, `is ${kernel}; a convolution sees from 2 to ${MAX_KERNEL} tokens`);
  return kernel;
}

/** Far above any model. */
const MAX_KERNEL = 64;
