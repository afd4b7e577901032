import type { Bridge, KeyValueCache } from '../../../native-bridge/bridge.js';
import { layerNorm } from '../../dense/norm.js';
import type { CheckAborted } from '../check-aborted.js';
import { activate } from './activate.js';
import { Linear } from './linear.js';
import { type LayerNames, QUERIES_KEYS_VALUES, type TowerLayerTensor } from './tower-names.js';
import type { TowerSpec } from './tower-spec.js';
import type { TowerTensors } from './tower-tensors.js';

/** Tokens that go through a matrix together, so that what is made of them stays small. */
export const ROWS_TOGETHER = 256;

/** Buffers of a pass. */
interface TowerBuffers {
  /** [ROWS_TOGETHER, hiddenSize] each. */
  normed: Float32Array;
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
  /** [ROWS_TOGETHER, intermediateSize] */
  wide: Float32Array;
}

/** What a layer has to know of its tower. */
export type LayerSpec = Pick<TowerSpec, 'hiddenSize' | 'intermediateSize' | 'epsilon' | 'activation'>;

export const towerBuffers = ({ hiddenSize, intermediateSize }: LayerSpec): TowerBuffers => ({
  normed: new Float32Array(ROWS_TOGETHER * hiddenSize),
  q: new Float32Array(ROWS_TOGETHER * hiddenSize),
  k: new Float32Array(ROWS_TOGETHER * hiddenSize),
  v: new Float32Array(ROWS_TOGETHER * hiddenSize),
  wide: new Float32Array(ROWS_TOGETHER * intermediateSize),
});

/** Bytes of `towerBuffers`. */
export const bufferBytes = ({ hiddenSize, intermediateSize }: LayerSpec): number =>
  4 * ROWS_TOGETHER * (4 * hiddenSize + intermediateSize);

/** What a layer works with. */
interface LayerParts {
  spec: LayerSpec;
  names: LayerNames;
  tensors: TowerTensors;
  bridge: Bridge;
  /** Keys and values of one tile, in f32. */
  cache: KeyValueCache;
  buffers: TowerBuffers;
  /** Tokens of a tile. */
  tokens: number;
  /**
   * Rotary positions of the tokens of a tile from `first` on, vectors[tokens, hiddenSize], in place; absent where
   * learned positions are all.
   */
  turn?: (vectors: Float32Array, first: number) => void;
}

/** Runs layer `index` over x[tiles, tokens, hiddenSize], in place. Its weights are in memory meanwhile alone. */
export function runLayer(
  parts: LayerParts,
  index: number,
  x: Float32Array,
  tiles: number,
  checkAborted: CheckAborted,
): void {
  const { hiddenSize } = parts.spec;
  const attend = attention(parts, index);
  try {
    const size = parts.tokens * hiddenSize;
    for (let tile = 0; tile < tiles; tile++) {
      checkAborted();
      attend.run(x.subarray(tile * size, (tile + 1) * size));
    }
  } finally {
    attend.dispose();
  }
  runNetwork(parts, index, x.subarray(0, tiles * parts.tokens * hiddenSize));
}

/** A matrix of a layer. */
function linearOf({ names, tensors, bridge, spec }: LayerParts, index: number, name: TowerLayerTensor): Linear {
  const outputs = name === 'fc1' ? spec.intermediateSize : spec.hiddenSize;
  const inputs = name === 'fc2' ? spec.intermediateSize : spec.hiddenSize;
  const at = names.fused ? QUERIES_KEYS_VALUES.indexOf(name) : -1;
  const whole = at < 0 ? outputs : QUERIES_KEYS_VALUES.length * outputs;
  const place = (part: 'weight' | 'bias') => names.layer(index, name, part);
  const some = { first: Math.max(0, at) * outputs, rows: outputs };
  return new Linear(tensors, bridge, place('weight'), place('bias'), [whole, inputs], some);
}

/** A norm of a layer: of x[rows, hiddenSize] into another array. */
function normOf({ names, tensors, spec }: LayerParts, index: number, name: TowerLayerTensor) {
  const { hiddenSize, epsilon } = spec;
  const vector = (part: 'weight' | 'bias') => tensors.values(names.layer(index, name, part), [hiddenSize]);
  const [weight, bias] = [vector('weight'), vector('bias')];
  return (x: Float32Array, into: Float32Array) => layerNorm(x, x.length / hiddenSize, weight, bias, epsilon, into);
}

/** Attention of a layer: `run` adds it to x[tokens, hiddenSize] of one tile, each token of which sees all of it. */
function attention(parts: LayerParts, index: number): { run(x: Float32Array): void; dispose(): void } {
  const { spec, cache, tokens, turn } = parts;
  const { hiddenSize } = spec;
  const { normed, q, k, v } = parts.buffers;
  const norm = normOf(parts, index, 'norm1');
  const linears: Linear[] = [];
  const dispose = () => {
    for (const linear of linears) linear.dispose();
  };
  try {
    for (const name of ['q', 'k', 'v', 'o'] as const) linears.push(linearOf(parts, index, name));
  } catch (error) {
    dispose();
    throw error;
  }
  const [queries, keys, values, output] = linears;
  const run = (x: Float32Array) => {
    cache.truncate(0, 0);
    inParts(x, hiddenSize, (some, first, rows) => {
      norm(some, normed);
      keys.run(normed, rows, k);
      values.run(normed, rows, v);
      turn?.(k.subarray(0, rows * hiddenSize), first);
      cache.append(0, first, rows, k, v);
    });
    inParts(x, hiddenSize, (some, first, rows) => {
      norm(some, normed);
      queries.run(normed, rows, q);
      turn?.(q.subarray(0, rows * hiddenSize), first);
      // As the last of all tokens they see all of them.
      cache.attendTogether(0, tokens - rows, rows, q, normed);
      output.run(normed, rows, q);
      for (let i = 0; i < some.length; i++) some[i] += q[i];
    });
  };
  return { run, dispose };
}

/** Adds a layer's network to x[rows, hiddenSize]. */
function runNetwork(parts: LayerParts, index: number, x: Float32Array): void {
  const { hiddenSize, intermediateSize, activation } = parts.spec;
  const { normed, q, wide } = parts.buffers;
  const norm = normOf(parts, index, 'norm2');
  const up = linearOf(parts, index, 'fc1');
  try {
    const down = linearOf(parts, index, 'fc2');
    try {
      inParts(x, hiddenSize, (some, _first, rows) => {
        norm(some, normed);
        up.run(normed, rows, wide);
        activate(wide, rows * intermediateSize, activation);
        down.run(wide, rows, q);
        for (let i = 0; i < some.length; i++) some[i] += q[i];
      });
    } finally {
      down.dispose();
    }
  } finally {
    up.dispose();
  }
}

/** Calls `work` with x[rows, width] a part at a time, its first row, and how many it has. */
function inParts(
  x: Float32Array,
  width: number,
  work: (some: Float32Array, first: number, rows: number) => void,
): void {
  const all = x.length / width;
  for (let first = 0; first < all; first += ROWS_TOGETHER) {
    const rows = Math.min(ROWS_TOGETHER, all - first);
    work(x.subarray(first * width, (first + rows) * width), first, rows);
  }
}
