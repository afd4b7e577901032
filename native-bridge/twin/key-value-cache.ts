import { dequantize, quantize } from '../blocks.js';
import type { KeyValueCache, KeyValueCacheOptions } from '../bridge.js';
import { FORMATS } from '../formats.js';
import { dot } from './dot.js';
import { allocate, isCount, usage } from './errors.js';

const PAGE_POSITIONS = 64;

/** One layer's past. A page holds keys, then values, each [numKeyValueHeads, 64, headDim]. */
interface LayerState {
  pages: Uint8Array[];
  length: number;
}

export class TwinKeyValueCache implements KeyValueCache {
  readonly #options: KeyValueCacheOptions;
  readonly #layers: LayerState[];
  /** Bytes of one position of one head, of one head's share of a page, and of all keys (or values) in it. */
  readonly #vectorBytes: number;
  readonly #headBytes: number;
  readonly #halfPageBytes: number;
  readonly #vectors: Float32Array;
  readonly #weights: Float64Array;
  readonly #sum: Float64Array;
  #disposed = false;

  constructor(options: KeyValueCacheOptions) {
    const { numLayers, numAttentionHeads, numKeyValueHeads, headDim, contextSize, format } = options;
    for (const [name, value] of Object.entries({
      numLayers,
      numAttentionHeads,
      numKeyValueHeads,
      headDim,
      contextSize,
    }))
      if (!isCount(value) || value === 0) throw usage(`${name} is ${value}, not a positive integer`);
    if (numAttentionHeads % numKeyValueHeads !== 0)
      throw usage(`${numKeyValueHeads} key-value heads cannot serve ${numAttentionHeads} attention heads evenly`);
    if (format !== 'f16' && format !== 'f32') throw usage(`keys and values are kept in f16 or f32, not ${format}`);
    this.#options = { ...options };
    this.#layers = Array.from({ length: numLayers }, () => ({ pages: [], length: 0 }));
    this.#vectorBytes = headDim * FORMATS[format].blockBytes;
    this.#headBytes = PAGE_POSITIONS * this.#vectorBytes;
    this.#halfPageBytes = numKeyValueHeads * this.#headBytes;
    this.#vectors = new Float32Array(PAGE_POSITIONS * headDim);
    this.#weights = new Float64Array(contextSize);
    this.#sum = new Float64Array(headDim);
  }

  get bytes(): number {
    let pages = 0;
    for (const layer of this.#layers) pages += layer.pages.length;
    return pages * 2 * this.#halfPageBytes;
  }

  append(layer: number, position: number, tokens: number, k: Float32Array, v: Float32Array): void {
    const state = this.#layer(layer, position, tokens);
    const { numKeyValueHeads, headDim, format } = this.#options;
    const needed = tokens * numKeyValueHeads * headDim;
    if (k.length < needed || v.length < needed)
      throw usage(`k holds ${k.length} and v ${v.length} values; ${needed} are needed`);
    if (position > state.length)
      throw usage(`layer ${layer} holds ${state.length} positions; ${position} would leave a gap`);
    for (let at = position; at < position + tokens; at++) {
      const page = Math.floor(at / PAGE_POSITIONS);
      if (page === state.pages.length) state.pages.push(allocate(2 * this.#halfPageBytes, 'keys and values'));
      for (let head = 0; head < numKeyValueHeads; head++) {
        const from = ((at - position) * numKeyValueHeads + head) * headDim;
        const to = head * this.#headBytes + (at % PAGE_POSITIONS) * this.#vectorBytes;
        quantize(format, k, from, headDim, state.pages[page], to);
        quantize(format, v, from, headDim, state.pages[page], this.#halfPageBytes + to);
      }
    }
    state.length = Math.max(state.length, position + tokens);
  }

  attend(layer: number, position: number, tokens: number, q: Float32Array, out: Float32Array): void {
    const state = this.#layer(layer, position, tokens);
    const { numAttentionHeads, headDim } = this.#options;
    const needed = tokens * numAttentionHeads * headDim;
    if (q.length < needed || out.length < needed)
      throw usage(`q holds ${q.length} and out ${out.length} values; ${needed} are needed`);
    if (position + tokens > state.length)
      throw usage(`layer ${layer} holds ${state.length} positions, attention asks for ${position + tokens}`);
    for (let t = 0; t < tokens; t++)
      for (let head = 0; head < numAttentionHeads; head++)
        this.#attendOne(state, head, position + t + 1, q, out, (t * numAttentionHeads + head) * headDim);
  }

  truncate(length: number): void {
    this.#checkAlive();
    if (!isCount(length)) throw usage(`${length} is not a number of positions`);
    for (const layer of this.#layers) {
      layer.length = Math.min(layer.length, length);
      layer.pages.length = Math.ceil(layer.length / PAGE_POSITIONS);
    }
  }

  dispose(): void {
    this.#disposed = true;
    for (const layer of this.#layers) layer.pages = [];
  }

  /** One query of one head, at `offset` of q and out, over the first `length` positions. */
  #attendOne(
    state: LayerState,
    head: number,
    length: number,
    q: Float32Array,
    out: Float32Array,
    offset: number,
  ): void {
    const { numAttentionHeads, numKeyValueHeads, headDim } = this.#options;
    const keys = Math.floor(head / (numAttentionHeads / numKeyValueHeads)) * this.#headBytes;
    const values = this.#halfPageBytes + keys;
    const weights = this.#weights;
    const sum = this.#sum.fill(0);

    let largest = -Infinity;
    for (let at = 0; at < length; at++) {
      if (at % PAGE_POSITIONS === 0) this.#widen(state, at, length, keys);
      weights[at] = dot(q, offset, this.#vectors, (at % PAGE_POSITIONS) * headDim, headDim) / Math.sqrt(headDim);
      largest = Math.max(largest, weights[at]);
    }
    let total = 0;
    for (let at = 0; at < length; at++) {
      weights[at] = Math.exp(weights[at] - largest);
      total += weights[at];
    }
    for (let at = 0; at < length; at++) {
      if (at % PAGE_POSITIONS === 0) this.#widen(state, at, length, values);
      const from = (at % PAGE_POSITIONS) * headDim;
      for (let i = 0; i < headDim; i++) sum[i] += weights[at] * this.#vectors[from + i];
    }
    for (let i = 0; i < headDim; i++) out[offset + i] = sum[i] / total;
  }

  /** Widens what is seen of the page that begins at position `at`, for the head whose vectors begin at byte `from`. */
  #widen(state: LayerState, at: number, length: number, from: number): void {
    const { format, headDim } = this.#options;
    const count = Math.min(PAGE_POSITIONS, length - at) * headDim;
    dequantize(format, state.pages[at / PAGE_POSITIONS], from, count, this.#vectors, 0);
  }

  #checkAlive(): void {
    if (this.#disposed) throw usage('the key-value cache was disposed');
  }

  #layer(index: number, position: number, tokens: number): LayerState {
    this.#checkAlive();
    const { numLayers, contextSize } = this.#options;
    if (!isCount(index) || index >= numLayers) throw usage(`the cache has ${numLayers} layers, no layer ${index}`);
    if (!isCount(position) || !isCount(tokens) || position + tokens > contextSize)
      throw usage(`positions ${position} to ${position + tokens} do not fit a context of ${contextSize}`);
    return this.#layers[index];
  }
}
