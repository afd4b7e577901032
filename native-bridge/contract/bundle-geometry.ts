import type { RowFormat } from '../formats.js';

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
