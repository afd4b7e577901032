import { DEVICE_BLOCK, roundUp } from '../../../native-bridge/memory.js';
import { MIN_RING_SLOTS, ringSlots } from '../../cache/ring-slots.js';
import type { Floors, RingSize } from '../arena.js';
import type { MatrixUnits } from './matrix-units.js';

/** The share of what is left that slots of experts or neurons get before any matrix does. */
const SLOTS_SHARE = 1 / 4;

/** The resident half's matrices, divided between memory and flash. */
export interface DensePlacement {
  /** Those that stream, in the order of a pass. */
  streamed: readonly MatrixUnits[];
  /** Memory of the others. */
  heldBytes: number;
  /** The ring that they need; null where none streams. */
  ring: RingSize | null;
}

/**
 * Decides which matrices stay in memory, where `bytes` are left for them and for the arena. All do where the arena is
 * then still of a good size. Otherwise what reads ahead comes first, then as many matrices as fit, the head before the
 * layers: a prompt that is scored needs it often.
 */
export function placeDense(matrices: readonly MatrixUnits[], bytes: number, floors: Floors): DensePlacement {
  const all = sum(matrices.map(({ heldBytes }) => heldBytes));
  const resident = { streamed: [], heldBytes: all, ring: null };
  const good = bytes - all >= floors.goodBytes;
  const only = bytes - all >= floors.bytes && bytes < streamingFloor(matrices, floors);
  if (matrices.length === 0 || good || only) return resident;
  const slotBytes = ringSlotBytes(matrices, floors);
  const beside = floors.ringSlotBytes > 0 ? 0 : Math.max(floors.bytes, Math.min(floors.goodBytes, bytes * SLOTS_SHARE));
  const slots = ringSlots(Math.max(MIN_RING_SLOTS, Math.floor((bytes - beside) / slotBytes)));
  let left = bytes - beside - slots * slotBytes;
  const held = new Set<MatrixUnits>();
  for (const matrix of [matrices[matrices.length - 1], ...matrices]) {
    if (held.has(matrix) || matrix.heldBytes > left) continue;
    held.add(matrix);
    left -= matrix.heldBytes;
  }
  if (held.size === matrices.length) return resident;
  return {
    streamed: matrices.filter((matrix) => !held.has(matrix)),
    heldBytes: sum([...held].map(({ heldBytes }) => heldBytes)),
    ring: { slots, slotBytes },
  };
}

/** The least memory for matrices and arena together, where as much streams as can. */
export const leastBytes = (matrices: readonly MatrixUnits[], floors: Floors): number =>
  Math.min(sum(matrices.map(({ heldBytes }) => heldBytes)) + floors.bytes, streamingFloor(matrices, floors));

const streamingFloor = (matrices: readonly MatrixUnits[], floors: Floors): number =>
  MIN_RING_SLOTS * ringSlotBytes(matrices, floors) + (floors.ringSlotBytes > 0 ? 0 : floors.bytes);

/** A slot of the ring takes a unit of anything that passes through it. */
const ringSlotBytes = (matrices: readonly MatrixUnits[], { ringSlotBytes: ofUnits }: Floors): number =>
  roundUp(Math.max(ofUnits, ...matrices.map(({ slotBytes }) => slotBytes)), DEVICE_BLOCK);

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
