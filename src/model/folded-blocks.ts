import { shown } from '../errors.js';
import type { CheckpointNames } from './checkpoint-names.js';
import { Fields } from './fields.js';
import type { LayerTensor } from './tensor-names.js';

type Key = (suffix: string) => string;

/** The blocks of a checkpoint that are one layer here: a mixer, perhaps a second one, and a network. */
export interface FoldedLayer {
  /** The mixer; null where attention is the only one. */
  recurrent: number | null;
  attention: number | null;
  network: number;
}

/** What a block of Nemotron-H is. */
export type BlockKind = 'recurrent' | 'attention' | 'network';

/** The layers of a GGUF file: `attention.head_count_kv` and `feed_forward_length` say what a block is. */
export function ggufFoldedBlocks(metadata: Fields, key: Key): FoldedLayer[] {
  const blocks = metadata.size(key('block_count')) - metadata.count(key('nextn_predict_layers'), 1024);
  const counts = (name: string): number[] => {
    const list = metadata.raw(key(name));
    if (Array.isArray(list) && list.length >= blocks) return list;
    throw metadata.corrupt(key(name), `is ${shown(list)}; it should have a number for each of the ${blocks} blocks`);
  };
  const [keys, neurons] = [counts('attention.head_count_kv'), counts('feed_forward_length')];
  const kinds = Array.from({ length: blocks }, (_, block): BlockKind => {
    if (neurons[block] > 0) return 'network';
    return keys[block] > 0 ? 'attention' : 'recurrent';
  });
  return foldBlocks(kinds, (problem) => metadata.unsupported(key('feed_forward_length'), problem));
}

/**
 * Nemotron-H's blocks are each one thing: a mixer, attention, or a network. One or two mixers and the network after
 * them are a layer here. Throws what `refuse` makes of a problem.
 */
export function foldBlocks(kinds: readonly BlockKind[], refuse: (problem: string) => Error): FoldedLayer[] {
  const layers: FoldedLayer[] = [];
  let open: Omit<FoldedLayer, 'network'> = { recurrent: null, attention: null };
  for (const [block, kind] of kinds.entries()) {
    const fits =
      kind === 'network'
        ? open.recurrent !== null || open.attention !== null
        : open.attention === null && (kind === 'attention' || open.recurrent === null);
    if (!fits)
      throw refuse(
        `makes block ${block} ${kind === 'network' ? 'a network' : 'a mixer'} where none can follow; known are a Mamba block, attention, or the first and then the other, before each network`,
      );
    if (kind === 'network') {
      layers.push({ ...open, network: block });
      open = { recurrent: null, attention: null };
    } else open[kind] = block;
  }
  if (open.recurrent !== null || open.attention !== null || layers.length === 0)
    throw refuse(`has ${kinds.length} blocks, and no network follows the last mixer`);
  return layers;
}

/** The metadata of the layers: as many as there are networks, and what is said of each block said of each layer. */
export function foldedFields(metadata: Fields, key: Key, layers: readonly FoldedLayer[]): Fields {
  const keys = metadata.raw(key('attention.head_count_kv')) as number[];
  const neurons = metadata.raw(key('feed_forward_length')) as number[];
  const folded = new Map<string, unknown>([
    [key('block_count'), layers.length],
    [key('attention.head_count_kv'), layers.map(({ attention }) => (attention === null ? 0 : keys[attention]))],
    [key('feed_forward_length'), layers.map(({ network }) => neurons[network])],
  ]);
  return new Fields(metadata.where, (name) => (folded.has(name) ? folded.get(name) : metadata.raw(name)));
}

const OF_NETWORK = /^(ffnNorm|experts|router|selectionBias|shared|gate$|up$|down$)/;

/** Names with the number of the block that a tensor is in. */
export const foldedNames = (names: CheckpointNames, layers: readonly FoldedLayer[]): CheckpointNames => ({
  ...names,
  layer: (layer, tensor) => names.layer(blockOf(layers[layer], tensor), tensor),
});

function blockOf({ recurrent, attention, network }: FoldedLayer, tensor: LayerTensor): number {
  if (OF_NETWORK.test(tensor)) return network;
  const ofMixer = tensor.startsWith('mixer') || attention === null;
  return (ofMixer ? recurrent : attention) ?? network;
}
