import type { Crc32c } from './crc32c.js';
import type { RowFormat } from './formats.js';

/** Instruction sets that can be asked for by name (`FLASHROW_ISA`); `ts` is the portable twin in TypeScript. */
export type Isa = 'ts' | 'portable' | 'avx2' | 'avx512' | 'neon';

export type BridgeActivation =
  | 'relu'
  | 'silu'
  | 'gelu'
  | 'gelu-tanh'
  | 'clamped-swiglu'
  | 'relu-squared'
  | 'clamped-silu';

/**
 * A run of bytes per bundle: bundle i, of those that have bytes in it, has `[offset + i * stride, offset + i * stride +
 * bytes)` of file `file`, or else the `bytes` bytes at its own place.
 */
export interface Extent {
  /** Index into the stream's paths. */
  file: number;
  offset: number;
  bytes: number;
  stride: number;
  /**
   * For bundles that do not follow one another in one file: where each begins. `file` and `offset` are then those of
   * the first. Needs bundlesPerUnit 1.
   */
  places?: Places;
}

/** Where each bundle's bytes begin: an index into the stream's paths, and the offset in that file. */
export interface Places {
  files: Uint32Array;
  offsets: Float64Array;
}

/** The start of a matrix's share of a bundle: `offset` bytes into extent `extent`. */
export interface Part {
  extent: number;
  offset: number;
}

/** Factors of a layer's products; one for all neurons, or one for each expert. */
export interface PartFactors {
  gate: readonly number[] | null;
  up: readonly number[] | null;
  down: readonly number[] | null;
}

/**
 * The cut of one layer's feed-forward network into bundles of `neuronsPerBundle` neighbouring neurons (which divides
 * `numNeurons`).
 *
 * Inside a bundle each part is contiguous. Gate and up are `[neuronsPerBundle, hiddenSize]` rows. Down is
 * `[neuronsPerBundle, hiddenSize]` when `by-neuron` (the column of each neuron as a row), and `[hiddenSize,
 * neuronsPerBundle]` when `by-output`.
 *
 * When `apart`, down lies in whole rows `[hiddenSize, numNeurons]`, as checkpoints have it. Bundles of gate and up come
 * first, and bundles of `outputsPerBundle` rows of down follow them, in an extent of their own. A row's product is
 * still added up slice by slice, `neuronsPerBundle` neurons at a time, so it has the bits that `by-output` gives.
 */
export interface BundleGeometry {
  hiddenSize: number;
  numNeurons: number;
  neuronsPerBundle: number;
  activation: BridgeActivation;
  /** `gate` is null where the network is not gated: then h = act(up x), else h = act(gate x) * (up x). */
  formats: { gate: RowFormat | null; up: RowFormat; down: RowFormat };
  downOrientation: 'by-neuron' | 'by-output' | 'apart';
  /** Rows of down in a bundle when `apart`; the last bundle may have fewer. Else absent. */
  outputsPerBundle?: number;
  /**
   * What the products of gate, up and down are multiplied by, before biases: one number, or one for each of equal
   * shares of the neurons (experts), in order. Null, as all of it may be: nothing.
   */
  factors?: PartFactors | null;
  /** One to three. */
  extents: Extent[];
  parts: { gate: Part | null; up: Part; down: Part };
  /** Checksummed runs inside a bundle, in order; together they cover it. */
  segments: { extent: number; offset: number; bytes: number }[];
  /** CRC-32C (Castagnoli) per bundle and segment, `[numBundles, segments.length]`; null where a file carries none. */
  checksums: Uint32Array | null;
}

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

/** One matrix [rows, columns] that stays in memory, in the format of its file. */
export interface ResidentMatrix {
  readonly rows: number;
  readonly columns: number;
  /** Memory held. */
  readonly bytes: number;
  /** y[tokens, rows] = x[tokens, columns] W^T. */
  matmul(x: Float32Array, tokens: number, y: Float32Array): void;
  /** y[rows] = the first `rows` rows times x[columns], to the bits of `matmul`. */
  multiplyFirst(x: Float32Array, rows: number, y: Float32Array): void;
  /**
   * The rows are `heads` matrices one after another, each for its own part of x: y[tokens, heads, rows / heads] =
   * x[tokens, heads, columns] W^T. Where `transposed`: y[tokens, heads, columns] = x[tokens, heads, rows / heads] W.
   */
  multiplyHeads(x: Float32Array, tokens: number, heads: number, transposed: boolean, y: Float32Array): void;
  /** Dequantizes one row into `into[columns]`. */
  row(index: number, into: Float32Array): void;
  /** CRC-32C of the bytes of `rows` rows, as they came from the file. */
  checksum(firstRow: number, rows: number): number;
  dispose(): void;
}

export interface MatrixSource {
  path: string;
  offset: number;
  /** Bytes from one row's start to the next's; at least the row's own bytes. */
  rowStride: number;
  rows: number;
  columns: number;
  format: RowFormat;
}

