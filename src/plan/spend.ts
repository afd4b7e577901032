import type { BundleGeometry } from '../../native-bridge/bridge.js';
import { DEVICE_BLOCK, roundUp } from '../../native-bridge/memory.js';
import { MIN_RING_SLOTS, ringSlots } from '../cache/ring-slots.js';
import type { ModelSpec } from '../model/spec.js';
import type { Calibration } from './calibration.js';
import { expertMissShare } from './expert-reuse.js';
import { scratchBytes } from './scratch.js';
import { stateBytes } from './state.js';
import { layerBytes, type UnitShape, unitsOfAll, unitsOfGate, unitsWhole } from './units.js';

/** The share of a layer's neurons that one token is expected to wake, before calibration tells: published for ReLU models (ProSparse, arXiv 2402.13516). */
const ACTIVE_SHARE = 0.12;
/** What `sign` chooses without a threshold from calibration: about as many weights agree with the input's signs as do not. */
const SIGN_SHARE = 0.5;

export type Selector = 'all' | 'gate' | 'low-rank' | 'sign' | 'router' | 'trace';
export interface CachePolicy {
  kind: 'lru' | 'window' | 'pin' | 'lfu' | 'hot+lru';
  /** Tokens, for `window`. */
  window: number;
}

export interface AllocationRequest {
  spec: ModelSpec;
  layers: readonly BundleGeometry[];
  /** The resident half, as dense/ accounts for it. */
  dense: { residentBytes: number; scratchBytes: number };
  /** The routers of a mixture of experts. */
  routerBytes: number;
  budgetBytes: number;
  contextSize: number;
  stateFormat: 'f16' | 'f32';
  threads: number;
  selector: 'auto' | Selector;
  cache: 'auto' | CachePolicy;
  /** Whether selectors may guess. */
  lossy: boolean;
  /** What calibration found out about the model; null where it was not asked, or not calibrated. */
  calibration: Calibration | null;
}

export interface LayerAllocation {
  unit: UnitShape;
  /** Which layers it shares its slots with, those of the same number: then offset and slots are all of theirs. Null where it has its own. */
  pool: number | null;
  /** Arena bytes from the start; a multiple of 4096. */
  arenaOffset: number;
  /** Units held at once; with `pin` those that stay (under the selector `all`, which has the ring besides). */
  slots: number;
}

/** A budget, spent. */
export interface Allocation {
  fits: boolean;
  selector: Selector;
  cache: CachePolicy;
  reason: string;
  layers: LayerAllocation[];
  ring: { arenaOffset: number; slots: number; slotBytes: number } | null;
  arenaBytes: number;
  residentBytes: number;
  stateBytes: number;
  scratchBytes: number;
  minimumBytes: number;
  ffnBytes: number;
  cachedShare: number;
  /** Expected payload per generated token. */
  bytesPerToken: number;
  /** Streamed weights that a token is expected to need, cached or not. */
  touchedBytes: number;
}

const UNITS_OF = {
  all: unitsOfAll,
  gate: unitsOfGate,
  'low-rank': unitsWhole,
  sign: unitsWhole,
  router: unitsWhole,
  trace: unitsWhole,
};
const DEFAULT_CACHE = { all: 'pin', gate: 'lfu', 'low-rank': 'lfu', sign: 'lfu', router: 'lfu', trace: 'lru' } as const;

/** What a budget buys under one selector: what must be resident first, the rest on bundle slots. */
export function spend(request: AllocationRequest, selector: Selector, reason: string): Allocation {
  const { spec, layers, dense, threads } = request;
  const units = layers.map(UNITS_OF[selector]);
  const cache = request.cache === 'auto' ? { kind: DEFAULT_CACHE[selector], window: 0 } : request.cache;
  const streams = selector === 'all' && cache.kind === 'pin';
  const choosesNeurons = selector !== 'all' && !spec.experts;
  const floors = units.map((unit) =>
    streams ? 0 : Math.min(unit.units, choosesNeurons ? Math.max(2, Math.ceil(unit.units / 8)) : 2),
  );
  const ringSlotBytes = roundUp(Math.max(...units.map((unit) => unit.slotBytes)), DEVICE_BLOCK);
  const floorBytes = streams
    ? MIN_RING_SLOTS * ringSlotBytes
    : sum(units.map((unit, i) => roundUp(floors[i] * unit.slotBytes, DEVICE_BLOCK)));

  const resident =
    dense.residentBytes +
    request.routerBytes +
    sum(units.map((unit) => unit.residentBytes)) +
    selectorBytes(request, selector) +
    checksumBytes(layers);
  const state = stateBytes(spec, request.contextSize, request.stateFormat);
  const scratch = dense.scratchBytes + scratchBytes(spec, request.contextSize, threads, scratchPerNeuron(selector));
  const fixed = resident + state + scratch;
  const everything = sum(units.map((unit) => roundUp(unit.units * unit.slotBytes, DEVICE_BLOCK)));
  const minimumBytes = fixed + Math.min(floorBytes, everything);
  const fits = request.budgetBytes >= minimumBytes;
  const left = Math.max(request.budgetBytes - fixed, Math.min(floorBytes, everything));

  const slotsOfRing = streams && left < everything ? ringSlots(Math.floor(left / ringSlotBytes)) : 0;
  const slots = share(units, floors, left - slotsOfRing * ringSlotBytes);
  const shares = cache.kind === 'lfu' && spec.experts !== null && slots.some((count, i) => count < units[i].units);
  const placed = shares ? poolBySize(units, slots) : placeEach(units, slots);
  let { arenaBytes } = placed;
  const ring = slotsOfRing ? { arenaOffset: arenaBytes, slots: slotsOfRing, slotBytes: ringSlotBytes } : null;
  arenaBytes += slotsOfRing * ringSlotBytes;

  const streamable = sum(units.map((unit) => unit.bundles * unit.bundleBytes));
  const cached = sum(units.map((unit, i) => Math.min(slots[i] * unit.bundlesPerUnit, unit.bundles) * unit.bundleBytes));
  const keptByGate = sum(units.map((unit) => unit.residentBytes));
  const cachedShare = Math.min(1, (cached + keptByGate) / (streamable + keptByGate));
  const missShare = cached >= streamable ? 0 : expectedMisses(request, selector, cache, cached / streamable);
  const touched = sum(
    units.map((unit, layer) => unit.bundles * unit.bundleBytes * touchedShare(request, selector, layer)),
  );
  return {
    fits,
    selector,
    cache,
    reason,
    layers: placed.layers,
    ring,
    arenaBytes,
    residentBytes: resident,
    stateBytes: state,
    scratchBytes: scratch,
    minimumBytes,
    ffnBytes: sum(layers.map(layerBytes)),
    cachedShare,
    bytesPerToken: Math.round(touched * missShare),
    touchedBytes: Math.round(touched),
  };
}

