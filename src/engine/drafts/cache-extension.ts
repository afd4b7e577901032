import type { RowStream } from '../../../native-bridge/bridge.js';
import type { Allocation, Lent } from '../../plan/allocation.js';
import type { PinnedFeedForward } from '../pinned-feed-forward.js';
import { ringSchedule } from '../ring-schedule.js';
import type { MatricesInRing } from '../streamed-matrices.js';

interface CacheExtensionParts {
  stream: RowStream;
  feedForward: PinnedFeedForward;
  /** Matrices that pass through the ring; null without any. */
  matrices: MatricesInRing | null;
  allocation: Allocation;
  lent: Lent;
}

/** The slots that a cache has while the draft model of its model is let go. They are set and taken between passes. */
export class CacheExtension {
  readonly lent: Lent;
  /** Bytes that the slots hold now. */
  heldBytes = 0;
  readonly #parts: CacheExtensionParts;

  constructor(parts: CacheExtensionParts) {
    this.#parts = parts;
    this.lent = parts.lent;
  }

  /** Takes memory for the slots, or frees it. Throws BridgeError MEMORY; the cache is then what it was without. */
  set(isExtended: boolean): void {
    const { stream, feedForward, matrices, allocation, lent } = this.#parts;
    this.heldBytes = 0;
    stream.extend(isExtended ? lent : null);
    this.heldBytes = isExtended ? lent.arenaBytes : 0;
    feedForward.extend(isExtended ? lent.layers : null);
    const layers = allocation.layers.map((layer, at) => ({
      ...layer,
      slots: layer.slots + (isExtended ? lent.layers[at].slots : 0),
    }));
    const { pairs, headEntry } = ringSchedule({ ...allocation, layers });
    // Where all of it stays, nothing asks the ring for anything.
    if (pairs.length > 0) stream.startRing({ ...allocation.ring!, schedule: pairs });
    matrices?.reschedule(headEntry);
  }
}