/** Feed-forward networks in two bits, for drafts; products are of inputs in 8 bits. */
export interface TwoBitNetworks {
  /** Memory held. */
  readonly bytes: number;
  /** y[hiddenSize] = the network of a layer for x[hiddenSize]; zeros where no block is of that layer. */
  run(layer: number, x: Float32Array, y: Float32Array): void;
  dispose(): void;
}

/** Layers of blocks of 256 neurons (two-bit-tiles.ts) in a file, each of whole device blocks. */
export interface TwoBitNetworksSource {
  path: string;
  /** Where the first layer begins: whole device blocks. */
  offset: number;
  hiddenSize: number;
  gated: boolean;
  /** One without a limit: not `clamped-silu`. */
  activation: BridgeActivation;
  /** In the file. */
  blocksPerLayer: number;
  /** How many of each layer's, from its first on, are taken. */
  blocks: Uint32Array;
}

export interface KeyValueCacheOptions {
  numLayers: number;
  numAttentionHeads: number;
  numKeyValueHeads: number;
  headDim: number;
  contextSize: number;
  /**
   * `i16`: 16-bit integers with an f32 scale per position and head. They are as large as f16 and about seven times
   * finer: the values of a head are of one order of magnitude, and an exponent for each is wasted. `i8`: 8-bit integers
   * likewise, which are 256 times coarser.
   */
  format: 'i8' | 'i16' | 'f32';
  /**
   * Values are the first so many numbers of the keys, which are then all that is kept (arXiv 2405.04434). Absent:
   * values are of their own, [headDim].
   */
  sharedValueDim?: number;
  /** Positions that a token sees in each layer, its own included; 0: all. Absent: all in every layer. */
  windows?: Uint32Array;
  /**
   * Attention sinks, [numLayers, numAttentionHeads]: logits that take part in a head's softmax and bring no value
   * (arXiv 2309.17453, 2508.10925).
   */
  sinks?: Float32Array;
  /**
   * Logits x, scaled by 1/sqrt(headDim), become softCap * tanh(x / softCap) (arXiv 2408.00118). Absent: they stay as
   * they are.
   */
  softCap?: number;
}

/** Keys and values of past positions, in pages of 64 positions, which take memory as they are first written. */
export interface KeyValueCache {
  /**
   * Stores k and v, each [tokens, numKeyValueHeads * headDim], at positions `position`.. of a layer. Where values are
   * part of the keys, v is not looked at.
   */
  append(layer: number, position: number, tokens: number, k: Float32Array, v: Float32Array): void;
  /**
   * Causal softmax attention, scale 1/sqrt(headDim). Token t of q[tokens, numAttentionHeads * headDim] sees positions 0
   * to position + t, or the last of them in a layer with a window. Writes out[tokens, numAttentionHeads * headDim], or
   * * sharedValueDim. With seen[tokens, ceil((position + tokens) / blockSize)] a token sees those blocks of positions
   * alone whose entry is not 0: one at least. Pages that no token sees may have been dropped.
   */
  attend(
    layer: number,
    position: number,
    tokens: number,
    q: Float32Array,
    out: Float32Array,
    seen?: Uint8Array,
    blockSize?: number,
  ): void;
  /** The same for tokens that see each other both ways, as those of a picture may, also beyond a window. */
  attendTogether(layer: number, position: number, tokens: number, q: Float32Array, out: Float32Array): void;
  /**
   * Forgets a layer's positions from `length` on, and frees whole pages beyond it. Small pages share memory, which is
   * freed with the last of them.
   */
  truncate(layer: number, length: number): void;
  /** Has two positions that a layer holds change places. Throws USAGE for one that it does not hold. */
  swap(layer: number, one: number, other: number): void;
  /**
   * Frees a layer's pages that lie whole between two positions that are held. Attention that would see one of them, and
   * a position to be written after one of them within its page, is then USAGE.
   */
  drop(layer: number, from: number, to: number): void;
  /** Has layer `to` hold what layer `from` holds of its first `length` positions, and nothing else. */
  copy(from: number, to: number, length: number): void;
  /**
   * Writes a page that a layer holds, of positions 64 * page and after: `keyValuePageBytes` bytes, keys, values, and
   * then their scales.
   */
  savePage(layer: number, page: number, into: Uint8Array): void;
  /** Has a layer hold a page that was saved. Positions up to its end then count as held, if the context has them. */
  loadPage(layer: number, page: number, from: Uint8Array): void;
  /** Bytes of pages held now. */
  readonly bytes: number;
  dispose(): void;
}

/**
 * A causal convolution of each channel by itself: out[t, c] = bias[c] + sum over j of weights[j, c] * column t - kernel
 * + 1 + j, then SiLU if asked. Columns before the first token are kept from earlier ones.
 */
export interface ConvolutionCall {
  /**
   * [kernel - 1, channels] at their beginning: the columns before the call, and those after it. They may be one array.
   */
  from: Float32Array;
  to: Float32Array;
  tokens: number;
  channels: number;
  kernel: number;
  /** Rows of `stride` floats, whose first `channels` are taken; the first token is row `first`. */
  inputs: Float32Array;
  stride: number;
  first: number;
  /** [kernel, channels] */
  weights: Float32Array;
  /** [channels] */
  bias: Float32Array | null;
  silu: boolean;
  /** [tokens, channels]; null where the columns alone are wanted. */
  out: Float32Array | null;
}

