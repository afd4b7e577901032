import { type FeedForwardCall, RING_SLOT, type RowStream } from '../../native-bridge/bridge.js';
import { createCache } from '../cache/create-cache.js';
import { FrequencyPool } from '../cache/frequency-pool.js';
import { createPlacement, type Placement, type UnitCache, waveSize } from '../cache/unit-cache.js';
import type { Allocation } from '../plan/allocation.js';
import { bundlesIn } from '../plan/units.js';
import type { Selector } from '../select/selector.js';
import type { TraceWriter } from '../trace/trace-writer.js';

/** Bundles found in memory, and those that had to be read. */
export interface CacheCounts {
  hit: number;
  missed: number;
}

/** The streamed half of a model: FFN(x) of a layer, whatever has to be read for it. */
export interface FeedForward {
  readonly counts: CacheCounts;
  /** Each layer's, where units turn over; else empty. */
  readonly caches: readonly UnitCache[];
  /** Is told what every pass asks for, while there is one. */
  trace: TraceWriter | null;
  /** Sees the input of every layer, x[tokens, hiddenSize], while there is one. */
  tap: ((layer: number, x: Float32Array, tokens: number) => void) | null;
  /** y[tokens, hiddenSize] = FFN(x[tokens, hiddenSize]). Throws BridgeError where a read fails; `restart(true)` before going on. */
  run(layer: number, x: Float32Array, tokens: number, y: Float32Array): void;
  /** Ends a token or a prompt chunk. */
  endToken(): void;
  /** After a pass that did not reach the last layer: the next begins at layer 0. `lost` where a failed read left it unknown what is where. */
  restart(lost: boolean): void;
}

/**
 * Chooses by what the plan came to: a pinned share with a read-ahead ring, or slots that turn over. `hot`: per layer its units, those used most first.
 * `unitBiases`: per layer what each unit adds to y, [units, hiddenSize], weighed as the unit is.
 */
export function createFeedForward(
  stream: RowStream,
  selector: Selector,
  allocation: Allocation,
  hot: readonly Uint32Array[] | null,
  unitBiases: readonly Float32Array[] | null,
): FeedForward {
  return selector.name === 'all' && allocation.cache.kind === 'pin'
    ? new PinnedFeed(stream, selector, allocation)
    : new CachedFeed(stream, selector, allocation, hot, unitBiases);
}

const NOTHING = new Float32Array(0);

/** A call to be filled in and used again. */
const emptyCall = (units: Uint32Array): FeedForwardCall => ({
  layer: 0,
  units,
  slots: units,
  count: 0,
  x: NOTHING,
  tokens: 0,
  residentProducts: null,
  weights: null,
  y: NOTHING,
  accumulate: false,
});

/**
 * Every row, every token, in the same order: a cyclic scan, which defeats any recency cache. So the first units of each layer stay, and
 * the others pass through a ring that reads ahead across layers and tokens.
 */
class PinnedFeed implements FeedForward {
  readonly counts: CacheCounts = { hit: 0, missed: 0 };
  readonly caches = [];
  trace: TraceWriter | null = null;
  tap: FeedForward['tap'] = null;
  private readonly units: Uint32Array;
  private readonly slots: Uint32Array[];
  private readonly loaded: Uint8Array;
  /** Of every layer and token: a pass allocates nothing. */
  private readonly call: FeedForwardCall;

  constructor(
    private readonly stream: RowStream,
    private readonly selector: Selector,
    private readonly allocation: Allocation,
  ) {
    const { layers, ring } = allocation;
    this.units = new Uint32Array(Math.max(...layers.map((layer) => layer.unit.units)));
    this.loaded = new Uint8Array(layers.length);
    this.call = emptyCall(this.units);
    this.slots = layers.map(({ unit, slots }) =>
      Uint32Array.from({ length: unit.units }, (_, id) => (id < slots ? id : RING_SLOT)),
    );
    if (ring) {
      const schedule = layers.flatMap(({ unit, slots }, layer) =>
        Array.from({ length: unit.units - slots }, (_, i) => [layer, slots + i]),
      );
      stream.startRing({ ...ring, schedule: Uint32Array.from(schedule.flat()) });
    }
  }

