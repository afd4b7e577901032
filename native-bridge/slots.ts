import type { StreamLayer } from './bridge.js';
import { DEVICE_BLOCK, roundUp } from './memory.js';

/** From this size on a record is read straight into its slot where its place in the file allows; below, copying is cheaper than widening. */
const DIRECT_AREA = 64 * 1024;

/** One extent's place inside a slot. */
export interface SlotArea {
  /** Bytes from the bundle's extent start that are not read (a part that is resident elsewhere). */
  skip: number;
  /** Bytes from the first byte read of a full unit to its last. */
  span: number;
  /** Where it begins in the slot. */
  offset: number;
}

export interface SlotLayout {
  areas: SlotArea[];
  bytes: number;
}

/**
 * Bytes from a device block's start to a record, where that is the same for every unit. The record then lies as far behind a block's
 * start in its slot, too, and the blocks that hold it, its neighbours' bytes included, are read straight into the slot: tensors of a
 * GGUF file begin at multiples of 32, and their experts are whole blocks apart.
 */
function blockShift(
  {
    numNeurons,
    neuronsPerBundle,
    bundlesPerUnit,
  }: Pick<StreamLayer, 'numNeurons' | 'neuronsPerBundle' | 'bundlesPerUnit'>,
  offset: number,
  stride: number,
): number {
  const alone = numNeurons <= neuronsPerBundle * bundlesPerUnit;
  return alone || (bundlesPerUnit * stride) % DEVICE_BLOCK === 0 ? offset % DEVICE_BLOCK : 0;
}

/** How a unit of this layer lies in a slot. Pure, so that a plan can be made before anything is opened. */
export function slotLayout(layer: Omit<StreamLayer, 'arenaOffset' | 'slots' | 'checksums'>): SlotLayout {
  let bytes = 0;
  const areas = layer.extents.map((extent) => {
    const skip = layer.residentPart === null ? 0 : layer.segments[0].bytes;
    const span = (layer.bundlesPerUnit - 1) * extent.stride + extent.bytes - skip;
    const alignment = span >= DIRECT_AREA ? DEVICE_BLOCK : 64;
    const offset =
      roundUp(bytes, alignment) + (span >= DIRECT_AREA ? blockShift(layer, extent.offset + skip, extent.stride) : 0);
    bytes = roundUp(offset + span, alignment);
    return { skip, span, offset };
  });
  return { areas, bytes: roundUp(bytes, bytes >= DIRECT_AREA ? DEVICE_BLOCK : 64) };
}
