import type { BundleGeometry, StreamLayer } from '../../native-bridge/bridge.js';
import { numBundles, payloadOf } from '../../native-bridge/bundles.js';
import { rowBytes } from '../../native-bridge/formats.js';
import { slotLayout } from '../../native-bridge/slots.js';

/** Reads of about this size reach a flash drive's sequential speed. */
export const UNIT_BYTES = 1 << 20;
/** Even a small layer is cut into this many units, so that a small budget can hold a part of it. */
export const UNITS_PER_LAYER = 8;

/** How a selector wants a layer's bundles read: how many at once, and what of them it keeps elsewhere. */
export interface UnitShape {
  bundlesPerUnit: number;
  residentPart: StreamLayer['residentPart'];
  units: number;
  /** Bundles in the layer: the last unit may hold fewer than the others. */
  bundles: number;
  /** Arena bytes of one unit. */
  slotBytes: number;
  /** Payload bytes of one bundle as read; the mean where down lies apart. */
  bundleBytes: number;
  /** Memory of the part that stays resident, 0 without one. */
  residentBytes: number;
}

/** The streamed half of one layer, bytes without padding. */
export const layerBytes = (layer: BundleGeometry): number => payloadOf(layer, numBundles(layer));

/** The bytes of a layer that a selector streams, without padding and without what it keeps elsewhere. */
export const streamedBytes = ({ bundles, bundleBytes }: UnitShape): number => Math.round(bundles * bundleBytes);

/** Bundles in the first `count` of ascending `units`. */
export function bundlesIn(
  { units: total, bundles, bundlesPerUnit }: UnitShape,
  units: ArrayLike<number>,
  count: number,
): number {
  const short = count > 0 && units[count - 1] === total - 1 ? total * bundlesPerUnit - bundles : 0;
  return count * bundlesPerUnit - short;
}

/** Every bundle in order: neighbours are joined until a read is worth its seek. */
export function unitsOfAll(layer: BundleGeometry): UnitShape {
  const target = Math.min(UNIT_BYTES, layerBytes(layer) / UNITS_PER_LAYER);
  const joined = layer.downOrientation === 'by-neuron' && layer.extents.length === 1;
  const bundlesPerUnit = joined ? Math.max(1, Math.floor(target / layer.extents[0].stride)) : 1;
  return shape(layer, bundlesPerUnit, null, 0);
}

/** Bundle by bundle, whole: expert by expert, or neuron by neuron. */
export const unitsWhole = (layer: BundleGeometry): UnitShape => shape(layer, 1, null, 0);

/** Bundle by bundle, without the part that decides whether a neuron is active: that part stays resident. */
export function unitsOfGate(layer: BundleGeometry): UnitShape {
  const residentPart = layer.formats.gate ? 'gate' : 'up';
  return shape(
    layer,
    1,
    residentPart,
    layer.numNeurons * rowBytes(layer.formats.gate ?? layer.formats.up, layer.hiddenSize),
  );
}

function shape(
  layer: BundleGeometry,
  bundlesPerUnit: number,
  residentPart: UnitShape['residentPart'],
  residentBytes: number,
): UnitShape {
  return {
    bundlesPerUnit,
    residentPart,
    units: Math.ceil(numBundles(layer) / bundlesPerUnit),
    bundles: numBundles(layer),
    slotBytes: slotLayout({ ...layer, bundlesPerUnit, residentPart }).bytes,
    bundleBytes: layerBytes(layer) / numBundles(layer) - (residentPart ? layer.segments[0].bytes : 0),
    residentBytes,
  };
}
