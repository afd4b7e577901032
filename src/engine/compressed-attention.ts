import type { KeyValueCache } from '../../native-bridge/bridge.js';
import { keyValuePageBytes } from '../../native-bridge/memory.js';
import { tensorNamed } from '../dense/check-tensors.js';
import { HeldParts } from '../dense/held-parts.js';
import { loadVector } from '../dense/load-tensor.js';
import { Rotary } from '../dense/rotary.js';
import { RowViews } from '../dense/row-views.js';
import { CompressedProjections, type LayerRotaries } from '../mixers/compressed-projections.js';
import {
  ATTENDED_AT_ONCE,
  compressedRow,
  indexKeys,
  mostRows,
  pendingFloats,
  positionRow,
  positionsOfPage,
} from '../mixers/compressed-size.js';
import { KeyCompressor } from '../mixers/key-compressor.js';
import { KeyIndex } from '../mixers/key-index.js';
import type { MixerLoad } from '../mixers/mixer-tensors.js';
import { type Compression, compressedWidth, compressionOf } from '../model/compressed-tensors.js';
import type { CompressedAttentionSpec, RotarySpec } from '../model/spec.js';
import { layerTensor, type ResidentLayerTensor } from '../model/tensor-names.js';
import { keptAs } from '../plan/state-format.js';
import type { AttentionOptions } from './attention.js';
import type { Mixer, Pass, PassPart } from './mixer.js';
import { CompressedState } from './state/compressed-state.js';

/** What compresses the keys of a layer. */
interface LayerCompressor extends Compression {
  keys: KeyCompressor;
  /** Null without an index. */
  index: KeyCompressor | null;
}

/**
 * The mixer of attention with compressed keys (llama.cpp, deepseek4.cpp): each token sees the keys of a window, and
 * those that stand for several positions each, all of them or the best by an index. A key is its own value. Throws
 * CORRUPT, NOT_FOUND, IO or BridgeError, and then holds nothing.
 */
export function createCompressedAttention(options: AttentionOptions, attention: CompressedAttentionSpec): Mixer {
  const held = new HeldParts();
  try {
    return new CompressedAttention(options, attention, held);
  } catch (error) {
    void held.dispose();
    throw error;
  }
}

class CompressedAttention implements Mixer {
  readonly width: number;
  readonly #options: AttentionOptions;
  readonly #attention: CompressedAttentionSpec;
  readonly #held: HeldParts;
  readonly #cache: KeyValueCache;
  readonly #layers: CompressedProjections[];
  readonly #compressors: (LayerCompressor | null)[];
  readonly #states: CompressedState[];
  readonly #index: KeyIndex;
  readonly #seen: Uint8Array;
  readonly #rows: Record<'q' | 'keys' | 'answers' | 'pending' | 'indexQueries' | 'indexWeights', Float32Array>;
  readonly #views: Record<'q' | 'keys' | 'answers', RowViews>;
  readonly #key: Float32Array;
  readonly #indexKey: Float32Array;

