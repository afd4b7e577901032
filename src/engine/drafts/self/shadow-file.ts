import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Bridge, MatrixSource } from '../../../../native-bridge/bridge.js';
import { rowBytes } from '../../../../native-bridge/formats.js';
import { DEVICE_BLOCK, roundUp } from '../../../../native-bridge/memory.js';
import { readExactly, withFile } from '../../../disk/files.js';
import { SHADOW_FORMAT, type ShadowShape } from '../../../plan/drafts/shadow.js';
import { packChecked, unpackChecked } from '../../../store/checked-message.js';
import { storeIdentity } from '../../../store/predictors.js';

/*
 * self-draft.bin beside a store: the header, filled up to one device block, then for each layer the matrices gate
 * (where there is one), up and down in Q2_K, each from a device block on. Gate and up have a row for each neuron, down
 * has one for each output; neurons are in the order of what they matter. So the first neurons of a layer are the first
 * rows of gate and up and the first columns of down.
 */

const HEADER_BYTES = DEVICE_BLOCK;
/** Raised where another way to make the file makes a better one. */
const VERSION = 1;
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

/** Where the matrices of all layers lie, and the bytes of the file. */
export function shadowLayout({ numLayers, hiddenSize, columns, neurons, gated }: ShadowShape) {
  let bytes = HEADER_BYTES;
  const place = (rows: number, width: number): ShadowPart => {
    const part = { offset: bytes, rows, columns: width };
    bytes += roundUp(partBytes(part), DEVICE_BLOCK);
    return part;
  };
  const layers = Array.from({ length: numLayers }, (): ShadowLayer => {
    const gate = gated ? place(neurons, columns) : null;
    return { gate, up: place(neurons, columns), down: place(hiddenSize, neurons) };
  });
  return { layers, bytes };
}

/** A part of the file as the bridge loads it: `rows` of its rows, and `columns` of its columns. */
export const partSource = (path: string, part: ShadowPart, rows: number, columns: number): MatrixSource => ({
  ...{ path, rows, columns, offset: part.offset, format: SHADOW_FORMAT },
  rowStride: rowBytes(SHADOW_FORMAT, part.columns),
});

/** The header of the shadow of a store, whose matrices have the CRC-32C `checksum` together. */
export function shadowHeader(storePath: string, checksum: number): Buffer {
  const header = packChecked({ version: VERSION, model: storeIdentity(storePath), checksum });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  return Buffer.concat([length, header], HEADER_BYTES);
}

/** Whether a store has a shadow that is whole and its own. It reads all of it. */
export function hasShadow(storePath: string, shape: ShadowShape, bridge: Pick<Bridge, 'crc32c'>): boolean {
  const path = shadowPath(storePath);
  if (!existsSync(path)) return false;
  const { bytes } = shadowLayout(shape);
  return withFile(path, (file) => {
    if (file.size !== bytes) return false;
    const start = Buffer.alloc(HEADER_BYTES);
    readExactly(file, 0, start);
    const expected = checksumIn(start, storePath);
    if (expected === null) return false;
    const piece = Buffer.alloc(PIECE_BYTES);
    let checksum = 0;
    for (let at = HEADER_BYTES; at < bytes; at += PIECE_BYTES) {
      const part = piece.subarray(0, Math.min(PIECE_BYTES, bytes - at));
      readExactly(file, at, part);
      checksum = bridge.crc32c(part, checksum);
    }
    return checksum === expected;
  });
}

/** The checksum in a header; null where it is damaged, of another version, or of another store. */
function checksumIn(start: Buffer, storePath: string): number | null {
  const length = start.readUInt32LE(0);
  if (length > HEADER_BYTES - 4) return null;
  try {
    const header = unpackChecked(start.subarray(4, 4 + length)) as Record<string, unknown> | null;
    const isOurs = header?.version === VERSION && header.model === storeIdentity(storePath);
    return isOurs && typeof header.checksum === 'number' ? header.checksum : null;
  } catch {
    return null;
  }
}
