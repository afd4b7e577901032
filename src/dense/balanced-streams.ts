import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import { streamsWidth, streamWeights } from '../model/mixer-tensors.js';
import type { BalancedStreamsSpec, ModelSpec } from '../model/spec.js';
import { HEAD_STREAMS, layerTensor } from '../model/tensor-names.js';
import { tensorNamed } from './check-tensors.js';
import type { SegmentLoad } from './load-layer.js';
import { loadMatrix, loadVector } from './load-tensor.js';
import { rmsNorm } from './norm.js';
import { RowViews } from './row-views.js';
import type { Reader, Streams } from './segments.js';

/** Tokens that are mixed at once, which bounds the working rows. */
const MIXED_AT_ONCE = 16;

/** What makes the weights of one mix: a matrix, what is added, and factors of its parts. */
interface Mix {
  matrix: ResidentMatrix;
  base: Float32Array;
  scale: Float32Array;
}

/**
 * Residual streams side by side, whose mix adds up to 1 (manifold-constrained hyper-connections; llama.cpp,
 * deepseek4.cpp). A matrix makes weights of all streams of a token in a common norm. Mixer and network read a weighted
 * sum of the streams. Then each stream becomes a mix of all of them, by a matrix whose rows and columns add up to 1,
 * and a share of what mixer or network bring.
 */
export class BalancedStreams implements Streams {
  /** Bytes of the weights held. */
  readonly residentBytes: number;
  readonly #spec: BalancedStreamsSpec;
  readonly #hiddenSize: number;
  readonly #epsilon: number;
  readonly #layers: Record<'mix' | 'ffn', Mix>[];
  readonly #head: Mix;
  /** The streams of a pass, [tokens, count * hiddenSize], and views of them. */
  readonly #rows: Float32Array;
  readonly #views: RowViews;
  /** By token what was made of the mix that was read last: shares of what is added [count], the mix [count, count]. */
  readonly #shares: Float64Array;
  readonly #mixes: Float64Array;
  /** Working rows of a few tokens: streams in their norm, products; one token's new values. */
  readonly #normed: Float32Array;
  readonly #products: Float32Array;
  readonly #ones: Float32Array;
  readonly #values: Float64Array;

