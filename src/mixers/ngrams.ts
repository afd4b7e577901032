import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import { tensorNamed } from '../dense/check-tensors.js';
import { checkOnDisk } from '../dense/checksum.js';
import { Embedding } from '../dense/embedding.js';
import { MIXED_AT_ONCE, normStreams, type ResidualStreams } from '../dense/residual-streams.js';
import { RowViews } from '../dense/row-views.js';
import { streamsWidth } from '../model/mixer-tensors.js';
import type { NgramsSpec } from '../model/spec.js';
import { NGRAM_EMBEDDING } from '../model/tensor-names.js';
import { sigmoid, silu } from './activations.js';
import { type MixerLoad, type MixerTensors, withMixerTensors } from './mixer-tensors.js';
import { NgramHash } from './ngram-hash.js';
import type { RecurrentLayer } from './recurrent-layer.js';
import { ngramSizes } from './state-size.js';

/** The least magnitude of a gate's logit before its root (llama.cpp, qwen4exp.cpp). */
const LEAST_LOGIT = 1e-6;

/** Loads what n-grams bring before a layer. Throws CORRUPT, NOT_FOUND, IO or BridgeError, and then holds nothing. */
export function loadNgrams(load: MixerLoad, streams: ResidualStreams, ngrams: NgramsSpec): Ngrams {
  return withMixerTensors(load, ngrams.layer, (tensors) => new Ngrams(load, tensors, streams, ngrams));
}

/**
 * What n-grams bring to residual streams (llama.cpp, qwen4exp.cpp). The rows of a token are read from a table on disk,
 * and projected to a key for each stream and a value. A stream takes the value by the sigmoid of the signed root of the
 * product of its key with the stream, both in norms; and besides silu of a convolution over these, whose positions are
 * as far apart as the longest n-gram is long.
 *
 * A row of inputs is [what the convolution sees | id + 1]. The state is [columns of the convolution | the ids + 1 of
 * the tokens before, the last one first], 0 for none.
 */
export class Ngrams implements RecurrentLayer {
  readonly stateFloats: number;
  readonly inputWidth: number;
  readonly width: number;
  readonly residentBytes: number;
  /** What `project` makes of the tokens of a pass, and `run` adds to: [tokens, width]. */
  readonly brought: Float32Array;
  readonly #ngrams: NgramsSpec;
  readonly #streams: ResidualStreams;
  readonly #tensors: MixerTensors;
  readonly #table: Embedding;
  readonly #hash: NgramHash;
  readonly #hiddenSize: number;
  readonly #epsilon: number;
  readonly #keys: ResidentMatrix;
  readonly #values: ResidentMatrix;
  readonly #norms: Record<'key' | 'query' | 'output', Float32Array>;
  /** [kernel, width] */
  readonly #kernel: Float32Array;
  readonly #rows: Record<'embedded' | 'values' | 'convolved', Float32Array>;
  readonly #views: Record<'embedded' | 'keys' | 'brought', RowViews>;
  #inputs: RowViews;
  /** Rows of the table, [tokens, heads]; and the tokens that one n-gram is made of. */
  readonly #tableRows: Int32Array;
  readonly #context: Int32Array;

