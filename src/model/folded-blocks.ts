import { shown } from '../errors.js';
import type { CheckpointNames } from './checkpoint-names.js';
import { Fields } from './fields.js';
import type { LayerTensor } from './tensor-names.js';

type Key = (suffix: string) => string;

/** The blocks of a checkpoint that are one layer here: mixers, if any, and the network after them. */
export interface FoldedLayer {
  /** Mixers with a state of fixed size, before the last mixer. */
  before: number[];
  /** The last mixer, which is of one of two kinds; null for both where no mixer comes before the network. */
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
 * Nemotron-H's blocks are each one thing: a mixer, attention, or a network. All mixers up to a network are one layer
 * with it, and attention may be the last of them alone. Throws what `refuse` makes of a problem.
 */
export function foldBlocks(kinds: readonly BlockKind[], refuse: (problem: string) => Error): FoldedLayer[] {
  const layers: FoldedLayer[] = [];
  let open: Omit<FoldedLayer, 'network'> = { before: [], recurrent: null, attention: null };
  for (const [block, kind] of kinds.entries()) {
    if (kind === 'network') {
      layers.push({ ...open, network: block });
      open = { before: [], recurrent: null, attention: null };
      continue;
    }
    if (open.attention !== null)
      throw refuse(
        `makes block ${block} a mixer right after attention, in block ${open.attention}; a network has to follow attention`,
      );
    if (open.recurrent !== null) open.before.push(open.recurrent);
    open.recurrent = null;
    open[kind] = block;
  }
  if (open.recurrent !== null || open.attention !== null || layers.length === 0)
    throw refuse(`has ${kinds.length} blocks, and no network follows the last mixer`);
  if (kinds.every((kind) => kind === 'network')) throw refuse('has no mixer among its blocks');
  return layers;
}

/** The mixers of folded layers. */
export const foldedMixers = (layers: readonly FoldedLayer[]) => ({
  layers: layers.map(({ recurrent }) => recurrent !== null),
  before: layers.map(({ before }) => before.length),
  without: layers.map(({ recurrent, attention }) => recurrent === null && attention === null),
});

/** The block of a mixer with a state of fixed size, by its layer's number or its own. */
export function recurrentBlock(layers: readonly FoldedLayer[], part: number): number {
  return layers[part]?.recurrent ?? layers.flatMap(({ before }) => before)[part - layers.length];
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
  layer: (layer, tensor) => names.layer(blockOf(layers, layer, tensor), tensor),
});

function blockOf(layers: readonly FoldedLayer[], layer: number, tensor: LayerTensor): number {
  if (layer >= layers.length) return recurrentBlock(layers, layer);
  const { recurrent, attention, network } = layers[layer];
  return OF_NETWORK.test(tensor) ? network : (recurrent ?? attention ?? network);
}
