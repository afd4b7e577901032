import type { BundleGeometry } from './bridge.js';

type Cut = Pick<BundleGeometry, 'hiddenSize' | 'numNeurons' | 'neuronsPerBundle' | 'outputsPerBundle'>;
type Placed = Cut & Pick<BundleGeometry, 'downOrientation' | 'extents' | 'parts'>;

/** Bundles that hold gate and up rows. */
export const inputBundles = ({ numNeurons, neuronsPerBundle }: Pick<Cut, 'numNeurons' | 'neuronsPerBundle'>): number =>
  numNeurons / neuronsPerBundle;

/** Bundles of down rows that lie apart. */
const outputBundles = ({ hiddenSize, outputsPerBundle }: Cut): number =>
  outputsPerBundle === undefined ? 0 : Math.ceil(hiddenSize / outputsPerBundle);

/** All bundles of a layer: those of gate and up, and then those of a down matrix that lies apart. */
export const numBundles = (layer: Cut): number => inputBundles(layer) + outputBundles(layer);

/** Whether an extent holds a down matrix that lies apart. */
export const holdsOutputs = ({ downOrientation, parts }: Placed, extent: number): boolean =>
  downOrientation === 'apart' && extent === parts.down.extent;

/** The bundles with bytes in an extent: `count` from `first` on. */
export function bundlesOfExtent(layer: Placed, extent: number): { first: number; count: number } {
  return holdsOutputs(layer, extent)
    ? { first: inputBundles(layer), count: outputBundles(layer) }
    : { first: 0, count: inputBundles(layer) };
}

/** A run of bytes in a file; `file` is an index into the stream's paths. */
export interface FileRange {
  file: number;
  offset: number;
  bytes: number;
}

/** The bytes of a bundle in an extent; null where it has none there. */
export function rangeOf(layer: Placed, extent: number, bundle: number): FileRange | null {
  const { first, count } = bundlesOfExtent(layer, extent);
  const place = bundle - first;
  if (place < 0 || place >= count) return null;
  const { file, offset, bytes, stride, places } = layer.extents[extent];
  if (places) return { file: places.files[place], offset: places.offsets[place], bytes };
  const start = offset + place * stride;
  if (!holdsOutputs(layer, extent)) return { file, offset: start, bytes };
  // The last bundle may have fewer rows.
  const { hiddenSize, outputsPerBundle = hiddenSize } = layer;
  const rows = Math.min(outputsPerBundle, hiddenSize - place * outputsPerBundle);
  return { file, offset: start, bytes: (bytes / Math.min(outputsPerBundle, hiddenSize)) * rows };
}

/** Bytes of the first `bundles` of a layer, without what lies between them. */
export const payloadOf = (layer: Placed, bundles: number): number =>
  layer.extents.reduce((sum, _, extent) => sum + extentPayloadOf(layer, extent, bundles), 0);

function extentPayloadOf(layer: Placed, extent: number, bundles: number): number {
  const { count, first } = bundlesOfExtent(layer, extent);
  const taken = Math.min(count, bundles - first);
  if (taken <= 0) return 0;
  return (taken - 1) * layer.extents[extent].bytes + (rangeOf(layer, extent, first + taken - 1)?.bytes ?? 0);
}

/**
 * The runs of an extent's bytes, from its first bundle to its last: one, or one for each bundle that lies by itself.
 */
export function runsOf(layer: Placed, extent: number): FileRange[] {
  const { first, count } = bundlesOfExtent(layer, extent);
  const { file, offset, places } = layer.extents[extent];
  if (places) return Array.from({ length: count }, (_, place) => rangeOf(layer, extent, first + place)!);
  const last = rangeOf(layer, extent, first + count - 1)!;
  return [{ file, offset, bytes: last.offset + last.bytes - offset }];
}
