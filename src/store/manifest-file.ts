import { FlashrowError } from '../errors.js';
import { checkManifest } from './check-manifest.js';
import { packChecked, unpackChecked } from './checked-message.js';
import { MANIFEST_FILE, type Manifest } from './manifest.js';

/** A layer's checksums become binary data, little-endian uint32, or nil. */
export function encodeManifest(manifest: Manifest): Buffer {
  const layers = manifest.layers.map((layer) => {
    if (layer.checksums === null) return layer;
    const { buffer, byteOffset, byteLength } = layer.checksums;
    return { ...layer, checksums: Buffer.from(buffer, byteOffset, byteLength) };
  });
  return packChecked({ ...manifest, layers });
}

/** Throws CORRUPT where the bytes are damaged or contradict themselves, UNSUPPORTED for a newer format version. */
export function decodeManifest(bytes: Buffer): Manifest {
  let value: unknown;
  try {
    value = unpackChecked(bytes);
  } catch (error) {
    throw new FlashrowError(
      'CORRUPT',
      `${MANIFEST_FILE} is damaged: ${(error as Error).message}; convert the model again`,
      { file: MANIFEST_FILE, offset: 0 },
    );
  }
  return checkManifest(value);
}
