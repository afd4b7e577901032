import type { Bridge, RowStream } from '../../../native-bridge/bridge.js';
import type { Allocation, Lent } from '../../plan/allocation.js';
import type { Plan } from '../../plan/plan.js';
import type { PinnedFeedForward } from '../pinned-feed-forward.js';
import { ringSchedule } from '../ring-schedule.js';
import type { MatricesInRing } from '../streamed-matrices.js';

interface CacheExtensionParts {
  bridge: Pick<Bridge, 'recycleMemory'>;
  stream: RowStream;
  feedForward: PinnedFeedForward;
  /** Matrices that pass through the ring; null without any. */
  matrices: MatricesInRing | null;
  plan: Plan;
  allocation: Allocation;
  lent: Lent;
}

/** The slots that a cache has while the draft of its model is let go. Memory moves between passes. */
export class CacheExtension {
  readonly #parts: CacheExtensionParts;
  #isDrafts = true;
  /** Bytes that the slots hold now. */
  #heldBytes = 0;

  constructor(parts: CacheExtensionParts) {
    this.#parts = parts;
  }

  /** The share of the bytes of a pass that the slots save. */
  get savedShare(): number {
    const { plan, lent } = this.#parts;
    return lent.savedBytes / plan.bytesPerToken;
  }

  /** What cache and draft hold by now, bytes. */
  get memory(): Pick<Plan, 'cacheBytes' | 'draftBytes'> {
    const { cacheBytes, draftBytes } = this.#parts.plan;
    if (this.#isDrafts) return { cacheBytes, draftBytes };
    return { cacheBytes: cacheBytes + this.#heldBytes, draftBytes: 0 };
  }

  /**
   * The cache gets what `letGo` frees. It frees what it can at once, as another call may begin a pass as soon as
   * something is awaited. Throws BridgeError MEMORY; the cache is then what it was without.
   */
  async take(letGo: () => void | Promise<void>): Promise<void> {
    const { bridge, lent } = this.#parts;
    this.#isDrafts = false;
    bridge.recycleMemory(true);
    try {
      const released = letGo();
      this.#set(lent);
      await released;
    } finally {
      bridge.recycleMemory(false);
    }
  }

  /** `load` gets what the cache had. Throws what it throws; nobody then has the memory. */
  async giveBack(load: () => void | Promise<void>): Promise<void> {
    const { bridge } = this.#parts;
    bridge.recycleMemory(true);
    try {
      this.#set(null);
      await load();
    } finally {
      bridge.recycleMemory(false);
    }
    this.#isDrafts = true;
  }

  #set(lent: Lent | null): void {
    const { stream, feedForward, matrices, allocation } = this.#parts;
    this.#heldBytes = 0;
    stream.extend(lent);
    this.#heldBytes = lent?.arenaBytes ?? 0;
    feedForward.extend(lent?.layers ?? null);
    const layers = allocation.layers.map((layer, at) => ({
      ...layer,
      slots: layer.slots + (lent?.layers[at].slots ?? 0),
    }));
    const { pairs, headEntry } = ringSchedule({ ...allocation, layers });
    // Where all of it stays, nothing asks the ring for anything.
    if (pairs.length > 0) stream.startRing({ ...allocation.ring!, schedule: pairs });
    matrices?.reschedule(headEntry);
  }
}
