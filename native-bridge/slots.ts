import type { StreamedMatrix, StreamLayer } from './bridge.js';
import { holdsOutputs } from './bundles.js';
import { rowBytes } from './formats.js';
import { DEVICE_BLOCK, roundUp } from './memory.js';

/**
 * Records of this size and above are read straight into their slot, if their place in the file allows it. For smaller
 * ones a copy is cheaper than a wider read.
 */
const DIRECT_AREA = 64 * 1024;

/** One extent's place inside a slot. */
export interface SlotArea {
  /** Bytes from the bundle's extent start that are not read (a part that is resident elsewhere). */
  skip: number;
  /** Bytes from the first byte read of a full unit to its last. */
  span: number;
  /** Where it begins in the slot. */
  offset: number;
  /**
   * Whether each unit begins as far behind `offset` as its bytes begin behind a device block's start: for units whose
   * places among the blocks differ.
   */
  shifts: boolean;
}

export interface SlotLayout {
  areas: SlotArea[];
  bytes: number;
}

/**
 * Bytes from a device block's start to a record, if they are the same for every unit; else 0. With this shift the
 * record lies in its slot as it does among the blocks of the file, and its blocks are read straight into the slot, with
 * the neighbours' bytes in them. Tensors of a GGUF file begin at multiples of 32, and their experts are whole blocks
 * apart.
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

/** The place of a unit of this layer in a slot. Pure, so that a plan can be made before anything is opened. */
export function slotLayout(layer: Omit<StreamLayer, 'arenaOffset' | 'slots' | 'checksums'>): SlotLayout {
  let bytes = 0;
  let end = 0;
  const areas = layer.extents.map((extent, index) => {
    const outputs = holdsOutputs(layer, index);
    const skip = layer.residentPart === null ? 0 : layer.segments[0].bytes;
    const span = (layer.bundlesPerUnit - 1) * extent.stride + extent.bytes - skip;
    const straight = span >= DIRECT_AREA;
    const alignment = straight ? DEVICE_BLOCK : 64;
    const shifts = straight && (outputs || extent.places !== undefined);
    const shift = straight && !shifts ? blockShift(layer, extent.offset + skip, extent.stride) : 0;
    // A unit holds either down rows that lie apart, or gate and up.
    const offset = roundUp(outputs ? 0 : end, alignment) + shift;
    const areaEnd = roundUp(offset + span + (shifts ? DEVICE_BLOCK : 0), alignment);
    if (!outputs) end = areaEnd;
    bytes = Math.max(bytes, areaEnd);
    return { skip, span, offset, shifts };
  });
  return { areas, bytes: roundUp(bytes, bytes >= DIRECT_AREA ? DEVICE_BLOCK : 64) };
}

/** Bytes of a slot for a unit of a matrix, wherever it lies among the blocks of the file. */
export function matrixSlotBytes({
  format,
  columns,
  rowsPerUnit,
}: Pick<StreamedMatrix, 'format' | 'columns' | 'rowsPerUnit'>): number {
  const bytes = rowsPerUnit * rowBytes(format, columns);
  return bytes < DIRECT_AREA ? roundUp(bytes, 64) : roundUp(bytes + DEVICE_BLOCK - 1, DEVICE_BLOCK);
}
