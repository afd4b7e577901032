import type { FeedForwardCall, RowStream } from '../../native-bridge/bridge.js';
import { createPlacement, type Placement, type UnitCache, waveSize } from '../cache/unit-cache.js';
import type { Allocation } from '../plan/allocation.js';
import { bundlesIn } from '../plan/units.js';
import type { Selector } from '../select/selector.js';
import type { TraceWriter } from '../trace/trace-writer.js';
import type { ActivityRecorder } from './activity-recorder.js';
import { type CacheCounts, type FeedForwardTap, reusedCall, type StreamedFeedForward } from './feed-forward.js';

/**
 * The streamed half for units that turn over: those that the selector names, through a cache for each layer. If they
 * are more than the cache holds, they go in waves: while one is computed, the next is read.
 */
export class CachedFeedForward implements StreamedFeedForward {
  readonly counts: CacheCounts = { hit: 0, missed: 0 };
  trace: TraceWriter | null = null;
  activity: ActivityRecorder | null = null;
  tap: FeedForwardTap | null = null;
  readonly caches: UnitCache[];
  readonly #stream: RowStream;
  readonly #selector: Selector;
  readonly #allocation: Allocation;
  readonly #unitBiases: readonly Float32Array[] | null;
  /** The units that the selector chose for the layer at work. */
  readonly #units: Uint32Array;
  /** The number of tokens of a chunk that ask for each of them. Only layers that share slots need it. */
  readonly #unitTokens: Uint32Array;
  /** Two waves take turns: one is computed while the units of the other are read. */
  readonly #waveUnits: [Uint32Array, Uint32Array];
  readonly #placements: [Placement, Placement];
  readonly #waveTokens: Uint32Array;
  readonly #waveWeights: Float32Array;
  readonly #call: FeedForwardCall;

  /** `unitBiases`: per layer [units, hiddenSize], what each unit adds to y; null if units add nothing. */
  constructor(
    stream: RowStream,
    selector: Selector,
    allocation: Allocation,
    caches: UnitCache[],
    unitBiases: readonly Float32Array[] | null,
  ) {
    this.#stream = stream;
    this.#selector = selector;
    this.#allocation = allocation;
    this.caches = caches;
    this.#unitBiases = unitBiases;
    const most = Math.max(...allocation.layers.map((layer) => layer.unit.units));
    this.#units = new Uint32Array(most);
    this.#unitTokens = new Uint32Array(most);
    this.#waveTokens = new Uint32Array(most);
    this.#waveUnits = [new Uint32Array(most), new Uint32Array(most)];
    this.#placements = [createPlacement(most), createPlacement(most)];
    this.#waveWeights = new Float32Array(selector.weights?.length ?? 0);
    this.#call = reusedCall(this.#units);
    this.#call.residentProducts = selector.residentProducts;
  }

  begin(ids: ArrayLike<number>): void {
    this.#selector.begin?.(ids);
  }

  run(layer: number, x: Float32Array, tokens: number, y: Float32Array, routed = x): void {
    this.tap?.(layer, x, tokens);
    const { unit } = this.#allocation.layers[layer];
    const count = this.#selector.select(layer, routed, tokens, this.#units);
    this.trace?.ask(layer, this.#units, count, tokens);
    this.activity?.ask(layer, this.#units, count, tokens);
    if (this.#allocation.layers[layer].pool !== null) this.#countTokens(count, tokens);
    const { capacity } = this.caches[layer];
    const wave = waveSize(count, capacity);
    const call = this.#call;
    call.layer = layer;
    call.x = x;
    call.tokens = tokens;
    call.y = y;
    let missed = this.#fetch(layer, 0, Math.min(wave, count), 0);
    for (let from = 0, turn = 0; from === 0 || from < count; from += wave, turn ^= 1) {
      const next = from + wave;
      if (next < count) missed += this.#fetch(layer, next, Math.min(wave, count - next), turn ^ 1);
      const size = Math.min(wave, count - from);
      call.units = this.#waveUnits[turn];
      call.slots = this.#placements[turn].slots;
      call.count = size;
      call.weights = size === count ? this.#selector.weights : this.#sliceWeights(from, size, count, tokens);
      call.accumulate = from > 0;
      this.#stream.ffn(call);
    }
    if (this.#unitBiases) this.#addBiases(this.#unitBiases[layer], count, tokens, y);
    this.counts.hit += bundlesIn(unit, this.#units, count) - missed;
    this.counts.missed += missed;
  }

  endToken(): void {
    for (const cache of this.caches) cache.endToken();
    this.trace?.endPass();
    this.activity?.endPass();
  }

  restart(lost: boolean): void {
    if (lost) for (const cache of this.caches) cache.forget();
    if (this.#allocation.ring) this.#stream.seekRing(0);
  }

  /**
   * y[tokens, hiddenSize] += the biases of the `count` chosen units, weighed as they are. `biases`: [units,
   * hiddenSize].
   */
  #addBiases(biases: Float32Array, count: number, tokens: number, y: Float32Array): void {
    const weights = this.#selector.weights!;
    const hiddenSize = biases.length / this.#allocation.layers[0].unit.units;
    for (let token = 0; token < tokens; token++) {
      for (let i = 0; i < count; i++) {
        const weight = weights[token * count + i];
        if (weight === 0) continue;
        const bias = this.#units[i] * hiddenSize;
        for (let d = 0; d < hiddenSize; d++) y[token * hiddenSize + d] += weight * biases[bias + d];
      }
    }
  }

  /** Counts the tokens that ask for each of the `count` chosen units. */
  #countTokens(count: number, tokens: number): void {
    const { weights } = this.#selector;
    if (tokens === 1 || weights === null) {
      this.#unitTokens.fill(tokens, 0, count);
      return;
    }
    this.#unitTokens.fill(0, 0, count);
    for (let token = 0; token < tokens; token++) {
      for (let i = 0; i < count; i++) if (weights[token * count + i] !== 0) this.#unitTokens[i] += 1;
    }
  }

  /** The weights [tokens, size] of one wave: of `size` units from `from` on, out of the selector's [tokens, count]. */
  #sliceWeights(from: number, size: number, count: number, tokens: number): Float32Array | null {
    const { weights } = this.#selector;
    if (weights === null) return null;
    for (let token = 0; token < tokens; token++) {
      for (let i = 0; i < size; i++) this.#waveWeights[token * size + i] = weights[token * count + from + i];
    }
    return this.#waveWeights;
  }

  /**
   * Places the chosen units [from, from + count) in slots, and asks for those that are not in memory; returns the
   * bundles asked for.
   */
  #fetch(layer: number, from: number, count: number, turn: number): number {
    const units = this.#waveUnits[turn];
    const placement = this.#placements[turn];
    for (let i = 0; i < count; i++) {
      units[i] = this.#units[from + i];
      this.#waveTokens[i] = this.#unitTokens[from + i];
    }
    this.caches[layer].place(units, count, placement, this.#waveTokens);
    if (placement.missed > 0)
      this.#stream.request(layer, placement.missedUnits, placement.missedSlots, placement.missed);
    this.activity?.read(layer, placement.missedUnits, 0, placement.missed);
    return bundlesIn(this.#allocation.layers[layer].unit, placement.missedUnits, placement.missed);
  }
}
