import type { Bridge } from '../../../native-bridge/bridge.js';
import { layerNorm } from '../../dense/norm.js';
import { Linear } from '../tower/linear.js';
import type { TowerTensors } from '../tower/tower-tensors.js';

/** Points that remain after each of the two stages, and the neighbours that each of them gathers. */
const STAGES = [128, 32];
const NEIGHBOURS = 24;
const EPSILON = 1e-5;

/**
 * Ferret's sampler (arXiv 2310.07704, section 3.2): from points of a region and the features under them to one
 * embedding. Twice a part of the points is chosen, far from each other, and each gathers what its neighbours have.
 */
export class RegionSampler {
  readonly #tensors: TowerTensors;
  readonly #prefix: string;
  readonly #width: number;
  readonly #hiddenSize: number;

  /** `width` is that of a feature. Throws CORRUPT where a tensor is missing or of another shape. */
  constructor(tensors: TowerTensors, prefix: string, width: number, hiddenSize: number) {
    this.#tensors = tensors;
    this.#prefix = prefix;
    this.#width = width;
    this.#hiddenSize = hiddenSize;
    for (const [name, shape] of this.#matrices()) {
      tensors.checked(`${prefix}${name}.weight`, shape);
      tensors.checked(`${prefix}${name}.bias`, [shape[0]]);
    }
    for (let stage = 0; stage < STAGES.length; stage++)
      for (const part of ['weight', 'bias'])
        tensors.checked(`${prefix}agg_projector_list.${stage}.norm.${part}`, [width]);
  }

