import { type FeedForwardCall, RING_SLOT, type RowStream } from '../../native-bridge/bridge.js';
import type { Allocation } from '../plan/allocation.js';
import { bundlesIn } from '../plan/units.js';
import type { Selector } from '../select/selector.js';
import type { TraceWriter } from '../trace/trace-writer.js';
import type { ActivityRecorder } from './activity-recorder.js';
import { type CacheCounts, type FeedForwardTap, reusedCall, type StreamedFeedForward } from './feed-forward.js';

/**
 * Units that stay are asked for this far ahead of the layer at work, bytes, while a ring shares the disk: enough to
 * keep it busy during attention. Without a ring all are asked for at once, and computing follows behind.
 */
const AHEAD_BYTES = 64e6;

/**
 * The streamed half for a model whose every row is needed by every token, in the same order. Such a cyclic scan defeats
 * any recency cache. So the first units of each layer stay in memory, and the others pass through a ring that reads
 * ahead across layers and tokens.
 */
export class PinnedFeedForward implements StreamedFeedForward {
  readonly counts: CacheCounts = { hit: 0, missed: 0 };
  readonly caches = [];
  trace: TraceWriter | null = null;
  activity: ActivityRecorder | null = null;
  tap: FeedForwardTap | null = null;
  readonly #stream: RowStream;
  readonly #selector: Selector;
  readonly #allocation: Allocation;
  /** The units of the layer at work, in order. */
  readonly #units: Uint32Array;
  /** Per layer the slot of each unit. */
  readonly #slots: Uint32Array[];
  /** Unit ids from 0 on. */
  readonly #ids: Uint32Array;
  /** Per layer the units that stay, those of them that were asked for, and those that were computed with. */
  readonly #pinned: Uint32Array;
  readonly #held: Uint32Array;
  readonly #used: Uint32Array;
  /** The pinned units of the layers before this one have been asked for. */
  #asked = 0;
  readonly #call: FeedForwardCall;

  constructor(stream: RowStream, selector: Selector, allocation: Allocation) {
    this.#stream = stream;
    this.#selector = selector;
    this.#allocation = allocation;
    const { layers } = allocation;
    this.#units = new Uint32Array(Math.max(...layers.map((layer) => layer.unit.units)));
    this.#ids = Uint32Array.from(this.#units, (_, id) => id);
    this.#pinned = new Uint32Array(layers.length);
    this.#held = new Uint32Array(layers.length);
    this.#used = new Uint32Array(layers.length);
    this.#call = reusedCall(this.#units);
    this.#slots = layers.map(({ unit }) => new Uint32Array(unit.units));
    this.extend(null);
  }

  /**
   * From the next pass on, layers have so many more slots, or their own alone. What slots beyond their own held is
   * lost.
   */
  extend(more: readonly { slots: number }[] | null): void {
    this.#allocation.layers.forEach(({ slots }, layer) => {
      const pinned = slots + (more?.[layer].slots ?? 0);
      this.#pinned[layer] = pinned;
      this.#held[layer] = Math.min(this.#held[layer], slots);
      this.#used[layer] = Math.min(this.#used[layer], slots);
      this.#slots[layer].set(this.#ids.subarray(0, pinned));
      this.#slots[layer].fill(RING_SLOT, pinned);
    });
    this.#asked = 0;
  }

  begin(ids: ArrayLike<number>): void {
    this.#selector.begin?.(ids);
  }

  run(layer: number, x: Float32Array, tokens: number, y: Float32Array): void {
    this.tap?.(layer, x, tokens);
    const { unit } = this.#allocation.layers[layer];
    const pinned = this.#pinned[layer];
    const used = this.#used[layer];
    const count = this.#selector.select(layer, x, tokens, this.#units);
    this.trace?.ask(layer, this.#units, count, tokens);
    this.activity?.ask(layer, this.#units, count, tokens);
    this.activity?.read(layer, this.#units, used, count);
    const slots = this.#slots[layer];
    const hit = bundlesIn(unit, this.#units, used);
    this.#askAhead(layer);
    this.#used[layer] = pinned;
    this.counts.hit += hit;
    this.counts.missed += bundlesIn(unit, this.#units, count) - hit;
    const call = this.#call;
    call.layer = layer;
    call.slots = slots;
    call.count = count;
    call.x = x;
    call.tokens = tokens;
    call.y = y;
    this.#stream.ffn(call);
  }

  /** Asks for the pinned units of `layer`, and of those after it. */
  #askAhead(layer: number): void {
    const { layers, ring } = this.#allocation;
    const most = ring ? AHEAD_BYTES : Number.POSITIVE_INFINITY;
    for (let ahead = 0; this.#asked < layers.length && (this.#asked <= layer || ahead < most); this.#asked++) {
      const held = this.#held[this.#asked];
      const pinned = this.#pinned[this.#asked];
      if (held === pinned) continue;
      if (this.#asked > layer) ahead += (pinned - held) * layers[this.#asked].unit.slotBytes;
      const missing = this.#ids.subarray(held, pinned);
      this.#stream.request(this.#asked, missing, missing, pinned - held);
      this.#held[this.#asked] = pinned;
    }
  }

  endToken(): void {
    this.trace?.endPass();
    this.activity?.endPass();
  }

  restart(lost: boolean): void {
    if (lost) {
      this.#held.fill(0);
      this.#used.fill(0);
      this.#asked = 0;
    }
    if (this.#allocation.ring) this.#stream.seekRing(0);
  }
}
