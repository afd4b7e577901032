import { BridgeError, type TwoBitNetworks, type TwoBitNetworksSource } from '../bridge.js';
import { DEVICE_BLOCK, roundUp } from '../memory.js';
import {
  BLOCK_NEURONS,
  type BlockLayout,
  blockLayout,
  decodeTileRow,
  TILE_BYTES,
  TILE_COLUMNS,
  TILE_ROWS,
} from '../two-bit-tiles.js';
import { ACTIVATIONS, activatedUp } from './activation.js';
import { dot } from './dot.js';
import { allocate, isCount, usage } from './errors.js';
import { readRange, withFile } from './reader.js';

/** Rows are widened one at a time, and inputs stay as they are. */
export class TwinTwoBitNetworks implements TwoBitNetworks {
  readonly bytes: number;
  readonly #source: TwoBitNetworksSource;
  readonly #layout: BlockLayout;
  readonly #x: Float32Array;
  readonly #row: Float32Array;
  readonly #neurons = new Float32Array(BLOCK_NEURONS);
  /** The blocks of each layer. */
  #layers: Uint8Array[] | null;

  constructor(source: TwoBitNetworksSource) {
    const { hiddenSize, gated, activation, blocksPerLayer, blocks, offset } = source;
    if (activation === 'clamped-silu') throw usage('networks in two bits have no activation with a limit');
    if (![hiddenSize, blocksPerLayer, blocks.length].every((count) => isCount(count) && count > 0))
      throw usage(`networks cannot have ${hiddenSize} inputs and ${blocks.length} layers of ${blocksPerLayer} blocks`);
    for (const count of blocks)
      if (count > blocksPerLayer) throw usage(`a layer of ${blocksPerLayer} blocks has no ${count}`);
    if (!isCount(offset) || offset % DEVICE_BLOCK !== 0)
      throw usage(`the offset of networks is not a multiple of ${DEVICE_BLOCK}: ${offset}`);
    this.#source = source;
    this.#layout = blockLayout(hiddenSize, gated);
    this.#row = new Float32Array(this.#layout.columnTiles * TILE_COLUMNS);
    this.#x = new Float32Array(this.#row.length);
    this.#layers = readLayers(source, this.#layout.bytes);
    this.bytes = this.#layers.reduce((sum, { length }) => sum + length, 0);
  }

  run(layer: number, x: Float32Array, y: Float32Array): void {
    if (this.#layers === null) throw usage('the networks were disposed');
    const { hiddenSize } = this.#source;
    if (!isCount(layer) || layer >= this.#layers.length) throw usage(`there is no layer ${layer}`);
    if (x.length < hiddenSize) throw usage(`x holds ${x.length}, not ${hiddenSize} values`);
    if (y.length < hiddenSize) throw usage(`y holds ${y.length}, not ${hiddenSize} values`);
    for (let i = 0; i < hiddenSize; i++) this.#x[i] = x[i];
    y.fill(0, 0, hiddenSize);
    const weights = this.#layers[layer];
    for (let block = 0; block < weights.length; block += this.#layout.bytes) {
      for (let neuron = 0; neuron < BLOCK_NEURONS; neuron++)
        this.#neurons[neuron] = this.#neuron(weights, block, neuron);
      for (let output = 0; output < hiddenSize; output++) {
        const tile = block + this.#layout.downAt + Math.floor(output / TILE_ROWS) * TILE_BYTES;
        decodeTileRow(weights, tile, output % TILE_ROWS, this.#row, 0);
        y[output] += dot(this.#neurons, 0, this.#row, 0, BLOCK_NEURONS);
      }
    }
  }

  #neuron(weights: Uint8Array, block: number, neuron: number): number {
    const { gated, activation } = this.#source;
    const { columnTiles, neuronTileBytes } = this.#layout;
    const at = block + Math.floor(neuron / TILE_ROWS) * neuronTileBytes;
    const product = (part: number): number => {
      for (let tile = 0; tile < columnTiles; tile++) {
        const from = at + (part * columnTiles + tile) * TILE_BYTES;
        decodeTileRow(weights, from, neuron % TILE_ROWS, this.#row, tile * TILE_COLUMNS);
      }
      return dot(this.#x, 0, this.#row, 0, this.#row.length);
    };
    const act = ACTIVATIONS[activation];
    return gated ? act(product(0)) * activatedUp(activation, product(1)) : act(product(0));
  }

  dispose(): void {
    this.#layers = null;
  }
}

function readLayers({ path, offset, blocks, blocksPerLayer }: TwoBitNetworksSource, blockBytes: number): Uint8Array[] {
  return withFile(path, (file) => {
    const layerBytes = roundUp(blocksPerLayer * blockBytes, DEVICE_BLOCK);
    return Array.from(blocks, (count, layer) => {
      const weights = allocate(count * blockBytes, path);
      const from = offset + layer * layerBytes;
      const got = readRange(file, path, weights, 0, weights.length, from);
      if (got === weights.length) return weights;
      const message = `${path} ends at byte ${from + got}, inside networks in two bits that begin at byte ${offset}`;
      throw new BridgeError('CORRUPT', message, { path, offset: from + got });
    });
  });
}
