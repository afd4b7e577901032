import type { KeyValueCache, KeyValueCacheOptions } from '../bridge.js';
import { keyValuePageBytes, PAGE_POSITIONS } from '../memory.js';
import { dot } from './dot.js';
import { allocate, isCount, usage } from './errors.js';

/** Keys, or values, of 64 positions: [numKeyValueHeads, 64, headDim], and what each vector is to be multiplied by. */
interface Half {
  vectors: Int8Array | Int16Array | Float32Array;
  scales: Float32Array;
}

const VECTORS = { i8: Int8Array, i16: Int16Array, f32: Float32Array } as const;

interface LayerState {
  /** By position / PAGE_POSITIONS; null where a page was dropped. */
  pages: ({ keys: Half; values: Half } | null)[];
  length: number;
}

export class TwinKeyValueCache implements KeyValueCache {
  readonly #options: KeyValueCacheOptions;
  readonly #layers: LayerState[];
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
    if (!Object.hasOwn(VECTORS, format)) throw usage(`keys and values are kept in i8, i16 or f32, not ${format}`);
    if (options.windows && options.windows.length !== numLayers) throw usage('windows needs one entry per layer');
    if (options.sinks && options.sinks.length !== numLayers * numAttentionHeads)
      throw usage('sinks needs one entry per layer and head');
    if (options.softCap !== undefined && !(options.softCap > 0 && options.softCap < Infinity))
      throw usage('softCap is a number above 0');
    if (options.sharedValueDim !== undefined && !(options.sharedValueDim >= 1 && options.sharedValueDim <= headDim))
      throw usage(`sharedValueDim is from 1 to ${headDim}`);
    this.#options = { ...options };
    this.#layers = Array.from({ length: numLayers }, () => ({ pages: [], length: 0 }));
    this.#weights = new Float64Array(contextSize);
    this.#sum = new Float64Array(headDim);
  }

  get bytes(): number {
    let pages = 0;
    for (const layer of this.#layers) pages += layer.pages.filter((page) => page !== null).length;
    return pages * keyValuePageBytes(this.#options);
  }

  append(layer: number, position: number, tokens: number, k: Float32Array, v: Float32Array): void {
    const state = this.#layer(layer, position, tokens);
    const { numKeyValueHeads, headDim } = this.#options;
    const needed = tokens * numKeyValueHeads * headDim;
    const shares = this.#options.sharedValueDim !== undefined;
    if (k.length < needed || (!shares && v.length < needed))
      throw usage(`k holds ${k.length} and v ${v.length} values; ${needed} are needed`);
    if (position > state.length)
      throw usage(`layer ${layer} holds ${state.length} positions; ${position} would leave a gap`);
    if (tokens > 0 && position % PAGE_POSITIONS !== 0 && !state.pages[Math.floor(position / PAGE_POSITIONS)])
      throw usage(`the positions before ${position} were dropped`);
    for (let at = position; at < position + tokens; at++) {
      state.pages[Math.floor(at / PAGE_POSITIONS)] ??= this.#page();
      const page = state.pages[Math.floor(at / PAGE_POSITIONS)]!;
      for (let head = 0; head < numKeyValueHeads; head++) {
        const from = ((at - position) * numKeyValueHeads + head) * headDim;
        const to = head * PAGE_POSITIONS + (at % PAGE_POSITIONS);
        store(k, from, headDim, page.keys, to);
        if (!shares) store(v, from, headDim, page.values, to);
      }
    }
    state.length = Math.max(state.length, position + tokens);
  }

  attend(
    layer: number,
    position: number,
    tokens: number,
    q: Float32Array,
    out: Float32Array,
    seen?: Uint8Array,
    blockSize = 1,
  ): void {
    this.#attend(layer, position, tokens, q, out, false, seen, blockSize);
  }

  attendTogether(layer: number, position: number, tokens: number, q: Float32Array, out: Float32Array): void {
    this.#attend(layer, position, tokens, q, out, true);
  }

  #attend(
    layer: number,
    position: number,
    tokens: number,
    q: Float32Array,
    out: Float32Array,
    together: boolean,
    seen?: Uint8Array,
    blockSize = 1,
  ): void {
    const state = this.#layer(layer, position, tokens);
    const { numAttentionHeads, headDim } = this.#options;
    const { sharedValueDim = headDim } = this.#options;
    const heads = tokens * numAttentionHeads;
    if (q.length < heads * headDim || out.length < heads * sharedValueDim)
      throw usage(`q holds ${q.length} and out ${out.length} values; ${heads * headDim} are needed`);
    if (position + tokens > state.length)
      throw usage(`layer ${layer} holds ${state.length} positions, attention asks for ${position + tokens}`);
    const window = this.#options.windows?.[layer] || position + 1;
    const blocks = Math.ceil((position + tokens) / blockSize);
    if (seen && seen.length < tokens * blocks)
      throw usage(`seen holds ${seen.length} entries; ${tokens * blocks} are needed`);
    const hidden = (t: number, at: number) => seen !== undefined && seen[t * blocks + Math.floor(at / blockSize)] === 0;
    const hiddenFromAll = (at: number) => Array.from({ length: tokens }, (_, t) => hidden(t, at)).every((is) => is);
    for (let at = Math.max(0, position + 1 - window); at < position + tokens; at++)
      if (!state.pages[Math.floor(at / PAGE_POSITIONS)] && !hiddenFromAll(at))
        throw usage(`position ${at} was dropped`);
    const range = (t: number) => {
      const own = position + t + 1;
      const windowed = Math.max(0, own - (this.#options.windows?.[layer] || own));
      return together
        ? { first: Math.min(windowed, position), length: position + tokens }
        : { first: windowed, length: own };
    };
    for (let t = 0; t < tokens; t++)
      for (let head = 0; head < numAttentionHeads; head++) {
        this.#attendOne(layer, head, range(t), q, out, t * numAttentionHeads + head, (at) => hidden(t, at));
      }
  }

  truncate(index: number, length: number): void {
    const layer = this.#layer(index, 0, 0);
    if (!isCount(length)) throw usage(`${length} is not a number of positions`);
    layer.length = Math.min(layer.length, length);
    layer.pages.length = Math.ceil(layer.length / PAGE_POSITIONS);
  }

  swap(index: number, one: number, other: number): void {
    const layer = this.#layer(index, 0, 0);
    const { numKeyValueHeads, headDim } = this.#options;
    const [first, second] = [one, other].map((position) => {
      const page = isCount(position) && position < layer.length && layer.pages[Math.floor(position / PAGE_POSITIONS)];
      if (!page) throw usage(`position ${position} is not held`);
      return { page, within: position % PAGE_POSITIONS };
    });
    const halves = this.#options.sharedValueDim === undefined ? (['keys', 'values'] as const) : (['keys'] as const);
    for (const half of halves)
      for (let head = 0; head < numKeyValueHeads; head++) {
        const a = head * PAGE_POSITIONS + first.within;
        const b = head * PAGE_POSITIONS + second.within;
        const [from, to] = [first.page[half], second.page[half]];
        for (let d = 0; d < headDim; d++) exchange(from.vectors, a * headDim + d, to.vectors, b * headDim + d);
        exchange(from.scales, a, to.scales, b);
      }
  }

  drop(index: number, from: number, to: number): void {
    const layer = this.#layer(index, 0, 0);
    if (!isCount(from) || !isCount(to)) throw usage(`${from} to ${to} are not positions`);
    const end = Math.floor(Math.min(to, layer.length) / PAGE_POSITIONS);
    for (let page = Math.ceil(from / PAGE_POSITIONS); page < end; page++) layer.pages[page] = null;
  }

  copy(fromIndex: number, toIndex: number, length: number): void {
    const from = this.#layer(fromIndex, 0, 0);
    const to = this.#layer(toIndex, 0, 0);
    if (from === to) throw usage('a layer is not copied to itself');
    if (!isCount(length)) throw usage(`${length} is not a number of positions`);
    to.length = Math.min(from.length, length);
    to.pages = from.pages.slice(0, Math.ceil(to.length / PAGE_POSITIONS)).map((page) => {
      if (page === null) return null;
      const keys = copied(page.keys);
      return { keys, values: page.values === page.keys ? keys : copied(page.values) };
    });
  }

  savePage(index: number, number: number, into: Uint8Array): void {
    const page = this.#layer(index, 0, 0).pages[number];
    if (!page) throw usage(`page ${number} is not held`);
    let at = 0;
    for (const part of this.#parts(page, into)) {
      into.set(part, at);
      at += part.length;
    }
  }

  loadPage(index: number, number: number, from: Uint8Array): void {
    const layer = this.#layer(index, 0, 0);
    const { contextSize } = this.#options;
    if (!isCount(number) || number * PAGE_POSITIONS >= contextSize) throw usage(`page ${number} is past the context`);
    const page = this.#page();
    let at = 0;
    for (const part of this.#parts(page, from)) {
      part.set(from.subarray(at, at + part.length));
      at += part.length;
    }
    while (layer.pages.length < number) layer.pages.push(null);
    layer.pages[number] = page;
    layer.length = Math.max(layer.length, Math.min((number + 1) * PAGE_POSITIONS, contextSize));
  }

  /** The parts of a page as the addon keeps them one after another; `bytes` has to hold them all. */
  #parts({ keys, values }: { keys: Half; values: Half }, bytes: Uint8Array): Uint8Array[] {
    const needed = keyValuePageBytes(this.#options);
    if (bytes.length < needed) throw usage(`a page takes ${needed} bytes, not ${bytes.length}`);
    const halves = values === keys ? [keys] : [keys, values];
    const arrays = halves.map(({ vectors }): ArrayBufferView => vectors);
    if (this.#options.format !== 'f32') arrays.push(...halves.map(({ scales }) => scales));
    return arrays.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
  }

  dispose(): void {
    this.#disposed = true;
    for (const layer of this.#layers) layer.pages = [];
  }

  /** Query `query` of q, of one head, over positions `first` to `length`. */
  #attendOne(
    layer: number,
    head: number,
    { first, length }: { first: number; length: number },
    q: Float32Array,
    out: Float32Array,
    query: number,
    hides: (position: number) => boolean,
  ): void {
    const { numAttentionHeads, numKeyValueHeads, headDim, sinks, softCap } = this.#options;
    const { sharedValueDim: valueDim = headDim } = this.#options;
    const offset = query * headDim;
    const state = this.#layers[layer];
    const sink = sinks?.[layer * numAttentionHeads + head] ?? -Infinity;
    const shared = Math.floor(head / (numAttentionHeads / numKeyValueHeads)) * PAGE_POSITIONS;
    const weights = this.#weights;
    const sum = this.#sum.fill(0);

    let largest = sink;
    for (let at = first; at < length; at++) {
      weights[at] = -Infinity;
      if (hides(at)) continue;
      const { vectors, scales } = state.pages[Math.floor(at / PAGE_POSITIONS)]!.keys;
      const vector = shared + (at % PAGE_POSITIONS);
      const logit = (scales[vector] * dot(q, offset, vectors, vector * headDim, headDim)) / Math.sqrt(headDim);
      weights[at] = softCap ? softCap * Math.tanh(logit / softCap) : logit;
      largest = Math.max(largest, weights[at]);
    }
    let total = Math.exp(sink - largest);
    for (let at = first; at < length; at++) {
      weights[at] = Math.exp(weights[at] - largest);
      total += weights[at];
    }
    for (let at = first; at < length; at++) {
      if (hides(at)) continue;
      const { vectors, scales } = state.pages[Math.floor(at / PAGE_POSITIONS)]!.values;
      const vector = shared + (at % PAGE_POSITIONS);
      const weight = weights[at] * scales[vector];
      for (let i = 0; i < valueDim; i++) sum[i] += weight * vectors[vector * headDim + i];
    }
    for (let i = 0; i < valueDim; i++) out[query * valueDim + i] = sum[i] / total;
  }

  #page(): NonNullable<LayerState['pages'][number]> {
    const keys = this.#half();
    return { keys, values: this.#options.sharedValueDim === undefined ? this.#half() : keys };
  }

  #half(): Half {
    const { numKeyValueHeads, headDim, format } = this.#options;
    const count = numKeyValueHeads * PAGE_POSITIONS;
    const Vectors = VECTORS[format];
    const bytes = allocate(count * headDim * Vectors.BYTES_PER_ELEMENT, 'keys and values').buffer as ArrayBuffer;
    return {
      vectors: new Vectors(bytes),
      scales: new Float32Array(count).fill(1),
    };
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

/** Has a number of one array and one of another change places. */
function exchange(one: Half['vectors'], at: number, other: Half['vectors'], place: number): void {
  const value = one[at];
  one[at] = other[place];
  other[place] = value;
}

const copied = ({ vectors, scales }: Half): Half => ({ vectors: vectors.slice(), scales: scales.slice() });

/**
 * Keeps `count` values from `offset` on as vector number `to`. Integers are scaled so that the largest becomes the
 * largest of its type.
 */
function store(from: Float32Array, offset: number, count: number, into: Half, to: number): void {
  if (into.vectors instanceof Float32Array) {
    into.vectors.set(from.subarray(offset, offset + count), to * count);
    return;
  }
  let largest = 0;
  for (let i = 0; i < count; i++) largest = Math.max(largest, Math.abs(from[offset + i]));
  const scale = Math.fround(largest / (into.vectors instanceof Int8Array ? 127 : 32767));
  into.scales[to] = scale;
  for (let i = 0; i < count; i++)
    into.vectors[to * count + i] = scale > 0 ? nearestEven(Math.fround(from[offset + i] / scale)) : 0;
}

function nearestEven(value: number): number {
  const floor = Math.floor(value);
  const above = value - floor;
  return above > 0.5 || (above === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}