  constructor(load: MixerLoad, tensors: MixerTensors, streams: ResidualStreams, ngrams: NgramsSpec) {
    const { spec, bridge, maxTokens } = load;
    const { stateFloats, inputWidth } = ngramSizes(ngrams, spec);
    this.#ngrams = ngrams;
    this.#streams = streams;
    this.#tensors = tensors;
    this.#hash = new NgramHash(ngrams);
    this.#hiddenSize = spec.hiddenSize;
    this.#epsilon = spec.normEpsilon;
    this.width = streamsWidth(spec);
    this.stateFloats = stateFloats;
    this.inputWidth = inputWidth;
    this.#keys = tensors.resident('ngramKeys');
    this.#values = tensors.resident('ngramValues');
    this.#norms = {
      key: tensors.normVector('ngramKeyNorm'),
      query: tensors.normVector('ngramQueryNorm'),
      output: tensors.normVector('ngramNorm'),
    };
    this.#kernel = tensors.kernel(ngrams.kernel, 'ngramKernel');
    this.residentBytes = tensors.bytes;
    this.brought = new Float32Array(maxTokens * this.width);
    this.#rows = {
      embedded: tensors.rows('embedded', spec.hiddenSize),
      values: tensors.rows('values', spec.hiddenSize),
      convolved: new Float32Array(this.width),
    };
    this.#views = {
      embedded: new RowViews(this.#rows.embedded),
      keys: new RowViews(new Float32Array(MIXED_AT_ONCE * this.width)),
      brought: new RowViews(this.brought),
    };
    this.#inputs = new RowViews(this.brought);
    this.#tableRows = new Int32Array(maxTokens * ngrams.firstRows.length);
    this.#context = new Int32Array(ngrams.size);
    const table = tensorNamed(load.tensors, NGRAM_EMBEDDING);
    checkOnDisk(table, bridge);
    this.#table = new Embedding(table, null);
  }

  /** Finds the rows of the table for `tokens` tokens of a pass, from row `first` on, whose state is `from`. */
  lookUp(first: number, tokens: number, from: Float32Array): void {
    const { size, endId, firstRows } = this.#ngrams;
    const { ids } = this.#streams;
    const context = this.#context;
    const before = this.stateFloats - (size - 1);
    for (let token = 0; token < tokens; token++) {
      let ended = false;
      context[0] = ids[first + token];
      for (let back = 1; back < size; back++) {
        const id = back <= token ? ids[first + token - back] : from[before + back - token - 1] - 1;
        // The end of a text cuts off what is before it, but does not cut itself off.
        ended ||= id < 0 || id === endId;
        context[back] = ended ? endId : id;
      }
      this.#hash.rows(context, this.#tableRows, (first + token) * firstRows.length);
    }
  }

  /** Of the rows that were looked up, and of the streams. */
  project(_x: Float32Array, tokens: number, inputs: Float32Array): void {
    const [size, width] = [this.#hiddenSize, this.width];
    const { embedded, values } = this.#rows;
    const { ids } = this.#streams;
    const views = this.#views;
    if (this.#inputs.array !== inputs) this.#inputs = new RowViews(inputs);
    this.#table.rows(this.#tableRows.subarray(0, tokens * this.#ngrams.firstRows.length), embedded);
    this.#values.matmul(embedded, tokens, values);
    for (let token = 0; token < tokens; token++) {
      const ahead = token % MIXED_AT_ONCE;
      const some = Math.min(MIXED_AT_ONCE, tokens - token);
      if (ahead === 0) this.#keys.matmul(views.embedded.from(token * size), some, views.keys.array);
      const key = views.keys.from(ahead * width);
      normStreams(key, 1, size, this.#norms.key, this.#epsilon, key);
      const brought = views.brought.from(token * width);
      const input = this.#inputs.from(token * this.inputWidth);
      normStreams(this.#streams.views.from(token * width), 1, size, this.#norms.query, this.#epsilon, input);
      for (let at = 0; at < width; at += size) {
        const gate = gateOf(key, input, at, size);
        for (let i = 0; i < size; i++) brought[at + i] = gate * values[token * size + i];
      }
      normStreams(brought, 1, size, this.#norms.output, this.#epsilon, input);
      input[width] = ids[token] + 1;
    }
  }

  /** `mixed` is `brought`: its rows receive the convolution's part. */
  run(
    inputs: Float32Array,
    first: number,
    tokens: number,
    from: Float32Array,
    to: Float32Array,
    mixed: Float32Array | null,
  ): void {
    for (let token = 0; mixed && token < tokens; token++) this.#convolve(inputs, first, token, from, mixed);
    this.#advance(inputs, first, tokens, from, to);
  }

  dispose(): void {
    this.#table.dispose();
    this.#tensors.dispose();
  }

  #convolve(inputs: Float32Array, first: number, token: number, from: Float32Array, mixed: Float32Array): void {
    const { kernel, size } = this.#ngrams;
    const { convolved } = this.#rows;
    const width = this.width;
    const held = (kernel - 1) * size;
    convolved.fill(0);
    for (let tap = 0; tap < kernel; tap++) {
      const back = (kernel - 1 - tap) * size;
      const source = back <= token ? inputs : from;
      const at = back <= token ? (first + token - back) * this.inputWidth : (held + token - back) * width;
      for (let i = 0; i < width; i++) convolved[i] += this.#kernel[tap * width + i] * source[at + i];
    }
    for (let i = 0; i < width; i++) mixed[(first + token) * width + i] += silu(convolved[i]);
  }

  /** The state after the tokens: columns and ids move up, and theirs follow. */
  #advance(inputs: Float32Array, first: number, tokens: number, from: Float32Array, to: Float32Array): void {
    const { kernel, size } = this.#ngrams;
    const width = this.width;
    const columns = (kernel - 1) * size;
    const kept = Math.max(0, columns - tokens);
    const end = columns * width;
    const previous = size - 1;
    const keptIds = Math.max(0, previous - tokens);
    if (kept > 0) to.set(from.subarray((columns - kept) * width, end));
    if (keptIds > 0) to.set(from.subarray(end, end + keptIds), end + tokens);
    for (let column = kept; column < columns; column++) {
      const at = (first + tokens - (columns - column)) * this.inputWidth;
      to.set(inputs.subarray(at, at + width), column * width);
    }
    for (let back = 0; back < previous - keptIds; back++)
      to[end + back] = inputs[(first + tokens - 1 - back) * this.inputWidth + width];
  }
}

/** The weight of a stream's value: of the product of its key with it. */
function gateOf(keys: Float32Array, queries: Float32Array, at: number, size: number): number {
  let product = 0;
  for (let i = at; i < at + size; i++) product += keys[i] * queries[i];
  product /= Math.sqrt(size);
  return sigmoid(Math.sign(product) * Math.sqrt(Math.max(Math.abs(product), LEAST_LOGIT)));
}
