import { shown } from '../errors.js';
import type { CheckpointNames } from './checkpoint-names.js';
import type { FusedRows } from './expected-tensors.js';
import { Fields } from './fields.js';
import { recurrentOf } from './mixer-tensors.js';
import type { ModelSpec, RecurrentLayersSpec, RecurrentSpec } from './spec.js';
import type { LayerTensor } from './tensor-names.js';

/** The full name of a metadata key under the architecture's own prefix. */
type Key = (suffix: string) => string;
type LayerNames = Partial<Record<LayerTensor, string>>;

/** How the checkpoints of a family describe the layers that have another mixer than attention. */
export interface RecurrentFamily {
  /** Throws CORRUPT or UNSUPPORTED. `blocks` counts prediction blocks too. */
  fromGguf(metadata: Fields, key: Key, blocks: number): RecurrentLayersSpec;
  fromHuggingFace(config: Fields, numLayers: number): RecurrentLayersSpec;
  /** Where the tensors of these layers are. `holds` says whether the checkpoint has a tensor of that name. */
  gguf(mixer: RecurrentSpec, holds: (sourceName: string) => boolean): MixerPlaces;
  huggingFace(mixer: RecurrentSpec, holds: (sourceName: string) => boolean): MixerPlaces;
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
