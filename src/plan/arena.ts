import type { Extension } from '../../native-bridge/bridge.js';
import { DEVICE_BLOCK, roundUp } from '../../native-bridge/memory.js';
import { GOOD_RING_SLOTS, MIN_RING_SLOTS, ringSlots } from '../cache/ring-slots.js';
import type { Allocation, LayerAllocation } from './allocation.js';
import type { UnitShape } from './units.js';

/**
 * A layer whose neurons are picked keeps at least this share of its units, so that a token's neurons do not go in many
 * waves.
 */
const NEURON_SHARE = 1 / 8;
/** One unit can then be read while another is computed. */
const MIN_SLOTS = 2;
/** Slots of experts that keep the disk busy. They come before anything else that could stream. */
const GOOD_POOL_SLOTS = 16;

/** The smallest cache that a selector works with. */
export interface Floors {
  /** Slots of each layer. */
  slots: readonly number[];
  /** Bytes of one ring slot; 0 where there is no ring. */
  ringSlotBytes: number;
  /** All of it together. */
  bytes: number;
  /** The same for a cache that keeps the disk busy. */
  goodBytes: number;
}

/** For models that ask for everything: no unit need stay, all of them pass through a ring. */
export function ringFloors(units: readonly UnitShape[]): Floors {
  const ringSlotBytes = roundUp(Math.max(...units.map((unit) => unit.slotBytes)), DEVICE_BLOCK);
  const whole = wholeBytes(units);
  return {
    slots: units.map(() => 0),
    ringSlotBytes,
    bytes: Math.min(whole, MIN_RING_SLOTS * ringSlotBytes),
    goodBytes: Math.min(whole, GOOD_RING_SLOTS * ringSlotBytes),
  };
}

/** For selectors that pick: some slots in each layer, more where they pick neurons. */
export function slotFloors(units: readonly UnitShape[], picksNeurons: boolean): Floors {
  const slots = units.map((unit) =>
    Math.min(unit.units, picksNeurons ? Math.max(MIN_SLOTS, Math.ceil(unit.units * NEURON_SHARE)) : MIN_SLOTS),
  );
  const bytes = sum(units.map((unit, i) => slotsBytes(unit, slots[i])));
  return { slots, ringSlotBytes: 0, bytes, goodBytes: bytes };
}

/** For layers that share slots of one size: some for all layers together. */
export function poolFloors(units: readonly UnitShape[]): Floors {
  const ofSize = new Map<number, number>();
  for (const { slotBytes, units: count } of units) ofSize.set(slotBytes, (ofSize.get(slotBytes) ?? 0) + count);
  const bytesFor = (slots: number) =>
    sum(Array.from(ofSize, ([slotBytes, count]) => slotsBytes({ slotBytes }, Math.min(slots, count))));
  // The first layers of a size bring the slots that all of its layers share.
  const missing = new Map(Array.from(ofSize, ([slotBytes, count]) => [slotBytes, Math.min(MIN_SLOTS, count)]));
  const slots = units.map(({ slotBytes, units: count }) => {
    const brought = Math.min(count, missing.get(slotBytes)!);
    missing.set(slotBytes, missing.get(slotBytes)! - brought);
    return brought;
  });
  return { slots, ringSlotBytes: 0, bytes: bytesFor(MIN_SLOTS), goodBytes: bytesFor(GOOD_POOL_SLOTS) };
}

/** Bytes of a cache that holds every unit. */
export const wholeBytes = (units: readonly UnitShape[]): number =>
  sum(units.map((unit) => slotsBytes(unit, unit.units)));

/** The slots of a ring. */
export interface RingSize {
  slots: number;
  slotBytes: number;
}

/** The ring through which units pass alone; no slots where there is none. */
function ringOfUnits(units: readonly UnitShape[], { ringSlotBytes }: Floors, bytes: number): RingSize {
  if (ringSlotBytes === 0 || bytes >= wholeBytes(units)) return { slots: 0, slotBytes: 0 };
  return { slots: ringSlots(Math.floor(bytes / ringSlotBytes)), slotBytes: ringSlotBytes };
}

