import type { KeyValueCacheOptions } from './bridge.js';

/*
 * The bridge's use of memory: every number that plans, the twin and the addon share. The addon exports those that it
 * was compiled with, and a test compares them.
 */

/** Bytes that offsets, lengths and addresses of direct reads are multiples of. Arena offsets are, too. */
export const DEVICE_BLOCK = 4096;

/** Positions in one page of keys and values. */
export const PAGE_POSITIONS = 64;

/** Pages that hold so many positions. */
export const pagesOf = (positions: number): number => Math.ceil(positions / PAGE_POSITIONS);

/** Queries of one key-value head that a thread attends with at once. */
export const TILE_QUERIES = 32;

/** Most values of h, [tokens, neurons], that a feed-forward call keeps at once, unless one unit has more. */
export const MOST_ACTIVATIONS = 512 * 1024;

/** Inputs as 16-bit integers: this many share a scale, and take these bytes together. */
export const INTEGER_BLOCK = { values: 32, bytes: 80 } as const;

/** The least multiple of `to` that is not below `value`. */
export const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to;

type PageShape = Pick<KeyValueCacheOptions, 'numKeyValueHeads' | 'headDim' | 'format' | 'sharedValueDim'>;

/** Bytes of one value, and of the f32 scale that a vector of integers has. */
const KEPT = { i8: [1, 4], i16: [2, 4], f32: [4, 0] } as const;

/** Bytes of one page of a layer. */
export function keyValuePageBytes({ numKeyValueHeads, headDim, format, sharedValueDim }: PageShape): number {
  const [valueBytes, scaleBytes] = KEPT[format];
  return PAGE_POSITIONS * (sharedValueDim ? 1 : 2) * numKeyValueHeads * (valueBytes * headDim + scaleBytes);
}

/** Bytes of keys and values once the context is full. */
export const keyValueBytes = (shape: PageShape & Pick<KeyValueCacheOptions, 'numLayers' | 'contextSize'>): number =>
  shape.numLayers * pagesOf(shape.contextSize) * keyValuePageBytes(shape);

/** The largest calls that a model will make. */
export interface ScratchShape {
  threads: number;
  /** Tokens of the largest call. */
  tokens: number;
  hiddenSize: number;
  /** Neurons of one layer that a call may name. */
  numNeurons: number;
  /** Neurons of one expert; null without experts. */
  expertNeurons: number | null;
  /** Whether h of a whole layer is kept, because down lies apart from gate and up. */
  keepsHidden: boolean;
  contextSize: number;
  numAttentionHeads: number;
  numKeyValueHeads: number;
  headDim: number;
}

/** Bytes of the bridge's working buffers. */
export function bridgeScratchBytes(shape: ScratchShape): number {
  const { threads, tokens, hiddenSize, numNeurons, expertNeurons, contextSize, headDim } = shape;
  const hidden = shape.keepsHidden ? tokens * numNeurons : Math.min(tokens * numNeurons, MOST_ACTIVATIONS);
  // act(gate x), and h.
  const activations = 2 * hidden;
  // Rows of x and y, gathered for one expert at a time.
  const gathered = expertNeurons === null ? 0 : tokens * 2 * hiddenSize;
  const queries = Math.max(TILE_QUERIES, shape.numAttentionHeads / shape.numKeyValueHeads);
  const attention = threads * queries * (contextSize + 1 + 2 * headDim);
  // x of the network and of one resident matrix at a time, and h.
  const integers =
    tokens * 2 * hiddenSize + (expertNeurons === null ? hidden : Math.min(tokens * expertNeurons, MOST_ACTIVATIONS));
  return Math.ceil((integers / INTEGER_BLOCK.values) * INTEGER_BLOCK.bytes) + 4 * (activations + gathered + attention);
}
