import type { KeyValueCache } from '../../../native-bridge/bridge.js';
import { PAGE_POSITIONS, pagesOf } from '../../../native-bridge/memory.js';
import { FlashrowError } from '../../errors.js';
import {
  compressedRow,
  indexKeys,
  pendingFloats,
  positionRow,
  rowsOf,
  seenPositions,
} from '../../mixers/compressed-size.js';
import { PendingRows } from '../../mixers/pending-rows.js';
import { windowPages } from '../../model/sliding-window.js';
import type { CompressedAttentionSpec, ModelSpec } from '../../model/spec.js';
import { KeptPages } from './kept-pages.js';

/** What compressed attention keeps of one sequence. */
export class CompressedState {
  /** By layer: what keys are made of, and the keys of the index, [keys, headDim]. Empty for layers without. */
  readonly pending: readonly PendingRows[];
  readonly index: readonly Float32Array[];
  /** Says which pages of positions are held, by all layers alike. */
  readonly kept: KeptPages;
  readonly #ratios: readonly number[];
  readonly #indexDim: number;
  readonly #cache: KeyValueCache;
  /** The sequence's first layer in the cache. */
  readonly #first: number;
  readonly #pageBytes: number;
  readonly #zeros: Float32Array;

  constructor(
    spec: ModelSpec,
    attention: CompressedAttentionSpec,
    contextSize: number,
    { cache, first, pageBytes }: { cache: KeyValueCache; first: number; pageBytes: number },
  ) {
    const seen = seenPositions(attention);
    this.#ratios = attention.ratios;
    this.#indexDim = attention.index.headDim;
    this.#cache = cache;
    this.#first = first;
    this.#pageBytes = pageBytes;
    this.#zeros = new Float32Array(PAGE_POSITIONS * spec.headDim);
    this.pending = attention.ratios.map((_, layer) => new PendingRows(pendingFloats(spec, layer)));
    this.index = attention.ratios.map(
      (_, layer) => new Float32Array(attention.index.headDim * indexKeys(attention, layer, contextSize)),
    );
    this.kept = new KeptPages(seen, windowPages(spec, contextSize, seen), contextSize);
  }

  /** Bytes of what is kept beside the cache. */
  get bytes(): number {
    const ofIndex = this.index.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return this.pending.reduce((sum, { bytes }) => sum + bytes, ofIndex);
  }

  /** Makes room for a pass of `tokens`. */
  begin(tokens: number): void {
    for (const page of this.kept.begin(tokens))
      for (const [layer, ratio] of this.#ratios.entries()) {
        const row = positionRow(ratio, page * PAGE_POSITIONS);
        this.#cache.drop(this.#first + layer, row, row + PAGE_POSITIONS);
        this.pending[layer].drop(page);
      }
  }

  /** Keeps the keys of `tokens` neighbouring tokens, whose first is at `position`; keys[tokens, headDim]. */
  append(layer: number, position: number, tokens: number, keys: Float32Array): void {
    const ratio = this.#ratios[layer];
    const row = positionRow(ratio, position);
    // A page of compressed keys comes before the positions that it stands for.
    if (ratio > 0 && position % (ratio * PAGE_POSITIONS) === 0)
      this.#cache.append(this.#first + layer, row - PAGE_POSITIONS, PAGE_POSITIONS, this.#zeros, this.#zeros);
    this.#cache.append(this.#first + layer, row, tokens, keys, keys);
  }

  /** Keeps a compressed key. */
  appendCompressed(layer: number, number: number, key: Float32Array): void {
    this.#cache.append(this.#first + layer, compressedRow(this.#ratios[layer], number), 1, key, key);
  }

  /** Holds what another sequence holds of its first `length` positions. */
  copy(from: CompressedState, length: number): void {
    this.kept.copy(from.kept, length);
    for (const [layer, ratio] of this.#ratios.entries()) {
      this.#cache.copy(from.#first + layer, this.#first + layer, rowsOf(ratio, length));
      this.pending[layer].copy(from.pending[layer], length);
      this.index[layer].set(from.index[layer]);
    }
  }

  /** See `Mixer.rewind`. */
  rewind(length: number): number {
    const reached = this.kept.rewind(length);
    for (const [layer, ratio] of this.#ratios.entries()) {
      this.#cache.truncate(this.#first + layer, rowsOf(ratio, reached));
      this.pending[layer].truncate(reached);
    }
    return reached;
  }

  save(length: number, write: (bytes: Uint8Array) => void): void {
    const held = new Uint8Array(pagesOf(length));
    for (const page of this.kept.held) held[page] = 1;
    write(held);
    const bytes = new Uint8Array(this.#pageBytes);
    for (const [layer, ratio] of this.#ratios.entries()) {
      for (const page of this.#pagesHeld(ratio, length, held)) {
        this.#cache.savePage(this.#first + layer, page, bytes);
        write(bytes);
      }
      for (const [page, is] of held.entries()) if (is && ratio > 0) write(bytesOf(this.pending[layer].hold(page)));
      write(bytesOf(this.#indexIn(layer, length)));
    }
  }

  load(length: number, read: (into: Uint8Array) => void): void {
    const held = new Uint8Array(pagesOf(length));
    read(held);
    const numbers = [...held.keys()].filter((page) => held[page] !== 0);
    if (!this.kept.restore(numbers, length))
      throw new FlashrowError('CORRUPT', 'the saved state does not hold the pages that its next token sees', {});
    const bytes = new Uint8Array(this.#pageBytes);
    for (const [layer, ratio] of this.#ratios.entries()) {
      this.#cache.truncate(this.#first + layer, 0);
      this.pending[layer].truncate(0);
      for (const page of this.#pagesHeld(ratio, length, held)) {
        read(bytes);
        this.#cache.loadPage(this.#first + layer, page, bytes);
      }
      this.#cache.truncate(this.#first + layer, rowsOf(ratio, length));
      for (const page of numbers) if (ratio > 0) read(bytesOf(this.pending[layer].hold(page)));
      read(bytesOf(this.#indexIn(layer, length)));
    }
  }

  /** The pages of a layer's rows that are held: those of compressed keys, and those of positions in `held`. */
  #pagesHeld(ratio: number, length: number, held: Uint8Array): number[] {
    const pages = new Set<number>();
    for (const [page, is] of held.entries())
      if (is) pages.add(positionRow(ratio, page * PAGE_POSITIONS) / PAGE_POSITIONS);
    const together = ratio * PAGE_POSITIONS;
    for (let position = 0; ratio > 0 && position < length; position += together)
      pages.add(positionRow(ratio, position) / PAGE_POSITIONS - 1);
    return [...pages].sort((a, b) => a - b);
  }

  /** The keys of a layer's index that `length` positions make. */
  #indexIn(layer: number, length: number): Float32Array {
    const keys = this.index[layer].length === 0 ? 0 : Math.floor(length / this.#ratios[layer]);
    return this.index[layer].subarray(0, keys * this.#indexDim);
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
