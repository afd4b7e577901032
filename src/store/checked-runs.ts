import { numBundles } from '../../native-bridge/bundles.js';
import { type LayerBundles, type Manifest, RESIDENT_FILE } from './manifest.js';

/** A run of bytes in a file, and its checksum. */
export interface CheckedRun {
  offset: number;
  bytes: number;
  /** CRC-32C; null for padding, which is zeros. */
  checksum: number | null;
  layer: number | null;
  bundle: number | null;
  /** True where a bundle is complete after this run. */
  endsBundle: boolean;
}

/**
 * Every byte of file `index` of a store once, from front to back. The file must not be external. Segments of bundles
 * and resident tensors are runs with their own checksums. Padding is a run, and so is a whole file of any other kind.
 */
export function* checkedRuns(manifest: Manifest, index: number): Generator<CheckedRun> {
  const file = manifest.files[index];
  const outside = { layer: null, bundle: null, endsBundle: false };
  const holdsBundles = manifest.layers.some((layer) => layer.extents.some((extent) => extent.file === index));
  if (!holdsBundles && file.name !== RESIDENT_FILE) {
    yield { offset: 0, bytes: file.bytes, checksum: file.checksum, ...outside };
    return;
  }
  let at = 0;
  for (const run of holdsBundles ? bundleRuns(manifest.layers, index) : residentRuns(manifest, index)) {
    if (run.offset > at) yield { offset: at, bytes: run.offset - at, checksum: null, ...outside };
    yield run;
    at = run.offset + run.bytes;
  }
  if (file.bytes > at) yield { offset: at, bytes: file.bytes - at, checksum: null, ...outside };
}

function residentRuns({ resident }: Manifest, file: number): CheckedRun[] {
  return resident
    .filter((tensor) => tensor.file === file)
    .map(({ offset, bytes, checksum }) => ({ offset, bytes, checksum, layer: null, bundle: null, endsBundle: false }))
    .sort((a, b) => a.offset - b.offset);
}

function* bundleRuns(layers: LayerBundles[], file: number): Generator<CheckedRun> {
  const extents = layers
    .flatMap((bundles, layer) => bundles.extents.map((extent, index) => ({ ...extent, bundles, layer, index })))
    .filter((extent) => extent.file === file)
    .sort((a, b) => a.offset - b.offset);
  for (const { bundles, layer, index, offset, stride } of extents) {
    const { segments, checksums } = bundles;
    for (let bundle = 0; bundle < numBundles(bundles); bundle++) {
      for (const [number, segment] of segments.entries()) {
        if (segment.extent !== index) continue;
        yield {
          offset: offset + bundle * stride + segment.offset,
          bytes: segment.bytes,
          checksum: checksums![bundle * segments.length + number],
          layer,
          bundle,
          endsBundle: number === segments.length - 1,
        };
      }
    }
  }
}
