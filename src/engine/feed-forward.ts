import type { FeedForwardCall } from '../../native-bridge/bridge.js';
import type { UnitCache } from '../cache/unit-cache.js';
import type { TraceWriter } from '../trace/trace-writer.js';
import type { ActivityRecorder } from './activity-recorder.js';

/** Bundles that were in memory, and bundles that had to be read. */
export interface CacheCounts {
  hit: number;
  missed: number;
}

/** Sees the input x[tokens, hiddenSize] of a layer's feed-forward network. It is valid during the call alone. */
export type FeedForwardTap = (layer: number, x: Float32Array, tokens: number) => void;

/**
 * The streamed half of a model: the feed-forward networks of all layers. `run` asks the selector for units, brings
 * those that are not in memory from the disk, and multiplies.
 */
export interface StreamedFeedForward {
  /** Counts since the load. */
  readonly counts: CacheCounts;
  /** One cache for each layer if units turn over; else empty. */
  readonly caches: readonly UnitCache[];
  /** While set, it is told which units every pass asks for. */
  trace: TraceWriter | null;
  /** Is told which units every pass asks for, and which of them are read. */
  activity: ActivityRecorder | null;
  /** While set, it sees the input of every layer. */
  tap: FeedForwardTap | null;
  /**
   * y[tokens, hiddenSize] = FFN(x[tokens, hiddenSize]) of a layer, with the units that the selector chooses for
   * `routed`, which is x in most models. Throws BridgeError if a read fails; call
   * `restart(true)` before the next `run`.
   */
  run(layer: number, x: Float32Array, tokens: number, y: Float32Array, routed?: Float32Array): void;
  /** Begins a pass over tokens of these ids, before layer 0. */
  begin(ids: ArrayLike<number>): void;
  /** Ends a token or a prompt chunk. */
  endToken(): void;
  /**
   * Follows a pass that did not reach the last layer: the next pass begins at layer 0. `lost`: a read failed, so nobody
   * knows which slots hold what.
   */
  restart(lost: boolean): void;
}

const NOTHING = new Float32Array(0);

/** A call of the stream that is filled in again for every layer and token, so that a pass allocates nothing. */
export const reusedCall = (units: Uint32Array): FeedForwardCall => ({
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
