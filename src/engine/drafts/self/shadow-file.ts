import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Bridge, MatrixSource } from '../../../../native-bridge/bridge.js';
import { rowBytes } from '../../../../native-bridge/formats.js';
import { DEVICE_BLOCK, roundUp } from '../../../../native-bridge/memory.js';
import { type OpenFile, readExactly, withFile } from '../../../disk/files.js';
import { allBlocks, SHADOW_BLOCK, SHADOW_FORMAT, type ShadowShape } from '../../../plan/drafts/shadow.js';
import { packChecked, unpackChecked } from '../../../store/checked-message.js';
import { storeIdentity } from '../../../store/predictors.js';

/*
 * self-draft.bin beside a store: the header, filled up to whole device blocks, then for each layer the matrices gate
 * (where there is one), up and down in Q2_K, each from a device block on. Gate and up have a row for each neuron, down
 * has one for each output; neurons are in the order of what they matter. So the first neurons of a layer are the first
 * rows of gate and up and the first columns of down. The header says in which order the blocks of all layers matter.
 */

/** Bytes of the header beside that order. */
const HEADER_BYTES = 512;
/** Raised where another way to make the file makes a better one. */
const VERSION = 2;
const PIECE_BYTES = 4 << 20;

export const shadowPath = (storePath: string): string => join(storePath, 'self-draft.bin');

/** A matrix in the file. */
export interface ShadowPart {
  offset: number;
  rows: number;
  columns: number;
}

/** The matrices of a layer; `gate` is null where networks have none. */
export interface ShadowLayer {
  gate: ShadowPart | null;
  up: ShadowPart;
  down: ShadowPart;
}

const partBytes = ({ rows, columns }: Pick<ShadowPart, 'rows' | 'columns'>) => rows * rowBytes(SHADOW_FORMAT, columns);

/** Where the matrices of all layers lie, and the bytes of the header and of the file. */
export function shadowLayout({ numLayers, hiddenSize, columns, neurons, gated }: ShadowShape) {
  const headerBytes = roundUp(HEADER_BYTES + 2 * allBlocks({ numLayers, neurons }), DEVICE_BLOCK);
  let bytes = headerBytes;
  const place = (rows: number, width: number): ShadowPart => {
    const part = { offset: bytes, rows, columns: width };
    bytes += roundUp(partBytes(part), DEVICE_BLOCK);
    return part;
  };
  const layers = Array.from({ length: numLayers }, (): ShadowLayer => {
    const gate = gated ? place(neurons, columns) : null;
    return { gate, up: place(neurons, columns), down: place(hiddenSize, neurons) };
  });
  return { layers, headerBytes, bytes };
}

/** A part of the file as the bridge loads it: `rows` of its rows, and `columns` of its columns. */
export const partSource = (path: string, part: ShadowPart, rows: number, columns: number): MatrixSource => ({
  ...{ path, rows, columns, offset: part.offset, format: SHADOW_FORMAT },
  rowStride: rowBytes(SHADOW_FORMAT, part.columns),
});

/**
 * The header of the shadow of a store. `order`: for each block of neurons, from the one that matters most on, the layer
 * that it is the next one of. `checksum`: the CRC-32C of the matrices together.
 */
export function shadowHeader(storePath: string, shape: ShadowShape, order: Uint16Array, checksum: number): Buffer {
  const blocks = Buffer.from(order.buffer, order.byteOffset, order.byteLength);
  const header = packChecked({ version: VERSION, model: storeIdentity(storePath), checksum, order: blocks });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  return Buffer.concat([length, header], shadowLayout(shape).headerBytes);
}

/** Whether a store has a shadow that is whole and its own. It reads all of it. */
export function hasShadow(storePath: string, shape: ShadowShape, bridge: Pick<Bridge, 'crc32c'>): boolean {
  const path = shadowPath(storePath);
  if (!existsSync(path)) return false;
  const { headerBytes, bytes } = shadowLayout(shape);
  return withFile(path, (file) => {
    if (file.size !== bytes) return false;
    const expected = readHeader(file, storePath, headerBytes)?.checksum;
    if (expected === undefined) return false;
    const piece = Buffer.alloc(PIECE_BYTES);
    let checksum = 0;
    for (let at = headerBytes; at < bytes; at += PIECE_BYTES) {
      const part = piece.subarray(0, Math.min(PIECE_BYTES, bytes - at));
      readExactly(file, at, part);
      checksum = bridge.crc32c(part, checksum);
    }
    return checksum === expected;
  });
}

/**
 * The neurons of each layer in a shadow with the first `blocks` of a store's; null where its file is damaged, of
 * another version, or of another store.
 */
export function shadowNeurons(storePath: string, shape: ShadowShape, blocks: number): number[] | null {
  const { headerBytes } = shadowLayout(shape);
  const header = withFile(shadowPath(storePath), (file) => readHeader(file, storePath, headerBytes));
  if (header === null) return null;
  const neurons = new Array<number>(shape.numLayers).fill(0);
  for (let block = 0; block < blocks; block++) neurons[header.order[block]] += SHADOW_BLOCK;
  return neurons;
}

interface Header {
  checksum: number;
  order: Uint16Array;
}

function readHeader(file: OpenFile, storePath: string, headerBytes: number): Header | null {
  if (file.size < headerBytes) return null;
  const start = Buffer.alloc(headerBytes);
  readExactly(file, 0, start);
  const length = start.readUInt32LE(0);
  if (length > headerBytes - 4) return null;
  try {
    const header = unpackChecked(start.subarray(4, 4 + length)) as Record<string, unknown> | null;
    const isOurs = header?.version === VERSION && header.model === storeIdentity(storePath);
    if (!isOurs || typeof header.checksum !== 'number' || !Buffer.isBuffer(header.order)) return null;
    const order = new Uint16Array(header.order.length / 2);
    for (let block = 0; block < order.length; block++) order[block] = header.order.readUInt16LE(2 * block);
    return { checksum: header.checksum, order };
  } catch {
    return null;
  }
}
