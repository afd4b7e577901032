import type { Bridge, ResidentMatrix } from '../../../native-bridge/bridge.js';
import { addBias } from '../../dense/vectors.js';
import type { Rows, TowerTensors } from './tower-tensors.js';

/** A matrix with its bias, in memory while it is used. */
export class Linear {
  readonly #matrix: ResidentMatrix;
  readonly #bias: Float32Array | null;

  /**
   * `bias` is the name of its tensor, null without one. `shape`: [outputs, inputs], or more axes of inputs. `some`: of
   * the outputs, those that count.
   */
  constructor(
    tensors: TowerTensors,
    bridge: Bridge,
    weight: string,
    bias: string | null,
    shape: readonly [number, ...number[]],
    some: Rows = { first: 0, rows: shape[0] },
  ) {
    const biases = bias === null ? null : tensors.values(bias, [shape[0]]);
    this.#bias = biases?.subarray(some.first, some.first + some.rows) ?? null;
    this.#matrix = tensors.matrix(bridge, weight, shape, some);
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
