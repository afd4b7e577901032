import { FlashrowError } from '../errors.js';
import { checkManifest } from './check-manifest.js';
import { packChecked, unpackChecked } from './checked-message.js';
import { MANIFEST_FILE, type Manifest } from './manifest.js';

/** Checksums and places become binary data: little-endian uint32 and float64. */
export function encodeManifest(manifest: Manifest): Buffer {
  const layers = manifest.layers.map((layer) => ({
    ...layer,
    checksums: layer.checksums && bytesOf(layer.checksums),
    extents: layer.extents.map(({ places, ...extent }) =>
      places ? { ...extent, places: { files: bytesOf(places.files), offsets: bytesOf(places.offsets) } } : extent,
    ),
  }));
  return packChecked({ ...manifest, layers });
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint32Array | Float64Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

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