/** The share of a layer's streamed half that one token is expected to need. */
function touchedShare({ spec, calibration }: AllocationRequest, selector: Selector, layer: number): number {
  if (spec.experts) return spec.experts.numExpertsPerToken / spec.experts.numExperts;
  const known = calibration?.layers[layer];
  if (selector === 'all') return 1;
  if (selector === 'low-rank') return known?.chosenShare ?? 1;
  if (selector === 'sign') return known?.signShare ?? SIGN_SHARE;
  return known?.activeShare ?? ACTIVE_SHARE;
}

/** The share of what a token needs that is expected not to be in memory, where `cachedShare` of the streamed half is. */
function expectedMisses(
  { spec }: AllocationRequest,
  selector: Selector,
  { kind }: CachePolicy,
  cachedShare: number,
): number {
  if (spec.experts && kind !== 'pin') return expertMissShare(cachedShare);
  // A cyclic scan finds nothing in any cache but a pinned one.
  return kind === 'pin' || selector !== 'all' ? 1 - cachedShare : 1;
}

/** What a selector keeps in memory besides bundles' own parts. */
function selectorBytes({ layers, calibration }: AllocationRequest, selector: Selector): number {
  if (selector === 'low-rank') return sum(calibration?.layers.map(({ predictorBytes }) => predictorBytes) ?? []);
  if (selector === 'sign') return sum(layers.map((layer) => layer.numNeurons * (signRowBytes(layer.hiddenSize) + 4)));
  return 0;
}

/** Bytes per neuron and token of a chunk: a selector's products; scores, masks and what is asked, where it guesses. */
function scratchPerNeuron(selector: Selector): number {
  if (selector === 'gate') return 4;
  return selector === 'low-rank' || selector === 'sign' ? 13 : 0;
}

/** Slots per layer: the floors, then the same bytes for each; what rounding leaves over goes to the first layers that can use it. */
function share(units: readonly UnitShape[], floors: readonly number[], bytes: number): number[] {
  const cost = (i: number, slots: number) => roundUp(slots * units[i].slotBytes, DEVICE_BLOCK);
  const beyondFloors = bytes - sum(floors.map((floor, i) => cost(i, floor)));
  const each = Math.max(0, Math.floor(beyondFloors / units.length / DEVICE_BLOCK) * DEVICE_BLOCK);
  const slots = units.map((unit, i) => Math.min(unit.units, floors[i] + Math.floor(each / unit.slotBytes)));
  let left = bytes - sum(slots.map((count, i) => cost(i, count)));
  for (let grew = true; grew; ) {
    grew = false;
    for (let i = 0; i < units.length; i++) {
      const more = cost(i, slots[i] + 1) - cost(i, slots[i]);
      if (slots[i] < units[i].units && more <= left) {
        slots[i] += 1;
        left -= more;
        grew = true;
      }
    }
  }
  return slots;
}

interface Placed {
  layers: LayerAllocation[];
  arenaBytes: number;
}

function placeEach(units: readonly UnitShape[], slots: readonly number[]): Placed {
  let arenaBytes = 0;
  const layers = units.map((unit, i) => {
    const arenaOffset = arenaBytes;
    arenaBytes += roundUp(slots[i] * unit.slotBytes, DEVICE_BLOCK);
    return { unit, pool: null, arenaOffset, slots: slots[i] };
  });
  return { layers, arenaBytes };
}

/** Layers whose slots are of one size put theirs together. */
function poolBySize(units: readonly UnitShape[], slots: readonly number[]): Placed {
  const slotsOf = new Map<number, number>();
  units.forEach(({ slotBytes }, i) => {
    slotsOf.set(slotBytes, (slotsOf.get(slotBytes) ?? 0) + slots[i]);
  });
  let arenaBytes = 0;
  const pools = new Map(
    Array.from(slotsOf, ([slotBytes, count], pool) => {
      const arenaOffset = arenaBytes;
      arenaBytes += roundUp(count * slotBytes, DEVICE_BLOCK);
      return [slotBytes, { pool, arenaOffset, slots: count }];
    }),
  );
  return { layers: units.map((unit) => ({ unit, ...pools.get(unit.slotBytes)! })), arenaBytes };
}

/** The reader keeps every bundle's checksum, and a bit that says it was compared. */
const checksumBytes = (layers: readonly BundleGeometry[]) =>
  sum(
    layers.map((layer) => Math.ceil((layer.numNeurons / layer.neuronsPerBundle) * layer.segments.length * (4 + 1 / 8))),
  );

/** A bit for each column, in whole words. */
const signRowBytes = (columns: number) => 8 * Math.ceil(columns / 64);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
