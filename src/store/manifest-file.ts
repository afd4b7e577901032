import { Packr } from 'msgpackr';
import { crc32c } from '../../native-bridge/twin/crc32c.js';
import { FlashrowError } from '../errors.js';
import { checkManifest } from './check-manifest.js';
import { MANIFEST_FILE, type Manifest } from './manifest.js';
import { guardMessagePack } from './msgpack-guard.js';

/*
 * The file is one MessagePack array of two: the manifest as a map, and the CRC-32C of that map's bytes as a uint32.
 * A layer's checksums are binary, little-endian uint32, or nil.
 */
const ARRAY_OF_TWO = 0x92;
const UINT32 = 0xce;
const TRAILER_BYTES = 5;

const packr = new Packr({ useRecords: false });

export function encodeManifest(manifest: Manifest): Buffer {
  const layers = manifest.layers.map((layer) => {
    if (layer.checksums === null) return layer;
    const { buffer, byteOffset, byteLength } = layer.checksums;
    return { ...layer, checksums: Buffer.from(buffer, byteOffset, byteLength) };
  });
  const map = Buffer.from(packr.pack({ ...manifest, layers }));
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer[0] = UINT32;
  trailer.writeUInt32BE(crc32c(map, 0), 1);
  return Buffer.concat([Buffer.of(ARRAY_OF_TWO), map, trailer]);
}

/** Throws CORRUPT where the bytes are damaged or say what cannot be, UNSUPPORTED for a newer format version. */
export function decodeManifest(bytes: Buffer): Manifest {
  const end = bytes.length - TRAILER_BYTES;
  const framed = end > 1 && bytes[0] === ARRAY_OF_TWO && bytes[end] === UINT32;
  if (!framed || crc32c(bytes, 0, 1, end) !== bytes.readUInt32BE(end + 1)) {
    throw damaged('its checksum does not match');
  }
  const map = bytes.subarray(1, end);
  let value: unknown;
  try {
    if (guardMessagePack(map) !== map.length) throw new RangeError('something follows it');
    value = packr.unpack(map);
  } catch (error) {
    throw damaged((error as Error).message);
  }
  return checkManifest(value);
}

const damaged = (reason: string) =>
  new FlashrowError('CORRUPT', `${MANIFEST_FILE} is damaged: ${reason}; convert the model again`, {
    file: MANIFEST_FILE,
    offset: 0,
  });
