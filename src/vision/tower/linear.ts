import type { Bridge, ResidentMatrix } from '../../../native-bridge/bridge.js';
import { addBias } from '../../dense/vectors.js';
import type { TowerTensors } from './tower-tensors.js';

/** A matrix with its bias, in memory while it is used. */
export class Linear {
  readonly #matrix: ResidentMatrix;
  readonly #bias: Float32Array | null;

  /** `bias` is the name of its tensor, null without one. `shape`: [outputs, inputs], or more axes of inputs. */
  constructor(
    tensors: TowerTensors,
    bridge: Bridge,
    weight: string,
    bias: string | null,
    shape: readonly [number, ...number[]],
  ) {
    this.#bias = bias === null ? null : tensors.values(bias, [shape[0]]);
    this.#matrix = tensors.matrix(bridge, weight, shape);
  }

  /** y[rows, outputs] = x[rows, inputs] W^T + bias. */
  run(x: Float32Array, rows: number, y: Float32Array): void {
    this.#matrix.matmul(x, rows, y);
    if (this.#bias) addBias(y, rows, this.#bias);
  }

  dispose(): void {
    this.#matrix.dispose();
  }
}
