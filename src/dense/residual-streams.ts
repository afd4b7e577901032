import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import { streamsWidth } from '../model/mixer-tensors.js';
import type { GatedStreamsSpec, ModelSpec } from '../model/spec.js';
import { HEAD_STREAMS, layerTensor } from '../model/tensor-names.js';
import { balancedScratchBytes } from './balanced-streams.js';
import { tensorNamed } from './check-tensors.js';
import type { SegmentLoad } from './load-layer.js';
import { loadMatrix, loadVector } from './load-tensor.js';
import { withNormOffset } from './norm.js';
import { RowViews } from './row-views.js';
import type { Reader, Streams } from './segments.js';

/** Tokens that are mixed at once, which bounds the working rows. */
export const MIXED_AT_ONCE = 16;

/** What makes one mix: a norm, gates behind a bottleneck, and the shares of the streams in what is added. */
interface Mix {
  norm: Float32Array;
  down: ResidentMatrix;
  up: ResidentMatrix;
  /** Null for the head, which adds nothing. */
  shares: ResidentMatrix | null;
}

/**
 * Residual streams side by side (llama.cpp, qwen4exp.cpp). Mixer and network read a mix of them: each stream in a
 * root-mean-square norm, weighed value by value with sigmoid(up(silu(down(streams) / count))), the mean of all. What
 * they bring is added to each stream, times 2 * sigmoid(shares(streams) / count).
 */
export class ResidualStreams implements Streams {
  /** The streams of a pass, [tokens, count * hiddenSize]. */
  readonly rows: Float32Array;
  /** Views of them. */
  readonly views: RowViews;
  /** The ids of the pass. */
  ids: ArrayLike<number> = [];
  /** Bytes of the weights held. */
  readonly residentBytes: number;
  readonly #hiddenSize: number;
  readonly #count: number;
  readonly #epsilon: number;
  readonly #layers: Record<'mix' | 'ffn', Mix>[];
  readonly #head: Mix;
  /** The shares of the mix that was read last, [tokens, count]. */
  readonly #shares: RowViews;
  /** Working rows of a few tokens: streams in their norm, the bottleneck, gates. */
  readonly #normed: Float32Array;
  readonly #low: Float32Array;
  readonly #gates: Float32Array;