  run(layer: number, x: Float32Array, tokens: number, y: Float32Array): void {
    this.tap?.(layer, x, tokens);
    const { unit, slots: pinned } = this.allocation.layers[layer];
    const count = this.selector.select(layer, x, tokens, this.units);
    this.trace?.ask(layer, this.units, count, tokens);
    const slots = this.slots[layer];
    const held = bundlesIn(unit, this.units, pinned);
    if (this.loaded[layer] === 0) {
      this.stream.request(layer, this.units, slots, pinned);
      this.loaded[layer] = 1;
      this.counts.missed += held;
    } else {
      this.counts.hit += held;
    }
    this.counts.missed += bundlesIn(unit, this.units, count) - held;
    const { call } = this;
    call.layer = layer;
    call.slots = slots;
    call.count = count;
    call.x = x;
    call.tokens = tokens;
    call.y = y;
    this.stream.ffn(call);
  }

  endToken(): void {
    this.trace?.endPass();
  }

  restart(lost: boolean): void {
    if (lost) this.loaded.fill(0);
    if (this.allocation.ring) this.stream.seekRing(0);
  }
}

/** A cache for each layer; where layers share slots, its part of theirs. */
function createCaches({ layers, cache }: Allocation, hot: readonly Uint32Array[] | null): UnitCache[] {
  const { kind: policy, window } = cache;
  const pools = new Map<number, number[]>();
  const caches: UnitCache[] = [];
  layers.forEach(({ unit, slots, pool }, layer) => {
    if (pool === null) caches[layer] = createCache({ units: unit.units, slots, policy, window, hot: hot?.[layer] });
    else pools.set(pool, [...(pools.get(pool) ?? []), layer]);
  });
  for (const members of pools.values()) {
    const units = members.map((layer) => layers[layer].unit.units);
    const pool = new FrequencyPool({ units, slots: layers[members[0]].slots });
    members.forEach((layer, i) => {
      caches[layer] = pool.layers[i];
    });
  }
  return caches;
}

/** What the selector names, through a cache; more units than the cache holds go in waves, one read ahead of the one computed. */
class CachedFeed implements FeedForward {
  readonly counts: CacheCounts = { hit: 0, missed: 0 };
  trace: TraceWriter | null = null;
  tap: FeedForward['tap'] = null;
  readonly caches: UnitCache[];
  private readonly units: Uint32Array;
  /** How many tokens of a chunk ask for each unit; only where layers share slots does it matter. */
  private readonly tokensOf: Uint32Array;
  private readonly waveTokens: Uint32Array;
  private readonly waveUnits: [Uint32Array, Uint32Array];
  private readonly placements: [Placement, Placement];
  private readonly waveWeights: Float32Array;
  /** Of every layer, wave and token: a pass allocates nothing. */
  private readonly call: FeedForwardCall;

  constructor(
    private readonly stream: RowStream,
    private readonly selector: Selector,
    private readonly allocation: Allocation,
    hot: readonly Uint32Array[] | null,
    private readonly unitBiases: readonly Float32Array[] | null,
  ) {
    this.caches = createCaches(allocation, hot);
    const most = Math.max(...allocation.layers.map((layer) => layer.unit.units));
    this.units = new Uint32Array(most);
    this.tokensOf = new Uint32Array(most);
    this.waveTokens = new Uint32Array(most);
    this.waveUnits = [new Uint32Array(most), new Uint32Array(most)];
    this.placements = [createPlacement(most), createPlacement(most)];
    this.waveWeights = new Float32Array(selector.weights?.length ?? 0);
    this.call = emptyCall(this.units);
    this.call.residentProducts = selector.residentProducts;
  }