/**
 * A linear recurrence over one matrix S[keyDim, valueDim] for each head. For each token, with decay and weight of token
 * and head: d = weight * v, or where `delta` d = weight * (v - decay * S^T k) (arXiv 2412.06464); S becomes decay * S +
 * k d^T; out = S^T q.
 */
export interface RecurrenceCall {
  /** [heads, keyDim, valueDim] from `stateAt` on: S before the call, and after it. They may be one array. */
  from: Float32Array;
  to: Float32Array;
  stateAt: number;
  tokens: number;
  heads: number;
  /** Heads of q and k; they divide `heads`. */
  keyHeads: number;
  keyDim: number;
  valueDim: number;
  /** True where head h has key head h modulo keyHeads, false where neighbours share one. */
  tiled: boolean;
  delta: boolean;
  /** Rows of `stride` floats with q, k and v at these places; the first token is row `first`. */
  inputs: Float32Array;
  stride: number;
  first: number;
  queriesAt: number;
  keysAt: number;
  valuesAt: number;
  /** [tokens, heads] each. */
  decays: Float32Array;
  weights: Float32Array;
  /** [tokens, heads * valueDim]; null where the state alone is wanted. */
  out: Float32Array | null;
}

export interface LowRankTrainerOptions {
  hiddenSize: number;
  numNeurons: number;
  rank: number;
  /**
   * Share of the (sample, neuron) pairs that are active, above 0 and below 1: the loss gives both classes the same
   * weight.
   */
  activeShare: number;
  /** Same seed, same parameters to begin with. */
  seed: number;
}

/** Fits B (A x) + bias to which neurons are active, by the balanced logistic loss of arXiv 2312.11514 and Adam. */
export interface LowRankTrainer {
  /** A [rank, hiddenSize], B [numNeurons, rank] and bias [numNeurons] as trained so far. */
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly bias: Float32Array;
  /**
   * One step of `learningRate` on x[samples, hiddenSize] against the bits active[samples, ceil(numNeurons / 8)] (neuron
   * n: bit n % 8 of byte floor(n / 8)). Returns the mean loss before it. The result is the same for any number of
   * threads. Takes 8 bytes per sample and neuron meanwhile.
   */
  train(x: Float32Array, active: Uint8Array, samples: number, learningRate: number): number;
}

export interface ReadProbe {
  bytes: number;
  seconds: number;
  /** Whether the reads passed the page cache by. */
  direct: boolean;
}

/** A failure of the bridge; src/ turns it into a FlashrowError. */
export class BridgeError extends Error {
  readonly code: 'CORRUPT' | 'IO' | 'MEMORY' | 'USAGE';
  readonly details: { path?: string; offset?: number; layer?: number; bundle?: number; errno?: string };
  constructor(code: BridgeError['code'], message: string, details: BridgeError['details'] = {}) {
    super(message);
    this.name = 'BridgeError';
    this.code = code;
    this.details = details;
  }
}

/** One instance owns one pool of compute threads. Everything made by it must be disposed of before it. */
export interface Bridge {
  /** The instruction set in use. */
  readonly isa: Isa;
  readonly threads: number;
  createStream(options: StreamOptions): RowStream;
  loadMatrix(source: MatrixSource): ResidentMatrix;
  loadTwoBitNetworks(source: TwoBitNetworksSource): TwoBitNetworks;
  createKeyValueCache(options: KeyValueCacheOptions): KeyValueCache;
  createLowRankTrainer(options: LowRankTrainerOptions): LowRankTrainer;
  /**
   * agreement[tokens, rows] = the number of columns, out of `columns`, in which a row of signs[rows, ceil(columns /
   * 32)] and a token of inputs[tokens, ceil(columns / 32)] have the same bit. Column c is bit c % 32 of word floor(c /
   * 32); bits beyond the columns are 0.
   */
  countAgreements(
    signs: Uint32Array,
    rows: number,
    columns: number,
    inputs: Uint32Array,
    tokens: number,
    agreement: Float32Array,
  ): void;
  /** The results of a token depend on no other call's cut: tokens one by one and together give the same bits. */
  convolve(call: ConvolutionCall): void;
  recur(call: RecurrenceCall): void;
  /** CRC-32C of `bytes`, continuing from `seed` (0 to begin). */
  readonly crc32c: Crc32c;
  /**
   * Times direct reads of `recordBytes` at evenly spread offsets of a file, `readThreads` at once, until `totalBytes`
   * or 200 ms.
   */
  probeReads(path: string, recordBytes: number, totalBytes: number, readThreads: number): ReadProbe;
  /**
   * While it is on, memory that is freed is kept, and matrices and streams that are made get it: the system would clear
   * every page of fresh memory, which takes longer than to read it full. Each `true` is ended by one `false`; what is
   * left then goes back to the system. It is one for all bridges of a process, and does nothing but on Linux.
   */
  recycleMemory(isOn: boolean): void;
  dispose(): void;
}