  /** Throws CORRUPT, NOT_FOUND, IO or BridgeError; `load.held` has what was loaded. */
  constructor(load: SegmentLoad, { count, rank }: GatedStreamsSpec, maxTokens: number) {
    const { spec } = load;
    const width = streamsWidth(spec);
    this.#hiddenSize = spec.hiddenSize;
    this.#count = count;
    this.#epsilon = spec.normEpsilon;
    this.rows = new Float32Array(maxTokens * width);
    this.views = new RowViews(this.rows);
    this.#shares = new RowViews(new Float32Array(maxTokens * count));
    this.#normed = new Float32Array(MIXED_AT_ONCE * width);
    this.#low = new Float32Array(MIXED_AT_ONCE * rank);
    this.#gates = new Float32Array(MIXED_AT_ONCE * width);
    this.#layers = Array.from({ length: spec.numLayers }, (_, layer) => ({
      mix: loadMix(load, (part) => layerTensor(layer, `mixStreams${part}`), true),
      ffn: loadMix(load, (part) => layerTensor(layer, `ffnStreams${part}`), true),
    }));
    const names = { Norm: HEAD_STREAMS.norm, Down: HEAD_STREAMS.down, Up: HEAD_STREAMS.up, Shares: '' };
    this.#head = loadMix(load, (part) => names[part], false);
    this.residentBytes = [...this.#layers.flatMap(({ mix, ffn }) => [mix, ffn]), this.#head].reduce(
      (sum, { norm, down, up, shares }) => sum + norm.byteLength + down.bytes + up.bytes + (shares?.bytes ?? 0),
      0,
    );
  }

  begin(ids: ArrayLike<number>, x: Float32Array): void {
    this.ids = ids;
    const [size, count] = [this.#hiddenSize, this.#count];
    for (let token = 0; token < ids.length; token++)
      for (let stream = 0; stream < count; stream++) {
        const to = (token * count + stream) * size;
        for (let i = 0; i < size; i++) this.rows[to + i] = x[token * size + i];
      }
  }

  read(layer: number, reader: Reader, x: Float32Array, tokens: number): void {
    const mix = reader === 'head' ? this.#head : this.#layers[layer][reader];
    for (let first = 0; first < tokens; first += MIXED_AT_ONCE)
      this.#mix(mix, x, first, Math.min(MIXED_AT_ONCE, tokens - first));
  }

  write(added: Float32Array, tokens: number): void {
    const [size, count, rows] = [this.#hiddenSize, this.#count, this.rows];
    for (let token = 0; token < tokens; token++)
      for (let stream = 0; stream < count; stream++) {
        const share = 2 / (1 + Math.exp(-this.#shares.array[token * count + stream] / count));
        const to = (token * count + stream) * size;
        for (let i = 0; i < size; i++) rows[to + i] += share * added[token * size + i];
      }
  }

  /** Adds brought[tokens, count * hiddenSize] to the streams as it is. */
  bring(brought: Float32Array, tokens: number): void {
    const values = tokens * this.#count * this.#hiddenSize;
    for (let i = 0; i < values; i++) this.rows[i] += brought[i];
  }

  #mix({ norm, down, up, shares }: Mix, x: Float32Array, first: number, tokens: number): void {
    const [size, count, normed, low, gates] = [this.#hiddenSize, this.#count, this.#normed, this.#low, this.#gates];
    const width = size * count;
    normStreams(this.views.from(first * width), tokens, size, norm, this.#epsilon, normed);
    down.matmul(normed, tokens, low);
    for (let i = 0; i < tokens * down.rows; i++) {
      const value = low[i] / count;
      low[i] = value / (1 + Math.exp(-value));
    }
    up.matmul(low, tokens, gates);
    for (let token = 0; token < tokens; token++)
      for (let i = 0; i < size; i++) {
        let sum = 0;
        for (let at = token * width + i; at < (token + 1) * width; at += size)
          sum += normed[at] / (1 + Math.exp(-gates[at]));
        x[(first + token) * size + i] = sum / count;
      }
    shares?.matmul(normed, tokens, this.#shares.from(first * count));
  }
}

function loadMix(
  { spec, tensors, bridge, held }: SegmentLoad,
  name: (part: 'Norm' | 'Down' | 'Up' | 'Shares') => string,
  adds: boolean,
): Mix {
  const matrix = (part: 'Down' | 'Up' | 'Shares') => held.keep(loadMatrix(bridge, tensorNamed(tensors, name(part))));
  return {
    norm: withNormOffset(loadVector(bridge, tensorNamed(tensors, name('Norm'))), spec),
    down: matrix('Down'),
    up: matrix('Up'),
    shares: adds ? matrix('Shares') : null,
  };
}

/**
 * out[tokens, width] = each stream of x[tokens, width] in a root-mean-square norm of its own; weights[width] are those
 * of all streams, `size` values each. `out` may be x. Sums are double.
 */
export function normStreams(
  x: Float32Array,
  tokens: number,
  size: number,
  weights: Float32Array,
  epsilon: number,
  out: Float32Array,
): void {
  const width = weights.length;
  for (let start = 0; start < tokens * width; start += size) {
    let squares = 0;
    for (let i = start; i < start + size; i++) squares += x[i] * x[i];
    const scale = 1 / Math.sqrt(squares / size + epsilon);
    const of = start % width;
    for (let i = 0; i < size; i++) out[start + i] = x[start + i] * scale * weights[of + i];
  }
}

/** Bytes of the working rows. */
export function streamScratchBytes(spec: ModelSpec, maxTokens: number): number {
  if (!spec.residualStreams) return 0;
  if (!('rank' in spec.residualStreams)) return balancedScratchBytes(spec, spec.residualStreams, maxTokens);
  const { count, rank } = spec.residualStreams;
  const width = streamsWidth(spec);
  return 4 * (maxTokens * (width + count) + MIXED_AT_ONCE * (2 * width + rank));
}
