import type { Bridge } from '../../../native-bridge/bridge.js';
import { keyValueBytes } from '../../../native-bridge/memory.js';
import { layerNorm } from '../../dense/norm.js';
import type { CheckAborted } from '../check-aborted.js';
import { layerBytes, layerShapes } from './layer-tensors.js';
import { Linear } from './linear.js';
import { bufferBytes, runLayer, towerBuffers } from './tower-layer.js';
import type { TowerNames } from './tower-names.js';
import { gridOf, type TowerSpec, tokensOf } from './tower-spec.js';
import type { TowerTensors } from './tower-tensors.js';

/** A vision tower. Its weights stay in their file: a layer is read when its turn comes, and let go after it. */
export class Tower {
  readonly spec: TowerSpec;
  readonly #names: TowerNames;
  readonly #tensors: TowerTensors;

  /** Throws CORRUPT where a tensor is missing or of another shape, UNSUPPORTED where its type cannot be read. */
  constructor(spec: TowerSpec, names: TowerNames, tensors: TowerTensors) {
    this.spec = spec;
    this.#names = names;
    this.#tensors = tensors;
    for (const [name, shape] of this.#expected()) tensors.checked(name, shape);
  }

  *#expected(): Generator<[name: string, shape: number[]]> {
    const { hiddenSize, patchSize, classToken, preNorm, postNorm, patchBias } = this.spec;
    const { tensor } = this.#names;
    yield [tensor('patch'), [hiddenSize, 3, patchSize, patchSize]];
    if (patchBias) yield [tensor('patchBias'), [hiddenSize]];
    if (classToken) yield [tensor('class'), [hiddenSize]];
    yield [tensor('positions'), [tokensOf(this.spec), hiddenSize]];
    if (preNorm)
      yield* [tensor('preNorm'), tensor('preNormBias')].map((name): [string, number[]] => [name, [hiddenSize]]);
    if (postNorm)
      yield* [tensor('postNorm'), tensor('postNormBias')].map((name): [string, number[]] => [name, [hiddenSize]]);
    yield* layerShapes(this.spec, this.#names);
  }

  /** The most bytes that `run` takes for so many tiles, its result included. */
  bytes(tiles: number): number {
    const { spec } = this;
    const { hiddenSize, patchSize, numHeads } = spec;
    const tokens = tokensOf(spec);
    const cache = { numLayers: 1, contextSize: tokens, numKeyValueHeads: numHeads, headDim: hiddenSize / numHeads };
    const layer = layerBytes(this.#names, this.#tensors);
    return (
      layer +
      keyValueBytes({ ...cache, format: 'f32' }) +
      bufferBytes(spec) +
      4 * tiles * tokens * hiddenSize +
      4 * (gridOf(spec) ** 2 * 3 * patchSize ** 2 + tokens * hiddenSize)
    );
  }

  /**
   * What the tower makes of pixels[tiles, 3, imageSize, imageSize]: [tiles, tokens, hiddenSize]. `checkAborted` is
   * called before each tile of each layer, and ends the work by throwing.
   */
  run(bridge: Bridge, pixels: Float32Array, tiles: number, checkAborted: CheckAborted): Float32Array {
    const { spec } = this;
    const { hiddenSize, numHeads } = spec;
    const tokens = tokensOf(spec);
    const x = new Float32Array(tiles * tokens * hiddenSize);
    const heads = { numAttentionHeads: numHeads, numKeyValueHeads: numHeads, headDim: hiddenSize / numHeads };
    const cache = bridge.createKeyValueCache({ numLayers: 1, ...heads, contextSize: tokens, format: 'f32' });
    try {
      const buffers = towerBuffers(spec);
      const parts = { spec, names: this.#names, tensors: this.#tensors, bridge, cache, buffers, tokens };
      this.#embed(bridge, pixels, tiles, x, checkAborted);
      for (let layer = 0; layer < spec.numLayers; layer++) {
        runLayer(parts, layer, x, tiles, checkAborted);
      }
      if (spec.postNorm) this.#norm('postNorm', x, tiles * tokens);
    } finally {
      cache.dispose();
    }
    return x;
  }

  /** x[tiles, tokens, hiddenSize] = patches through the first matrix, the class token before them, and positions. */
  #embed(bridge: Bridge, pixels: Float32Array, tiles: number, x: Float32Array, checkAborted: CheckAborted): void {
    const { spec } = this;
    const { hiddenSize, imageSize, patchSize, classToken } = spec;
    const tensors = this.#tensors;
    const name = this.#names.tensor;
    const grid = gridOf(spec);
    const tokens = tokensOf(spec);
    const positions = tensors.values(name('positions'), [tokens, hiddenSize]);
    const bias = spec.patchBias ? name('patchBias') : null;
    const patch = new Linear(tensors, bridge, name('patch'), bias, [hiddenSize, 3, patchSize, patchSize]);
    try {
      const patches = new Float32Array(grid ** 2 * 3 * patchSize ** 2);
      for (let tile = 0; tile < tiles; tile++) {
        checkAborted();
        const from = tile * tokens * hiddenSize;
        const first = from + (classToken ? hiddenSize : 0);
        takePatches(pixels.subarray(tile * 3 * imageSize ** 2), spec, patches);
        patch.run(patches, grid ** 2, x.subarray(first, from + tokens * hiddenSize));
        if (classToken) x.set(tensors.values(name('class'), [hiddenSize]), from);
        for (let i = 0; i < positions.length; i++) x[from + i] += positions[i];
      }
    } finally {
      patch.dispose();
    }
    if (spec.preNorm) this.#norm('preNorm', x, tiles * tokens);
  }

  #norm(which: 'preNorm' | 'postNorm', x: Float32Array, rows: number): void {
    const vector = (name: 'preNorm' | 'postNorm' | 'preNormBias' | 'postNormBias') =>
      this.#tensors.values(this.#names.tensor(name), [this.spec.hiddenSize]);
    layerNorm(x, rows, vector(which), vector(`${which}Bias`), this.spec.epsilon, x);
  }
}

/** patches[grid * grid, 3, patchSize, patchSize] of pixels[3, imageSize, imageSize], row by row. */
function takePatches(pixels: Float32Array, spec: TowerSpec, patches: Float32Array): void {
  const { imageSize, patchSize } = spec;
  const grid = gridOf(spec);
  let to = 0;
  for (let row = 0; row < grid; row++)
    for (let column = 0; column < grid; column++)
      for (let channel = 0; channel < 3; channel++)
        for (let y = 0; y < patchSize; y++, to += patchSize) {
          const from = (channel * imageSize + row * patchSize + y) * imageSize + column * patchSize;
          patches.set(pixels.subarray(from, from + patchSize), to);
        }
}
