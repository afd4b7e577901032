import type { Bridge, KeyValueCache } from '../../../native-bridge/bridge.js';
import { layerNorm } from '../../dense/norm.js';
import { activate } from './activate.js';
import { Linear } from './linear.js';
import { type LayerNames, QUERIES_KEYS_VALUES, type TowerLayerTensor } from './tower-names.js';
import type { TowerSpec } from './tower-spec.js';
import type { TowerTensors } from './tower-tensors.js';

/** Rows that go through the feed-forward network together, so that its wide rows stay few. */
export const NETWORK_ROWS = 256;

/** Buffers of a pass over `rows` tokens. */
export interface TowerBuffers {
  /** [rows, hiddenSize] each. */
  normed: Float32Array;
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
  /** [NETWORK_ROWS, intermediateSize] */
  wide: Float32Array;
}

/** What a layer has to know of its tower. */
export type LayerSpec = Pick<TowerSpec, 'hiddenSize' | 'intermediateSize' | 'epsilon' | 'activation'>;

export const towerBuffers = ({ hiddenSize, intermediateSize }: LayerSpec, rows: number): TowerBuffers => ({
  normed: new Float32Array(rows * hiddenSize),
  q: new Float32Array(rows * hiddenSize),
  k: new Float32Array(rows * hiddenSize),
  v: new Float32Array(rows * hiddenSize),
  wide: new Float32Array(NETWORK_ROWS * intermediateSize),
});

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
  /** Rotary positions of vectors[tokens, hiddenSize], in place; absent where learned ones are all. */
  turn?: (vectors: Float32Array) => void;
}

/** Runs layer `index` over x[tiles, tokens, hiddenSize], in place. Its weights are in memory meanwhile alone. */
export function runLayer(parts: LayerParts, index: number, x: Float32Array, tiles: number): void {
  const { spec, names, tensors, bridge, buffers } = parts;
  const { hiddenSize, intermediateSize, epsilon, activation } = spec;
  const rows = tiles * parts.tokens;
  const linear = (name: TowerLayerTensor, outputs: number, inputs: number) => {
    const place = (part: 'weight' | 'bias') => names.layer(index, name, part);
    const at = names.fused ? QUERIES_KEYS_VALUES.indexOf(name) : -1;
    const whole = at < 0 ? outputs : QUERIES_KEYS_VALUES.length * outputs;
    const some = { first: Math.max(0, at) * outputs, rows: outputs };
    return new Linear(tensors, bridge, place('weight'), place('bias'), [whole, inputs], some);
  };
  const norm = (name: TowerLayerTensor, from: Float32Array, count: number, to: Float32Array) => {
    const vector = (part: 'weight' | 'bias') => tensors.values(names.layer(index, name, part), [hiddenSize]);
    layerNorm(from, count, vector('weight'), vector('bias'), epsilon, to);
  };
  const { normed, q, k, v, wide } = buffers;
  norm('norm1', x, rows, normed);
  for (const [name, into] of [
    ['q', q],
    ['k', k],
    ['v', v],
  ] as const)
    using(linear(name, hiddenSize, hiddenSize), (matrix) => matrix.run(normed, rows, into));
  attend(parts, tiles);
  // The attention's output lies in `normed`.
  using(linear('o', hiddenSize, hiddenSize), (matrix) => matrix.run(normed, rows, q));
  for (let i = 0; i < rows * hiddenSize; i++) x[i] += q[i];

  norm('norm2', x, rows, normed);
  using(linear('fc1', intermediateSize, hiddenSize), (up) =>
    using(linear('fc2', hiddenSize, intermediateSize), (down) => {
      for (let row = 0; row < rows; row += NETWORK_ROWS) {
        const some = Math.min(NETWORK_ROWS, rows - row);
        up.run(normed.subarray(row * hiddenSize, (row + some) * hiddenSize), some, wide);
        activate(wide, some * intermediateSize, activation);
        down.run(wide, some, q.subarray(row * hiddenSize, (row + some) * hiddenSize));
      }
    }),
  );
  for (let i = 0; i < rows * hiddenSize; i++) x[i] += q[i];
}

/** Each token of a tile sees all of it: `normed` becomes what attention gives for `q`, `k` and `v`. */
function attend({ spec, cache, buffers: { normed, q, k, v }, tokens, turn }: LayerParts, tiles: number): void {
  const { hiddenSize } = spec;
  for (let tile = 0; tile < tiles; tile++) {
    const from = tile * tokens * hiddenSize;
    const end = from + tokens * hiddenSize;
    for (const vectors of turn ? [q, k] : []) turn!(vectors.subarray(from, end));
    cache.truncate(0, 0);
    cache.append(0, 0, tokens, k.subarray(from, end), v.subarray(from, end));
    cache.attendTogether(0, 0, tokens, q.subarray(from, end), normed.subarray(from, end));
  }
}

function using(matrix: Linear, work: (matrix: Linear) => void): void {
  try {
    work(matrix);
  } finally {
    matrix.dispose();
  }
}