/** The arena of a plan, and how many slots each layer brought into it. */
export interface Arena extends Pick<Allocation, 'layers' | 'ring' | 'arenaBytes'> {
  slots: readonly number[];
}

/**
 * Divides `bytes` into slots, and into the ring that `dense` asks for where matrices stream. With `mayPool`, layers
 * whose slots are of one size share them, unless everything fits.
 */
export function divideArena(
  units: readonly UnitShape[],
  floors: Floors,
  bytes: number,
  mayPool: boolean,
  dense: RingSize | null,
): Arena {
  const { slots: inRing, slotBytes: ringSlotBytes } = dense ?? ringOfUnits(units, floors, bytes);
  const slots = shareSlots(units, floors.slots, bytes - inRing * ringSlotBytes);
  const pooled = mayPool && slots.some((count, i) => count < units[i].units);
  const { layers, end } = pooled ? poolBySize(units, slots) : placeEach(units, slots);
  return {
    layers,
    slots,
    ring: inRing > 0 ? { arenaOffset: end, slots: inRing, slotBytes: ringSlotBytes } : null,
    arenaBytes: end + inRing * ringSlotBytes,
  };
}

/**
 * Slots of each layer: its floor, then the same bytes for each layer. Bytes that rounding leaves go to the first layers
 * that can use them.
 */
function shareSlots(units: readonly UnitShape[], floors: readonly number[], bytes: number): number[] {
  const beyondFloors = bytes - sum(units.map((unit, i) => slotsBytes(unit, floors[i])));
  const each = Math.max(0, Math.floor(beyondFloors / units.length / DEVICE_BLOCK) * DEVICE_BLOCK);
  const slots = units.map((unit, i) => Math.min(unit.units, floors[i] + Math.floor(each / unit.slotBytes)));
  let left = bytes - sum(units.map((unit, i) => slotsBytes(unit, slots[i])));
  for (let grew = true; grew; ) {
    grew = false;
    for (const [i, unit] of units.entries()) {
      const more = slotsBytes(unit, slots[i] + 1) - slotsBytes(unit, slots[i]);
      if (slots[i] < unit.units && more <= left) {
        slots[i] += 1;
        left -= more;
        grew = true;
      }
    }
  }
  return slots;
}

/** Slots that layers get besides, in `bytes` of another arena. Layers get them as `divideArena` shares a budget. */
export function moreSlots(layers: readonly LayerAllocation[], bytes: number): Extension {
  const missing = layers.map(({ unit, slots }) => ({ ...unit, units: unit.units - slots }));
  const slots = shareSlots(
    missing,
    missing.map(() => 0),
    bytes,
  );
  const placed = placeEach(missing, slots);
  return {
    arenaBytes: placed.end,
    layers: placed.layers.map(({ arenaOffset, slots }) => ({ arenaOffset, slots })),
  };
}

interface Placed {
  layers: LayerAllocation[];
  /** Where the arena is free from. */
  end: number;
}

function placeEach(units: readonly UnitShape[], slots: readonly number[]): Placed {
  let end = 0;
  const layers = units.map((unit, i) => {
    const arenaOffset = end;
    end += slotsBytes(unit, slots[i]);
    return { unit, pool: null, arenaOffset, slots: slots[i] };
  });
  return { layers, end };
}

/** Layers whose slots are of one size put theirs together. */
function poolBySize(units: readonly UnitShape[], slots: readonly number[]): Placed {
  const slotsOf = new Map<number, number>();
  units.forEach(({ slotBytes }, i) => {
    slotsOf.set(slotBytes, (slotsOf.get(slotBytes) ?? 0) + slots[i]);
  });
  let end = 0;
  const pools = new Map(
    Array.from(slotsOf, ([slotBytes, count], pool) => {
      const arenaOffset = end;
      end += slotsBytes({ slotBytes }, count);
      return [slotBytes, { pool, arenaOffset, slots: count }];
    }),
  );
  return { layers: units.map((unit) => ({ unit, ...pools.get(unit.slotBytes)! })), end };
}

const slotsBytes = ({ slotBytes }: Pick<UnitShape, 'slotBytes'>, slots: number) =>
  roundUp(slots * slotBytes, DEVICE_BLOCK);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
