import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Bridge } from '../../../../native-bridge/bridge.js';
import { DEVICE_BLOCK, roundUp } from '../../../../native-bridge/memory.js';
import { blockLayout } from '../../../../native-bridge/two-bit-tiles.js';
import { type OpenFile, readExactly, withFile } from '../../../disk/files.js';
import { allBlocks, blocksPerLayer, type ShadowShape } from '../../../plan/drafts/shadow.js';
import { packChecked, unpackChecked } from '../../../store/checked-message.js';
import { storeIdentity } from '../../../store/predictors.js';

/*
 * self-draft.bin beside a store: the header, filled up to whole device blocks, then each layer's blocks of neurons
 * (native-bridge/two-bit-tiles.ts) from a device block on. Neurons are in the order of what they matter. So the first
 * neurons of a layer are its first blocks. The header says in which order the blocks of all layers matter.
 */

/** Bytes of the header beside that order. */
const HEADER_BYTES = 512;
/** Raised where another way to make the file makes a better one. */
const VERSION = 3;
const PIECE_BYTES = 4 << 20;

export const shadowPath = (storePath: string): string => join(storePath, 'self-draft.bin');

/** Bytes of the header, of each layer and of the file. */
export function shadowLayout(shape: ShadowShape) {
  const headerBytes = roundUp(HEADER_BYTES + 2 * allBlocks(shape), DEVICE_BLOCK);
  const blockBytes = blockLayout(shape.hiddenSize, shape.gated).bytes;
  const layerBytes = roundUp(blocksPerLayer(shape) * blockBytes, DEVICE_BLOCK);
  return { headerBytes, layerBytes, bytes: headerBytes + shape.numLayers * layerBytes };
}

/**
 * The header of the shadow of a store. `order`: for each block of neurons, from the one that matters most on, the layer
 * that it is the next one of. `checksum`: the CRC-32C of the layers together.
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
 * How many blocks of each layer are in a shadow with the first `blocks` of a store's; null where its file is damaged,
 * of another version, or of another store.
 */
export function blocksOfLayers(storePath: string, shape: ShadowShape, blocks: number): Uint32Array | null {
  const { headerBytes } = shadowLayout(shape);
  const header = withFile(shadowPath(storePath), (file) => readHeader(file, storePath, headerBytes));
  if (header?.order.length !== allBlocks(shape)) return null;
  const ofLayers = new Uint32Array(shape.numLayers);
  for (let block = 0; block < blocks; block++) ofLayers[header.order[block]]++;
  return ofLayers;
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
