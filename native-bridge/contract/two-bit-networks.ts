import type { BridgeActivation } from './bundle-geometry.js';

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
