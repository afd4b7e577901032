import type { Bridge } from '../../../native-bridge/bridge.js';
import { keyValueBytes } from '../../../native-bridge/memory.js';
import type { CheckAborted } from '../check-aborted.js';
import type { Pixels } from '../process/grid-processor.js';
import { addPositions, gridTurner, type Patches, placeOf } from './grid-positions.js';
import { layerBytes, layerShapes } from './layer-tensors.js';
import { Linear } from './linear.js';
import { bufferBytes, type LayerSpec, ROWS_TOGETHER, runLayer, towerBuffers } from './tower-layer.js';
import type { LayerNames } from './tower-names.js';
import type { TowerSpec } from './tower-spec.js';
import type { TowerTensors } from './tower-tensors.js';

/** A vision transformer over pictures of many sizes (Qwen3-VL). */
export interface GridTowerSpec extends LayerSpec, Pick<TowerSpec, 'patchSize' | 'numHeads' | 'numLayers'> {
  /** Patches along a side of the squares that become one token. */
  merge: number;
}

/** What a checkpoint calls the tensors of such a tower. */
export interface GridTowerNames extends LayerNames {
  /** Matrices over patches whose products add up; each sees the picture as many times as it has frames. */
  patches: readonly { name: string; frames: number }[];
  patchBias: string;
  /** Learned positions, of a square. */
  positions: string;
}

/**
 * A vision tower with learned positions that are stretched over the picture, and rotary ones for rows and columns.
 * Patches come in the order of the squares that they are merged to. Its weights stay in their file, as those of a
 * `Tower` do.
 */
export class GridTower {
  readonly spec: GridTowerSpec;
  readonly #names: GridTowerNames;
  readonly #tensors: TowerTensors;
  /** Learned positions along a side. */
  readonly #side: number;

  /** Throws CORRUPT where a tensor is missing or of another shape, UNSUPPORTED where its type cannot be read. */
  constructor(spec: GridTowerSpec, names: GridTowerNames, tensors: TowerTensors) {
    this.spec = spec;
    this.#names = names;
    this.#tensors = tensors;
    this.#side = Math.floor(Math.sqrt(tensors.shape(names.positions)[0]));
    const { hiddenSize } = spec;
    tensors.checked(names.positions, [this.#side ** 2, hiddenSize]);
    tensors.checked(names.patchBias, [hiddenSize]);
    for (const one of names.patches) tensors.checked(one.name, this.#patchShape(one.frames));
    for (const [name, shape] of layerShapes(spec, names)) tensors.checked(name, shape);
  }

  #patchShape(frames: number): [number, ...number[]] {
    const { hiddenSize, patchSize } = this.spec;
    const frame = [patchSize, patchSize];
    return frames === 1 ? [hiddenSize, 3, ...frame] : [hiddenSize, 3, frames, ...frame];
  }

  /** The most bytes that `run` takes for a picture of so many patches, its result included. */
  bytes(patches: number): number {
    const { hiddenSize, patchSize, numHeads } = this.spec;
    const cache = { numLayers: 1, contextSize: patches, numKeyValueHeads: numHeads, headDim: hiddenSize / numHeads };
    const widest = Math.max(...this.#names.patches.map(({ frames }) => frames));
    return (
      layerBytes(this.#names, this.#tensors) +
      keyValueBytes({ ...cache, format: 'f32' }) +
      bufferBytes(this.spec) +
      4 * patches * (hiddenSize + hiddenSize / numHeads) +
      4 * (ROWS_TOGETHER * (hiddenSize + 3 * widest * patchSize ** 2) + this.#side ** 2 * hiddenSize)
    );
  }

  /**
   * What the tower makes of a picture: [patches, hiddenSize]. `onLayer` sees what each layer leaves. `checkAborted` is
   * called before each layer, and ends the work by throwing.
   */
  run(
    bridge: Bridge,
    picture: Pixels,
    checkAborted: CheckAborted,
    onLayer: (layer: number, x: Float32Array) => void,
  ): Float32Array {
    const { spec } = this;
    const { hiddenSize, patchSize, numHeads, merge } = spec;
    const grid = { rows: picture.height / patchSize, columns: picture.width / patchSize };
    const tokens = grid.rows * grid.columns;
    const heads = { numAttentionHeads: numHeads, numKeyValueHeads: numHeads, headDim: hiddenSize / numHeads };
    const x = new Float32Array(tokens * hiddenSize);
    this.#embed(bridge, picture, grid, x, checkAborted);
    const cache = bridge.createKeyValueCache({ numLayers: 1, ...heads, contextSize: tokens, format: 'f32' });
    try {
      const buffers = towerBuffers(spec);
      const turn = gridTurner(grid, merge, hiddenSize, heads.headDim);
      const parts = { spec, names: this.#names, tensors: this.#tensors, bridge, cache, buffers, tokens, turn };
      for (let layer = 0; layer < spec.numLayers; layer++) {
        runLayer(parts, layer, x, 1, checkAborted);
        onLayer(layer, x);
      }
    } finally {
      cache.dispose();
    }
    return x;
  }

  /** x[patches, hiddenSize] = patches through the first matrices, and learned positions. */
  #embed(bridge: Bridge, picture: Pixels, grid: Patches, x: Float32Array, checkAborted: CheckAborted): void {
    const { hiddenSize, merge } = this.spec;
    const sum = new Float32Array(ROWS_TOGETHER * hiddenSize);
    for (const [i, { name, frames }] of this.#names.patches.entries()) {
      const bias = i === 0 ? this.#names.patchBias : null;
      const linear = new Linear(this.#tensors, bridge, name, bias, this.#patchShape(frames));
      try {
        for (let first = 0; first < grid.rows * grid.columns; first += ROWS_TOGETHER) {
          checkAborted();
          const some = Math.min(ROWS_TOGETHER, grid.rows * grid.columns - first);
          linear.run(this.#take(picture, grid, frames, first, some), some, sum);
          const into = x.subarray(first * hiddenSize, (first + some) * hiddenSize);
          for (let j = 0; j < into.length; j++) into[j] += sum[j];
        }
      } finally {
        linear.dispose();
      }
    }
    addPositions(
      this.#tensors.values(this.#names.positions, [this.#side ** 2, hiddenSize]),
      this.#side,
      grid,
      merge,
      x,
    );
  }

  /** [some, 3, frames, patchSize, patchSize]: patches from `first` on, each frame the same. */
  #take({ pixels, width, height }: Pixels, grid: Patches, frames: number, first: number, some: number): Float32Array {
    const { patchSize, merge } = this.spec;
    const patches = new Float32Array(some * 3 * frames * patchSize ** 2);
    let to = 0;
    for (let patch = first; patch < first + some; patch++) {
      const { row, column } = placeOf(patch, grid, merge);
      for (let channel = 0; channel < 3; channel++)
        for (let frame = 0; frame < frames; frame++)
          for (let y = 0; y < patchSize; y++, to += patchSize) {
            const from = (channel * height + row * patchSize + y) * width + column * patchSize;
            patches.set(pixels.subarray(from, from + patchSize), to);
          }
    }
    return patches;
  }
}
