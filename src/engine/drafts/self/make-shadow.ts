import type { Bridge, ResidentMatrix } from '../../../../native-bridge/bridge.js';
import { rowBytes } from '../../../../native-bridge/formats.js';
import { ACTIVATIONS, activatedUp } from '../../../../native-bridge/twin/activation.js';
import {
  BLOCK_NEURONS,
  blockLayout,
  encodeTileRow,
  TILE_BYTES,
  TILE_COLUMNS,
  TILE_ROWS,
} from '../../../../native-bridge/two-bit-tiles.js';
import { HeldParts } from '../../../dense/held-parts.js';
import { freeBytes } from '../../../disk/free-bytes.js';
import { replaceFile } from '../../../disk/replace-file.js';
import { asWriteError, type Space } from '../../../disk/write-errors.js';
import { writeFully } from '../../../disk/write-fully.js';
import { FlashrowError } from '../../../errors.js';
import { blocksPerLayer, shadowShape } from '../../../plan/drafts/shadow.js';
import type { Store } from '../../../store/reader.js';
import { shadowHeader, shadowLayout, shadowPath } from './shadow-file.js';

/** A file system's refusal to write what a shadow needs. */
export const asShadowError = (error: unknown, path: string, space: Space = { neededBytes: 0, freeBytes: 0 }): unknown =>
  asWriteError(
    error,
    path,
    space,
    "choose a cache folder that can be written (`cacheDir`), or do without (`draft: 'off'`)",
  );

/** A layer's inputs, [tokens, hiddenSize], by which its neurons are weighed. */
export interface SeenInputs {
  x: Float32Array;
  tokens: number;
}

/**
 * Writes the shadow of a store beside it. `seen`: what each layer's network read of some text. A neuron matters by its
 * mean absolute activation times the length of its column of down; norms of weights alone choose badly (measured). For
 * an order of all layers that is divided by the root of the length of what the layer's network adds: by what it adds
 * alone the first layers would get nothing, and by its share of that the last ones (measured: SELF-03). One layer is in
 * memory at a time, as it is and in two bits. `onLayer` is told how many are done. Throws ABORTED, CORRUPT, IO,
 * DISK_FULL, NOT_WRITABLE or BridgeError, and leaves nothing behind.
 */
export function makeShadow(
  store: Store,
  bridge: Bridge,
  seen: readonly SeenInputs[],
  aborted: () => boolean,
  onLayer: (done: number) => void,
): void {
  const shape = shadowShape(store.spec);
  const { headerBytes, layerBytes, bytes } = shadowLayout(shape);
  const weights: Float64Array[] = [];
  const path = shadowPath(store.path);
  const space = { neededBytes: bytes, freeBytes: freeBytes(store.path) };
  const encoded = Buffer.alloc(layerBytes);
  try {
    replaceFile(path, (file) => {
      let checksum = 0;
      for (let layer = 0; layer < shape.numLayers; layer++) {
        if (aborted()) throw new FlashrowError('ABORTED', 'loading was aborted');
        weights.push(encodeLayer(store, bridge, layer, seen[layer], encoded));
        writeFully(file, encoded, headerBytes + layer * layerBytes);
        checksum = bridge.crc32c(encoded, checksum);
        onLayer(layer + 1);
      }
      writeFully(file, shadowHeader(store.path, shape, orderOf(weights), checksum), 0);
    });
  } catch (error) {
    throw asShadowError(error, path, space);
  }
}

/** The layers of all blocks of neurons, from the one that weighs most on. Those of a layer come in their order. */
function orderOf(weights: readonly Float64Array[]): Uint16Array {
  const blocks = weights.flatMap((of, layer) => Array.from(of, (weight) => ({ weight, layer })));
  return Uint16Array.from(blocks.sort((a, b) => b.weight - a.weight).map(({ layer }) => layer));
}

/** Fills `encoded` with the blocks of a layer. Returns what they weigh, in their order. */
function encodeLayer(store: Store, bridge: Bridge, layer: number, seen: SeenInputs, encoded: Uint8Array): Float64Array {
  const held = new HeldParts();
  try {
    const { gate, up, down } = loadNetwork(store, bridge, layer, held);
    const { order, blocks } = byWeight(store, { gate, up, down }, seen);
    encoded.fill(0);
    if (gate) encodeInputs(gate, order, 0, true, encoded);
    encodeInputs(up, order, gate ? 1 : 0, gate !== null, encoded);
    encodeDown(down, order, gate !== null, encoded);
    return blocks;
  } finally {
    void held.dispose();
  }
}