  constructor(options: AttentionOptions, attention: CompressedAttentionSpec, held: HeldParts) {
    const { spec, contextSize, sequences, maxTokens, stateFormat } = options;
    const { headDim, numLayers, numAttentionHeads } = spec;
    const { index } = attention;
    this.#options = options;
    this.#attention = attention;
    this.#held = held;
    this.width = attention.outputGroups * attention.outputRank;
    this.#cache = held.keep(createCache(options, attention));
    const rotaries = rotariesOf(options, attention);
    const load = { ...options, rows: new Map<string, Float32Array>() };
    this.#layers = attention.ratios.map((_, layer) =>
      held.keep(new CompressedProjections(load, layer, attention, rotaries(layer))),
    );
    this.#compressors = attention.ratios.map((_, layer) => compressorOf(load, attention, layer));
    const pageBytes = keyValuePageBytes({
      ...{ numKeyValueHeads: 1, headDim, sharedValueDim: headDim, format: keptAs(stateFormat) },
    });
    this.#states = Array.from(
      { length: sequences },
      (_, sequence) =>
        new CompressedState(spec, attention, contextSize, {
          cache: this.#cache,
          first: sequence * numLayers,
          pageBytes,
        }),
    );
    this.#index = new KeyIndex(
      index,
      Math.max(...attention.ratios.map((_, i) => indexKeys(attention, i, contextSize))),
    );
    this.#seen = new Uint8Array(ATTENDED_AT_ONCE * mostRows(attention, contextSize));
    const queries = maxTokens * numAttentionHeads * headDim;
    const pending = Math.max(...attention.ratios.map((_, layer) => pendingFloats(spec, layer)));
    this.#rows = {
      ...{ q: new Float32Array(queries), answers: new Float32Array(queries) },
      keys: new Float32Array(maxTokens * headDim),
      pending: new Float32Array(maxTokens * pending),
      indexQueries: new Float32Array(maxTokens * index.heads * index.headDim),
      indexWeights: new Float32Array(maxTokens * index.heads),
    };
    const { q, keys, answers } = this.#rows;
    this.#views = { q: new RowViews(q), keys: new RowViews(keys), answers: new RowViews(answers) };
    this.#key = new Float32Array(headDim);
    this.#indexKey = new Float32Array(index.headDim);
  }

  async step(layer: number, x: Float32Array, { tokens, positions, parts }: Pass, mixed: Float32Array): Promise<void> {
    const { denseTime } = this.#options;
    const { q, keys, answers } = this.#rows;
    denseTime.start();
    this.#layers[layer].project(x, tokens, positions, q, keys, this.#rows);
    denseTime.stop();
    for (const part of parts) {
      if (part.dropped) continue;
      const state = this.#states[part.sequence];
      if (layer === 0) state.begin(part.tokens);
      this.#keep(layer, state, part);
      this.#attend(layer, state, part);
    }
    denseTime.start();
    this.#layers[layer].finish(answers, tokens, positions, mixed);
    denseTime.stop();
  }

  copy(from: number, to: number, length: number): void {
    this.#states[to].copy(this.#states[from], length);
  }

  save(sequence: number, length: number, write: (bytes: Uint8Array) => void): void {
    this.#states[sequence].save(length, write);
  }

  load(sequence: number, length: number, read: (into: Uint8Array) => void): void {
    this.#states[sequence].load(length, read);
  }

  snapshot(sequence: number): void {
    this.#states[sequence].kept.mark();
  }

  snapshotNext(sequence: number): void {
    this.#states[sequence].kept.markNext();
  }

  rewind(sequence: number, length: number): number {
    return this.#states[sequence].rewind(length);
  }

  get bytes(): number {
    return this.#states.reduce((sum, { bytes }) => sum + bytes, this.#cache.bytes);
  }

  dispose(): void {
    void this.#held.dispose();
  }

  /** Keeps the keys of a part, what others are made of, and the compressed keys that it completes. */
  #keep(layer: number, state: CompressedState, { row, position, tokens }: PassPart): void {
    const { headDim } = this.#options.spec;
    const ratio = this.#attention.ratios[layer];
    const together = ratio === 0 ? tokens : positionsOfPage(ratio);
    for (let done = 0; done < tokens; ) {
      const at = position + done;
      const some = ratio === 0 ? tokens : Math.min(tokens - done, together - (at % together));
      state.append(layer, at, some, this.#views.keys.from((row + done) * headDim));
      done += some;
    }
    const compressor = this.#compressors[layer];
    if (!compressor) return;
    const pending = state.pending[layer];
    pending.append(this.#rows.pending, row, tokens, position);
    const indexDim = this.#attention.index.headDim;
    const end = Math.floor((position + tokens) / ratio);
    for (let number = Math.floor(position / ratio); number < end; number++) {
      compressor.keys.make(number, pending, this.#key);
      state.appendCompressed(layer, number, this.#key);
      compressor.index?.make(number, pending, this.#indexKey);
      if (compressor.index) state.index[layer].set(this.#indexKey, number * indexDim);
    }
  }

  /** answers = attention of a part's queries. */
  #attend(layer: number, state: CompressedState, { row, sequence, position, tokens }: PassPart): void {
    const { numLayers, numAttentionHeads, headDim } = this.#options.spec;
    const ratio = this.#attention.ratios[layer];
    const at = sequence * numLayers + layer;
    const width = numAttentionHeads * headDim;
    for (let done = 0; done < tokens; ) {
      const first = position + done;
      const into = (row + done) * width;
      const [q, answers] = [this.#views.q.from(into), this.#views.answers.from(into)];
      if (ratio === 0) {
        this.#cache.attend(at, first, tokens, q, answers);
        return;
      }
      const together = positionsOfPage(ratio);
      const some = Math.min(ATTENDED_AT_ONCE, tokens - done, together - (first % together));
      const firstRow = positionRow(ratio, first);
      this.#seen.fill(0, 0, some * (firstRow + some));
      for (let token = 0; token < some; token++)
        this.#mark(layer, state, first + token, row + done + token, token * (firstRow + some));
      this.#cache.attend(at, firstRow, some, q, answers, this.#seen, 1);
      done += some;
    }
  }

  /** Marks the rows that the token in row `row` sees, which stands at `position`: seen[at + row of a key] = 1. */
  #mark(layer: number, state: CompressedState, position: number, row: number, at: number): void {
    const { window, ratios } = this.#attention;
    const ratio = ratios[layer];
    for (let near = Math.max(0, position + 1 - window); near <= position; near++)
      this.#seen[at + positionRow(ratio, near)] = 1;
    const count = Math.floor((position + 1) / ratio);
    if (this.#compressors[layer]!.index) {
      const { indexQueries: queries, indexWeights: weights } = this.#rows;
      this.#index.mark(state.index[layer], count, { queries, weights }, row, { seen: this.#seen, at, ratio });
    } else for (let key = 0; key < count; key++) this.#seen[at + compressedRow(ratio, key)] = 1;
  }
}

/** One cache for the layers of all sequences; those of one sequence follow those of another. */
function createCache(options: AttentionOptions, attention: CompressedAttentionSpec): KeyValueCache {
  const { spec, tensors, bridge, contextSize, stateFormat, sequences } = options;
  const { numLayers, numAttentionHeads, headDim } = spec;
  const windows = new Uint32Array(sequences * numLayers);
  const sinks = new Float32Array(sequences * numLayers * numAttentionHeads);
  for (let at = 0; at < sequences * numLayers; at++) {
    const layer = at % numLayers;
    windows[at] = attention.ratios[layer] === 0 ? attention.window : 0;
    sinks.set(loadVector(bridge, tensorNamed(tensors, layerTensor(layer, 'sinks'))), at * numAttentionHeads);
  }
  return bridge.createKeyValueCache({
    ...{ numLayers: sequences * numLayers, numAttentionHeads, numKeyValueHeads: 1, headDim },
    ...{ contextSize: mostRows(attention, contextSize), format: keptAs(stateFormat), sharedValueDim: headDim },
    ...{ windows, sinks },
  });
}

/** Per layer its rotary embeddings, which layers with and without compressed keys have of their own. */
function rotariesOf(
  { spec, maxTokens }: AttentionOptions,
  { rotary, index }: CompressedAttentionSpec,
): (layer: number) => LayerRotaries {
  const made = (of: RotarySpec): LayerRotaries => ({
    heads: new Rotary(of, spec.headDim, maxTokens, spec.headDim - of.dimension),
    index: new Rotary(of, index.headDim, maxTokens, index.headDim - of.dimension),
  });
  const [plain, compressed] = [made(spec.rotary!), made(rotary)];
  return (layer) => (spec.compressedAttention!.ratios[layer] === 0 ? plain : compressed);
}

function compressorOf(load: MixerLoad, attention: CompressedAttentionSpec, layer: number): LayerCompressor | null {
  const compression = compressionOf(attention, layer);
  if (!compression) return null;
  const { spec, bridge, tensors } = load;
  const { rotary, index } = attention;
  const made = (size: number, first: number, norm: ResidentLayerTensor) =>
    new KeyCompressor(compression, {
      ...{ size, first, epsilon: spec.normEpsilon },
      norm: loadVector(bridge, tensorNamed(tensors, layerTensor(layer, norm))),
      rotary: new Rotary(rotary, size, 1, size - rotary.dimension),
    });
  const width = compressedWidth(compression, spec.headDim);
  return {
    ...compression,
    keys: made(spec.headDim, 0, 'compressNorm'),
    index: compression.indexed ? made(index.headDim, 2 * width, 'indexCompressNorm') : null,
  };
}
