import type { RowFormat } from '../formats.js';
import type { BundleGeometry } from './bundle-geometry.js';

/** A layer as it is streamed: the geometry, and what is chosen at load. */
export interface StreamLayer extends BundleGeometry {
  /** Neighbouring bundles that are read, cached and evicted together; the last unit may hold fewer. 1 when `apart`. */
  bundlesPerUnit: number;
  /**
   * The part that stays in memory elsewhere; only the rest of a bundle is read. `ffn` takes its products with x as
   * `residentProducts`. Needs `by-neuron`, one extent, bundlesPerUnit 1, and the part to be segment 0.
   */
  residentPart: 'gate' | 'up' | null;
  /**
   * Where the activation is `clamped-silu`: h = silu(min(gate x, limit)) * (up x, between -limit and limit). Absent: 0,
   * which is for the others.
   */
  activationLimit?: number;
  /**
   * [numNeurons], added to each neuron's product with x, where the network has biases: h = act(gate x + gateBias) * (up
   * x + upBias). Resident products hold theirs already.
   */
  biases?: { gate: Float32Array | null; up: Float32Array | null };
  /**
   * The layer's slots begin here in the arena (a multiple of 4096). slots.ts gives the size of a slot. Layers with the
   * same offset, number and size share their slots: a unit is gone when another layer asks into its slot.
   */
  arenaOffset: number;
  slots: number;
}

/** A matrix [rows, columns] that streams: rows one after another in a file, some at a time. */
export interface StreamedMatrix {
  /** Index into the stream's paths. */
  file: number;
  offset: number;
  rows: number;
  columns: number;
  format: RowFormat;
  /** Rows of a unit; the last unit may hold fewer. slots.ts gives the size of a slot. */
  rowsPerUnit: number;
  /** CRC-32C of the whole matrix; null where a file carries none. */
  checksum: number | null;
}

/**
 * A read-ahead ring over a fixed cyclic schedule: units that are needed in every pass and are not held stream through
 * it in order, and the disk never idles.
 */
export interface Ring {
  /**
   * The ring's slots begin here in the arena (a multiple of 4096). Each is as large as the largest unit in the schedule
   * needs.
   */
  arenaOffset: number;
  slots: number;
  /**
   * Pairs (layer, unit), in the order in which `ffn` and `multiply` will consume them; after the last comes the first
   * again. Matrices count on from the layers: matrix m is `layers.length + m`.
   */
  schedule: Uint32Array;
}

/** Slots that layers get besides their own, in an arena of their own. */
export interface Extension {
  arenaBytes: number;
  /**
   * For every layer, where its slots begin in that arena (a multiple of 4096), and how many they are. Layers that share
   * their slots share these, too, where both numbers are the same.
   */
  layers: readonly { arenaOffset: number; slots: number }[];
}

export interface StreamOptions {
  paths: string[];
  arenaBytes: number;
  readThreads: number;
  /** Bypass the page cache where the file system allows it. */
  direct: boolean;
  /** Gaps up to this many bytes between neighbouring wanted records are read through. */
  mergeGapBytes: number;
  /**
   * The first pass fills all slots: whatever is idle before that brings their memory to life. Else a page takes memory
   * from its first use on. Default: false.
   */
  filledAtOnce?: boolean;
  layers: StreamLayer[];
  /** Default: none. */
  matrices?: StreamedMatrix[];
}

/** Indices into the array that `RowStream.counters` fills. All count up from the stream's creation. */
export const COUNTERS = {
  /** Bundle bytes that were asked for and have arrived. */
  payloadBytes: 0,
  /** Bytes the disk delivered, widening and gaps included. */
  deviceBytes: 1,
  /** Reads after merging. */
  records: 2,
  /** ms that `ffn` and `multiply` spent waiting for units to arrive. */
  readWaitMs: 3,
  /** ms that `ffn` spent computing. */
  ffnMs: 4,
  /** The part of `readWaitMs` that is `multiply`'s. */
  matrixWaitMs: 5,
} as const;

/** Stands for the next unit of the ring, in place of a slot. */
export const RING_SLOT = 0xffffffff;

/**
 * The arguments of `RowStream.ffn`. The stream keeps none of them, so that a caller may use one object for all of its
 * calls.
 */
export interface FeedForwardCall {
  /** Index into the stream's layers. */
  layer: number;
  /** Units of the layer, ascending; only the first `count` are used. */
  units: Uint32Array;
  /** The slot of each of these units; RING_SLOT stands for the ring's next. */
  slots: Uint32Array;
  count: number;
  /** [tokens, hiddenSize] */
  x: Float32Array;
  tokens: number;
  /** The products of x with the layer's resident part, [tokens, numNeurons]; null where the layer has none. */
  residentProducts: Float32Array | null;
  /**
   * [tokens, count]: the share of unit i in token t is multiplied by weights[t * count + i]. A unit with weight 0 adds
   * nothing (mixtures of experts; masks of lossy selectors). Null: every weight is 1.
   */
  weights: Float32Array | null;
  /** [tokens, hiddenSize] */
  y: Float32Array;
  /** Adds to y; else y is overwritten. */
  accumulate: boolean;
}

/** Streams bundles from files into an arena that JS never sees, and runs the feed-forward network over them. */
export interface RowStream {
  /** False where the file system refused direct reads, at opening or at the first read. */
  readonly direct: boolean;
  /**
   * Queues reads of `count` units of a layer, ascending, into slots of that layer, and returns at once. A slot that is
   * being loaded must not be asked for again before an `ffn` over it has returned.
   */
  request(layer: number, units: Uint32Array, slots: Uint32Array, count: number): void;
  /**
   * Gives the layers more slots, numbered on from their own, in memory that is taken now. What an earlier extension
   * held is lost, and its memory is free again before. Null takes the slots away. Throws BridgeError MEMORY; there is
   * no extension then.
   */
  extend(extension: Extension | null): void;
  /** Sets the ring up and starts reading ahead from the start of the schedule. */
  startRing(ring: Ring): void;
  /** Drops what was read ahead and begins again at entry `index` of the schedule. */
  seekRing(index: number): void;
  /**
   * y (+)= FFN of x over the units of the call. Waits for units that are on their way, and computes the others
   * meanwhile. Down sums run in ascending neuron order: the result does not depend on arrival, on threads, or on how a
   * layer is cut into calls. Where down lies `apart`, units of gate and up come in order, and all of them before those
   * of down, in this call or in calls before it that it adds to. Throws BridgeError CORRUPT (checksum; names layer,
   * bundle, file, offset), IO or USAGE; the stream survives.
   */
  ffn(call: FeedForwardCall): void;
  /**
   * y[tokens, rows] = x[tokens, columns] W^T, for a matrix whose units come next in the ring. A product is the same
   * bits as that of a ResidentMatrix. The checksum is compared after the first whole pass over the matrix, before this
   * returns. Throws as `ffn` does; the ring is then at the matrix's first unit again.
   */
  multiply(matrix: number, x: Float32Array, tokens: number, y: Float32Array): void;
  counters(into: Float64Array): void;
  /** Waits for reads in flight, then frees everything. */
  dispose(): void;
}