/** Gate or up: `part` says which of a neuron's rows it is. */
function encodeInputs(from: ResidentMatrix, order: Uint32Array, part: number, gated: boolean, into: Uint8Array): void {
  const { columnTiles, neuronTileBytes, bytes } = blockLayout(from.columns, gated);
  const row = new Float32Array(columnTiles * TILE_COLUMNS);
  for (const [place, neuron] of order.entries()) {
    from.row(neuron, row);
    const block = Math.floor(place / BLOCK_NEURONS) * bytes;
    const tiles = block + Math.floor((place % BLOCK_NEURONS) / TILE_ROWS) * neuronTileBytes;
    for (let tile = 0; tile < columnTiles; tile++) {
      const at = tiles + (part * columnTiles + tile) * TILE_BYTES;
      encodeTileRow(row, tile * TILE_COLUMNS, into, at, place % TILE_ROWS);
    }
  }
}

function encodeDown(from: ResidentMatrix, order: Uint32Array, gated: boolean, into: Uint8Array): void {
  const { downAt, bytes } = blockLayout(from.rows, gated);
  const plain = new Float32Array(from.columns);
  const row = new Float32Array(Math.ceil(order.length / BLOCK_NEURONS) * BLOCK_NEURONS);
  for (let output = 0; output < from.rows; output++) {
    from.row(output, plain);
    for (const [place, neuron] of order.entries()) row[place] = plain[neuron];
    const tile = downAt + Math.floor(output / TILE_ROWS) * TILE_BYTES;
    for (let place = 0; place < row.length; place += BLOCK_NEURONS)
      encodeTileRow(row, place, into, (place / BLOCK_NEURONS) * bytes + tile, output % TILE_ROWS);
  }
}

interface Network {
  gate: ResidentMatrix | null;
  up: ResidentMatrix;
  down: ResidentMatrix;
}

/** A layer's whole matrices, from where the store reads them in place. */
function loadNetwork({ layers, files }: Store, bridge: Bridge, layer: number, held: HeldParts): Network {
  const { extents, parts, formats, hiddenSize, numNeurons } = layers[layer];
  const load = (part: 'gate' | 'up' | 'down'): ResidentMatrix => {
    const { file, offset } = extents[parts[part]!.extent];
    const format = formats[part]!;
    const [rows, columns] = part === 'down' ? [hiddenSize, numNeurons] : [numNeurons, hiddenSize];
    const place = { path: files[file], offset: offset + parts[part]!.offset, rowStride: rowBytes(format, columns) };
    return held.keep(bridge.loadMatrix({ ...place, rows, columns, format }));
  };
  return { gate: parts.gate && load('gate'), up: load('up'), down: load('down') };
}

interface Weighed {
  /** The neurons of a layer, those first that matter most. */
  order: Uint32Array;
  /** What each block of them weighs. */
  blocks: Float64Array;
}

function byWeight({ spec }: Store, { gate, up, down }: Network, { x, tokens }: SeenInputs): Weighed {
  const neurons = up.rows;
  const weights = new Float64Array(neurons);
  const act = ACTIVATIONS[spec.activation];
  const ups = new Float32Array(tokens * neurons);
  up.matmul(x, tokens, ups);
  const gates = gate ? new Float32Array(tokens * neurons) : null;
  gate?.matmul(x, tokens, gates!);
  for (let i = 0; i < ups.length; i++) {
    ups[i] = gates ? act(gates[i]) * activatedUp(spec.activation, ups[i]) : act(ups[i]);
    weights[i % neurons] += Math.abs(ups[i]) / tokens;
  }
  const outputs = new Float32Array(tokens * down.rows);
  down.matmul(ups, tokens, outputs);
  const scale = 1 / Math.sqrt(typicalLength(outputs, down.rows) || 1);
  const squares = new Float64Array(neurons);
  const row = new Float32Array(neurons);
  for (let output = 0; output < down.rows; output++) {
    down.row(output, row);
    for (let neuron = 0; neuron < neurons; neuron++) squares[neuron] += row[neuron] * row[neuron];
  }
  for (let neuron = 0; neuron < neurons; neuron++) weights[neuron] *= scale * Math.sqrt(squares[neuron]);
  const order = Uint32Array.from({ length: neurons }, (_, neuron) => neuron);
  order.sort((a, b) => weights[b] - weights[a] || a - b);
  const blocks = new Float64Array(blocksPerLayer(shadowShape(spec)));
  for (const [place, neuron] of order.entries()) blocks[Math.floor(place / BLOCK_NEURONS)] += weights[neuron];
  return { order, blocks };
}

/** The median of the lengths of vectors[.., size]: the first token of a text has one beyond all measure. */
function typicalLength(vectors: Float32Array, size: number): number {
  const lengths = new Float64Array(vectors.length / size);
  for (let i = 0; i < vectors.length; i++) lengths[Math.floor(i / size)] += vectors[i] ** 2;
  return Math.sqrt(lengths.sort()[lengths.length >> 1]);
}
