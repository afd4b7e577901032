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

/** The bytes of a bundle in an extent, as places in the file; null where it has none there. */
export function rangeOf(layer: Placed, extent: number, bundle: number): { offset: number; bytes: number } | null {
  const { first, count } = bundlesOfExtent(layer, extent);
  const place = bundle - first;
  if (place < 0 || place >= count) return null;
  const { offset, bytes, stride } = layer.extents[extent];
  const start = offset + place * stride;
  if (!holdsOutputs(layer, extent)) return { offset: start, bytes };
  // The last bundle may have fewer rows.
  const { hiddenSize, outputsPerBundle = hiddenSize } = layer;
  const rows = Math.min(outputsPerBundle, hiddenSize - place * outputsPerBundle);
  return { offset: start, bytes: (bytes / Math.min(outputsPerBundle, hiddenSize)) * rows };
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

/** The byte of the file after an extent's last. */
export function endOfExtent(layer: Placed, extent: number): number {
  const { first, count } = bundlesOfExtent(layer, extent);
  const { offset, bytes } = rangeOf(layer, extent, first + count - 1)!;
  return offset + bytes;
}