  run(layer: number, x: Float32Array, tokens: number, y: Float32Array): void {
    this.tap?.(layer, x, tokens);
    const { unit } = this.allocation.layers[layer];
    const count = this.selector.select(layer, x, tokens, this.units);
    this.trace?.ask(layer, this.units, count, tokens);
    if (this.allocation.layers[layer].pool !== null) this.countTokens(count, tokens);
    const { capacity } = this.caches[layer];
    const wave = waveSize(count, capacity);
    const { call } = this;
    call.layer = layer;
    call.x = x;
    call.tokens = tokens;
    call.y = y;
    let missed = this.fetch(layer, 0, Math.min(wave, count), 0);
    for (let from = 0, turn = 0; from === 0 || from < count; from += wave, turn ^= 1) {
      const next = from + wave;
      if (next < count) missed += this.fetch(layer, next, Math.min(wave, count - next), turn ^ 1);
      const size = Math.min(wave, count - from);
      call.units = this.waveUnits[turn];
      call.slots = this.placements[turn].slots;
      call.count = size;
      call.weights = size === count ? this.selector.weights : this.weightsOf(from, size, count, tokens);
      call.accumulate = from > 0;
      this.stream.ffn(call);
    }
    if (this.unitBiases) this.addBiases(this.unitBiases[layer], count, tokens, y);
    this.counts.hit += bundlesIn(unit, this.units, count) - missed;
    this.counts.missed += missed;
  }

  endToken(): void {
    for (const cache of this.caches) cache.endToken();
    this.trace?.endPass();
  }

  restart(lost: boolean): void {
    if (lost) for (const cache of this.caches) cache.forget();
  }

  /** y[tokens, hiddenSize] += the biases [units, hiddenSize] of the first `count` units, weighed. */
  private addBiases(biases: Float32Array, count: number, tokens: number, y: Float32Array): void {
    const weights = this.selector.weights!;
    const hiddenSize = biases.length / this.allocation.layers[0].unit.units;
    for (let token = 0; token < tokens; token++) {
      for (let i = 0; i < count; i++) {
        const weight = weights[token * count + i];
        if (weight === 0) continue;
        const bias = this.units[i] * hiddenSize;
        for (let d = 0; d < hiddenSize; d++) y[token * hiddenSize + d] += weight * biases[bias + d];
      }
    }
  }

  private countTokens(count: number, tokens: number): void {
    const { weights } = this.selector;
    if (tokens === 1 || weights === null) {
      this.tokensOf.fill(tokens, 0, count);
      return;
    }
    this.tokensOf.fill(0, 0, count);
    for (let token = 0; token < tokens; token++) {
      for (let i = 0; i < count; i++) if (weights[token * count + i] !== 0) this.tokensOf[i] += 1;
    }
  }

  /** The selector's weights [tokens, count], of `size` units from `from` on. */
  private weightsOf(from: number, size: number, count: number, tokens: number): Float32Array | null {
    const { weights } = this.selector;
    if (weights === null) return null;
    for (let token = 0; token < tokens; token++) {
      for (let i = 0; i < size; i++) this.waveWeights[token * size + i] = weights[token * count + from + i];
    }
    return this.waveWeights;
  }

  /** Finds slots for units[from, from + count) and sends for those that are not there; returns how many bundles that is. */
  private fetch(layer: number, from: number, count: number, turn: number): number {
    const units = this.waveUnits[turn];
    const placement = this.placements[turn];
    for (let i = 0; i < count; i++) {
      units[i] = this.units[from + i];
      this.waveTokens[i] = this.tokensOf[from + i];
    }
    this.caches[layer].place(units, count, placement, this.waveTokens);
    if (placement.missed > 0)
      this.stream.request(layer, placement.missedUnits, placement.missedSlots, placement.missed);
    return bundlesIn(this.allocation.layers[layer].unit, placement.missedUnits, placement.missed);
  }
}