  *#matrices(): Generator<[name: string, shape: [number, ...number[]]]> {
    const wide = this.#width + 2;
    for (let stage = 0; stage < STAGES.length; stage++) {
      yield [`diff_projector_list.${stage}`, [wide, wide]];
      yield [`agg_projector_list.${stage}.net.0`, [this.#width, 2 * wide, 1]];
    }
    yield ['flatten_projector', [this.#width, STAGES.at(-1)! * this.#width]];
    yield ['dim_projector', [this.#hiddenSize, this.#width]];
  }

  /** The bytes of the largest of its matrices, and of what it computes with. */
  get bytes(): number {
    const largest = Math.max(
      ...[...this.#matrices()].map(([name]) => this.#tensors.bytes(`${this.#prefix}${name}.weight`)),
    );
    return largest + 4 * STAGES[0] * NEIGHBOURS * (4 * (this.#width + 2) + this.#width);
  }

  /**
   * The embedding [hiddenSize] of features[points, width] at points[points, 2]. `first(points)` gives the point that a
   * stage begins with.
   */
  run(bridge: Bridge, points: Float32Array, features: Float32Array, first: (points: number) => number): Float32Array {
    let [at, of] = [points, features];
    for (const [stage, kept] of STAGES.entries()) {
      const anchors = farthest(at, kept, first(at.length / 2));
      of = this.#gather(bridge, stage, at, of, anchors);
      at = Float32Array.from({ length: 2 * kept }, (_, i) => at[2 * anchors[i >> 1] + (i & 1)]);
    }
    const flat = this.#linear(bridge, 'flatten_projector', [this.#width, of.length], of, 1);
    return this.#linear(bridge, 'dim_projector', [this.#hiddenSize, this.#width], flat, 1);
  }

  /** [anchors, width]: for each anchor the largest of what its neighbours bring, number by number. */
  #gather(bridge: Bridge, stage: number, points: Float32Array, features: Float32Array, anchors: readonly number[]) {
    const width = this.#width;
    const wide = width + 2;
    const rows = anchors.length * NEIGHBOURS;
    const value = (point: number, i: number) =>
      i < width ? features[point * width + i] : points[2 * point + i - width];
    const differences = new Float32Array(rows * wide);
    let row = 0;
    for (const anchor of anchors)
      for (const neighbour of nearest(points, anchor)) {
        for (let i = 0; i < wide; i++) differences[row * wide + i] = value(neighbour, i) - value(anchor, i);
        row++;
      }
    const projected = this.#linear(bridge, `diff_projector_list.${stage}`, [wide, wide], differences, rows);
    const joined = new Float32Array(rows * 2 * wide);
    for (row = 0; row < rows; row++) {
      joined.set(projected.subarray(row * wide, (row + 1) * wide), row * 2 * wide);
      const anchor = anchors[Math.floor(row / NEIGHBOURS)];
      for (let i = 0; i < wide; i++) joined[(2 * row + 1) * wide + i] = value(anchor, i);
    }
    const name = `agg_projector_list.${stage}`;
    const brought = this.#linear(bridge, `${name}.net.0`, [width, 2 * wide, 1], joined, rows);
    for (let i = 0; i < brought.length; i++) brought[i] = Math.max(0, brought[i]);
    const vector = (part: string) => this.#tensors.values(`${this.#prefix}${name}.norm.${part}`, [width]);
    layerNorm(brought, rows, vector('weight'), vector('bias'), EPSILON, brought);
    const pooled = new Float32Array(anchors.length * width).fill(Number.NEGATIVE_INFINITY);
    for (row = 0; row < rows; row++) {
      const to = Math.floor(row / NEIGHBOURS) * width;
      for (let i = 0; i < width; i++) pooled[to + i] = Math.max(pooled[to + i], brought[row * width + i]);
    }
    return pooled;
  }

  #linear(bridge: Bridge, name: string, shape: [number, ...number[]], x: Float32Array, rows: number): Float32Array {
    const y = new Float32Array(rows * shape[0]);
    const linear = new Linear(
      this.#tensors,
      bridge,
      `${this.#prefix}${name}.weight`,
      `${this.#prefix}${name}.bias`,
      shape,
    );
    try {
      linear.run(x, rows, y);
    } finally {
      linear.dispose();
    }
    return y;
  }
}

function distance(points: Float32Array, a: number, b: number): number {
  const [x, y] = [points[2 * a] - points[2 * b], points[2 * a + 1] - points[2 * b + 1]];
  // Products, not powers: neighbours that are equally far are to stay so to the last bit.
  return x * x + y * y;
}

/** `count` points, each the one that is farthest from those before it. */
function farthest(points: Float32Array, count: number, first: number): number[] {
  const far = new Float64Array(points.length / 2).fill(Number.POSITIVE_INFINITY);
  const chosen: number[] = [];
  let next = first;
  while (chosen.length < count) {
    chosen.push(next);
    let best = 0;
    for (let i = 0; i < far.length; i++) {
      far[i] = Math.min(far[i], distance(points, i, next));
      if (far[i] > far[best]) best = i;
    }
    next = best;
  }
  return chosen;
}

/** The points nearest to one, itself included; of equally near ones the first. */
function nearest(points: Float32Array, to: number): number[] {
  const all = Array.from({ length: points.length / 2 }, (_, i) => i);
  return all.sort((a, b) => distance(points, a, to) - distance(points, b, to) || a - b).slice(0, NEIGHBOURS);
}

/**
 * features[points, width] under points[points, 2] of grid[side * side, width], bilinearly, corners on corners. The
 * weights were trained with rows and columns swapped: x runs down the grid, y across.
 */
export function featuresAt(grid: Float32Array, side: number, points: Float32Array): Float32Array {
  const width = grid.length / side ** 2;
  const features = new Float32Array((points.length / 2) * width);
  for (let point = 0; point < points.length / 2; point++) {
    const row = points[2 * point] * (side - 1);
    const column = points[2 * point + 1] * (side - 1);
    const [top, left] = [Math.floor(row), Math.floor(column)];
    for (const [y, x] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]) {
      const share = (y ? row - top : 1 - row + top) * (x ? column - left : 1 - column + left);
      if (share === 0) continue;
      const from = ((top + y) * side + left + x) * width;
      for (let i = 0; i < width; i++) features[point * width + i] += share * grid[from + i];
    }
  }
  return features;
}
