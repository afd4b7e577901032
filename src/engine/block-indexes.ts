import type { KeyValueCache } from '../../native-bridge/bridge.js';
import { Rotary } from '../dense/rotary.js';
import { BlockIndex, type IndexState } from '../mixers/block-index.js';
import type { MixerLoad } from '../mixers/mixer-tensors.js';
import { hasAttention } from '../model/mixer-tensors.js';
import type { BlockIndexSpec } from '../model/spec.js';
import type { PassPart } from './mixer.js';

/** Tokens that attend together, which bounds the marks of what they see. */
export const ATTENDED_AT_ONCE = 16;

interface IndexOptions extends Omit<MixerLoad, 'rows'> {
  contextSize: number;
  /** States that are held side by side. */
  sequences: number;
}

/** The indexes of all layers with attention, and what they keep of each sequence. */
export class BlockIndexes {
  readonly #spec: BlockIndexSpec;
  /** Floats of a token's queries and answers. */
  readonly #width: number;
  /** By layer; null without attention. */
  readonly #layers: (BlockIndex | null)[] = [];
  /** By sequence and layer. */
  readonly #states: (IndexState | null)[][];
  readonly #seen: Uint8Array;

  /** Throws CORRUPT, NOT_FOUND, IO or BridgeError, and then holds nothing. */
  constructor(options: IndexOptions, index: BlockIndexSpec) {
    const { spec, contextSize, maxTokens, sequences } = options;
    const blocks = Math.ceil(contextSize / index.blockSize);
    const shared = {
      rotary: new Rotary(spec.rotary!, index.headDim, maxTokens),
      ofBlocks: new Rotary(spec.rotary!, index.headDim, 1),
      scores: new Float32Array(2 * blocks),
    };
    this.#spec = index;
    this.#width = spec.numAttentionHeads * spec.headDim;
    this.#seen = new Uint8Array(ATTENDED_AT_ONCE * blocks);
    const load = { ...options, rows: new Map<string, Float32Array>() };
    try {
      for (let layer = 0; layer < spec.numLayers; layer++)
        this.#layers.push(hasAttention(spec, layer) ? new BlockIndex(load, layer, index, shared) : null);
    } catch (error) {
      this.dispose();
      throw error;
    }
    const keys = index.headDim * contextSize;
    const ofBlocks = index.headDim * Math.floor(contextSize / index.blockSize);
    this.#states = Array.from({ length: sequences }, () =>
      this.#layers.map((one) => one && { keys: new Float32Array(keys), blocks: new Float32Array(ofBlocks) }),
    );
  }

  /** Bytes of all that is kept. */
  get bytes(): number {
    return this.#states
      .flat()
      .reduce((sum, state) => sum + (state ? state.keys.byteLength + state.blocks.byteLength : 0), 0);
  }

  /** Makes the index's queries and keys of a pass, from the layer's input x[tokens, hiddenSize]. */
  project(layer: number, x: Float32Array, tokens: number, positions: ArrayLike<number>): void {
    this.#layers[layer]!.project(x, tokens, positions);
  }

  /**
   * Keeps the keys of a part of the pass, and has its q[tokens, heads * headDim] attend to the blocks that they see.
   */
  attend(layer: number, cache: KeyValueCache, at: number, part: PassPart, q: Float32Array, out: Float32Array): void {
    const { row, tokens, position, sequence } = part;
    const { blockSize, topBlocks } = this.#spec;
    const index = this.#layers[layer]!;
    const state = this.#states[sequence][layer]!;
    index.append(state, row, tokens, position);
    if (Math.floor((position + tokens) / blockSize) <= topBlocks) {
      cache.attend(at, position, tokens, q, out);
      return;
    }
    for (let first = 0; first < tokens; first += ATTENDED_AT_ONCE) {
      const some = Math.min(ATTENDED_AT_ONCE, tokens - first);
      const blocks = Math.ceil((position + first + some) / blockSize);
      this.#seen.fill(1, 0, some * blocks);
      for (let i = 0; i < some; i++) index.mark(state, row + first + i, position + first + i, this.#seen, i * blocks);
      const from = first * this.#width;
      cache.attend(at, position + first, some, q.subarray(from), out.subarray(from), this.#seen, blockSize);
    }
  }

  /** Has a sequence keep what another one keeps of its first `length` positions. */
  copy(from: number, to: number, length: number): void {
    this.#states[from].forEach((state, layer) => {
      const into = this.#states[to][layer];
      if (state && into) for (const [i, part] of this.#parts(state, length).entries()) this.#arrays(into)[i].set(part);
    });
  }

  /** Writes what is kept of a sequence's `length` positions. */
  save(sequence: number, length: number, write: (bytes: Uint8Array) => void): void {
    this.#eachPart(sequence, length, write);
  }

  /** Reads what `save` wrote. */
  load(sequence: number, length: number, read: (into: Uint8Array) => void): void {
    this.#eachPart(sequence, length, read);
  }

  dispose(): void {
    for (const layer of this.#layers.splice(0)) layer?.dispose();
  }

  #eachPart(sequence: number, length: number, use: (bytes: Uint8Array) => void): void {
    for (const state of this.#states[sequence])
      if (state)
        for (const { buffer, byteOffset, byteLength } of this.#parts(state, length))
          use(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
  }

  #parts({ keys, blocks }: IndexState, length: number): Float32Array[] {
    const { headDim, blockSize } = this.#spec;
    return [keys.subarray(0, length * headDim), blocks.subarray(0, Math.floor(length / blockSize) * headDim)];
  }

  #arrays({ keys, blocks }: IndexState): Float32Array[] {
    return [keys, blocks];
  }
}