  /** Throws CORRUPT, NOT_FOUND, IO or BridgeError; `load.held` has what was loaded. */
  constructor(load: SegmentLoad, streams: BalancedStreamsSpec, maxTokens: number) {
    const { spec } = load;
    const { count } = streams;
    const width = streamsWidth(spec);
    this.#spec = streams;
    this.#hiddenSize = spec.hiddenSize;
    this.#epsilon = spec.normEpsilon;
    this.#rows = new Float32Array(maxTokens * width);
    this.#views = new RowViews(this.#rows);
    this.#shares = new Float64Array(maxTokens * count);
    this.#mixes = new Float64Array(maxTokens * count * count);
    this.#normed = new Float32Array(MIXED_AT_ONCE * width);
    this.#products = new Float32Array(MIXED_AT_ONCE * streamWeights(count));
    this.#ones = new Float32Array(width).fill(1);
    this.#values = new Float64Array(count);
    this.#layers = Array.from({ length: spec.numLayers }, (_, layer) => ({
      mix: loadMix(load, (part) => layerTensor(layer, `mixStreams${part}`)),
      ffn: loadMix(load, (part) => layerTensor(layer, `ffnStreams${part}`)),
    }));
    const names = { Mix: HEAD_STREAMS.mix, Base: HEAD_STREAMS.base, Scale: HEAD_STREAMS.scale };
    this.#head = loadMix(load, (part) => names[part]);
    this.residentBytes = [...this.#layers.flatMap(({ mix, ffn }) => [mix, ffn]), this.#head].reduce(
      (sum, { matrix, base, scale }) => sum + matrix.bytes + base.byteLength + scale.byteLength,
      0,
    );
  }

  begin(ids: ArrayLike<number>, x: Float32Array): void {
    const [size, count] = [this.#hiddenSize, this.#spec.count];
    for (let token = 0; token < ids.length; token++)
      for (let stream = 0; stream < count; stream++) {
        const to = (token * count + stream) * size;
        for (let i = 0; i < size; i++) this.#rows[to + i] = x[token * size + i];
      }
  }

  read(layer: number, reader: Reader, x: Float32Array, tokens: number): void {
    const mix = reader === 'head' ? this.#head : this.#layers[layer][reader];
    const width = this.#ones.length;
    for (let first = 0; first < tokens; first += MIXED_AT_ONCE) {
      const some = Math.min(MIXED_AT_ONCE, tokens - first);
      rmsNorm(this.#views.from(first * width), some, this.#ones, this.#epsilon, this.#normed);
      mix.matrix.matmul(this.#normed, some, this.#products);
      for (let i = 0; i < some; i++) {
        this.#sum(mix, i, x, first + i);
        if (reader !== 'head') this.#weigh(mix, i, first + i);
      }
    }
  }

  write(added: Float32Array, tokens: number): void {
    const [size, count, rows, values] = [this.#hiddenSize, this.#spec.count, this.#rows, this.#values];
    for (let token = 0; token < tokens; token++) {
      const at = token * count * size;
      const mix = token * count * count;
      for (let i = 0; i < size; i++) {
        for (let to = 0; to < count; to++) {
          let value = this.#shares[token * count + to] * added[token * size + i];
          for (let from = 0; from < count; from++)
            value += this.#mixes[mix + from * count + to] * rows[at + from * size + i];
          values[to] = value;
        }
        for (let to = 0; to < count; to++) rows[at + to * size + i] = values[to];
      }
    }
  }

  /** x[token] = the weighted sum of a token's streams; `row` is its row among the products. */
  #sum({ matrix, base, scale }: Mix, row: number, x: Float32Array, token: number): void {
    const [size, { count, epsilon }, rows] = [this.#hiddenSize, this.#spec, this.#rows];
    const product = row * matrix.rows;
    for (let stream = 0; stream < count; stream++)
      this.#values[stream] = sigmoid(this.#products[product + stream] * scale[0] + base[stream]) + epsilon;
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let stream = 0; stream < count; stream++)
        sum += this.#values[stream] * rows[(token * count + stream) * size + i];
      x[token * size + i] = sum;
    }
  }

  /** Makes a token's shares and mix. */
  #weigh({ matrix, base, scale }: Mix, row: number, token: number): void {
    const { count, epsilon, rounds } = this.#spec;
    const product = row * matrix.rows;
    for (let stream = 0; stream < count; stream++) {
      const at = count + stream;
      this.#shares[token * count + stream] = 2 * sigmoid(this.#products[product + at] * scale[1] + base[at]);
    }
    const first = token * count * count;
    for (let i = 0; i < count * count; i++) {
      const at = 2 * count + i;
      this.#mixes[first + i] = this.#products[product + at] * scale[2] + base[at];
    }
    balance(this.#mixes, first, count, rounds, epsilon);
  }
}

/**
 * Makes a matrix [count, count] of logits, from `first` on, one whose rows and columns add up to 1, in place: a softmax
 * of each row, then all columns and all rows by turns (Sinkhorn and Knopp), columns first and last.
 */
function balance(matrix: Float64Array, first: number, count: number, rounds: number, epsilon: number): void {
  for (let row = first; row < first + count * count; row += count) {
    let largest = matrix[row];
    for (let i = row; i < row + count; i++) if (!(matrix[i] <= largest)) largest = matrix[i];
    let sum = 0;
    for (let i = row; i < row + count; i++) {
      matrix[i] = Math.exp(matrix[i] - largest);
      sum += matrix[i];
    }
    for (let i = row; i < row + count; i++) matrix[i] = matrix[i] / sum + epsilon;
  }
  scaleLines(matrix, first, count, 1, count, epsilon);
  for (let round = 1; round < rounds; round++) {
    scaleLines(matrix, first, count, count, 1, epsilon);
    scaleLines(matrix, first, count, 1, count, epsilon);
  }
}

/** Divides each line by its sum. Lines begin `apart` from each other, and their numbers are `step` apart. */
function scaleLines(
  matrix: Float64Array,
  first: number,
  count: number,
  apart: number,
  step: number,
  epsilon: number,
): void {
  for (let line = 0; line < count; line++) {
    const from = first + line * apart;
    let sum = epsilon;
    for (let i = 0; i < count; i++) sum += matrix[from + i * step];
    for (let i = 0; i < count; i++) matrix[from + i * step] /= sum;
  }
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

function loadMix({ tensors, bridge, held }: SegmentLoad, name: (part: 'Mix' | 'Base' | 'Scale') => string): Mix {
  return {
    matrix: held.keep(loadMatrix(bridge, tensorNamed(tensors, name('Mix')))),
    base: loadVector(bridge, tensorNamed(tensors, name('Base'))),
    scale: loadVector(bridge, tensorNamed(tensors, name('Scale'))),
  };
}

/** Bytes of the working rows. */
export function balancedScratchBytes(spec: ModelSpec, { count }: BalancedStreamsSpec, maxTokens: number): number {
  const width = streamsWidth(spec);
  return (
    4 * (maxTokens * width + MIXED_AT_ONCE * (width + streamWeights(count)) + width) +
    8 * (maxTokens * (count + count * count) + count)
  );
}
