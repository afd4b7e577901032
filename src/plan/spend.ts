import type { BundleGeometry } from '../../native-bridge/bridge.js';
import type { CachePolicyName } from '../cache/policy.js';
import type { SelectorName } from '../select/selector.js';
import type { Allocation, AllocationRequest } from './allocation.js';
import { divideArena, ringFloors, slotFloors, wholeBytes } from './arena.js';
import { expectedReads } from './expected-reads.js';
import { scratchBytes, stateBytes } from './memory.js';
import { streamedBytes, type UnitShape, unitsOfAll, unitsOfGate, unitsWhole } from './units.js';

/** How a selector's layers are cut into units, and the cache it gets where the caller leaves that open. */
const TRAITS: Record<SelectorName, { unitsOf: (layer: BundleGeometry) => UnitShape; cache: CachePolicyName }> = {
  all: { unitsOf: unitsOfAll, cache: 'pin' },
  gate: { unitsOf: unitsOfGate, cache: 'lfu' },
  'low-rank': { unitsOf: unitsWhole, cache: 'lfu' },
  sign: { unitsOf: unitsWhole, cache: 'lfu' },
  router: { unitsOf: unitsWhole, cache: 'lfu' },
  trace: { unitsOf: unitsWhole, cache: 'lru' },
};

/**
 * Spends a budget under one selector: first on what must be resident, then on slots. `reason` says why this selector,
 * in words.
 */
export function spend(request: AllocationRequest, selector: SelectorName, reason: string): Allocation {
  const { spec, layers, budgetBytes } = request;
  const traits = TRAITS[selector];
  const units = layers.map(traits.unitsOf);
  const cache = request.cache === 'auto' ? { kind: traits.cache, window: 0 } : request.cache;
  const floors =
    selector === 'all' && cache.kind === 'pin'
      ? ringFloors(units)
      : slotFloors(units, selector !== 'all' && !spec.experts);
  const smallestArena = Math.min(floors.bytes, wholeBytes(units));
  const fixed = fixedBytes(request, selector, units);
  const beforeArena = fixed.residentBytes + fixed.stateBytes + fixed.scratchBytes;
  const minimumBytes = beforeArena + smallestArena;
  const arena = divideArena(
    units,
    floors,
    Math.max(budgetBytes - beforeArena, smallestArena),
    cache.kind === 'lfu' && spec.experts !== null,
  );
  const ffnBytes = sum(units.map(streamedBytes));
  return {
    fits: budgetBytes >= minimumBytes,
    selector,
    cache,
    reason,
    layers: arena.layers,
    ring: arena.ring,
    arenaBytes: arena.arenaBytes,
    ...fixed,
    minimumBytes,
    ffnBytes,
    cachedShare: Math.min(1, arena.arenaBytes / ffnBytes),
    ...expectedReads(request, selector, cache, units, arena.slots),
  };
}

/** Bytes beside the slots: they do not depend on the budget. */
function fixedBytes(
  request: AllocationRequest,
  selector: SelectorName,
  units: readonly UnitShape[],
): Pick<Allocation, 'residentBytes' | 'stateBytes' | 'scratchBytes'> {
  const { spec, layers, dense, threads, contextSize, stateFormat } = request;
  const work = {
    perNeuron: scratchPerNeuron(selector),
    keepsHidden: layers.some(({ downOrientation }) => downOrientation === 'apart'),
  };
  return {
    residentBytes:
      dense.residentBytes +
      request.routerBytes +
      sum(units.map((unit) => unit.residentBytes)) +
      selectorBytes(request, selector) +
      checksumBytes(layers),
    stateBytes: stateBytes(spec, contextSize, stateFormat),
    scratchBytes: dense.scratchBytes + scratchBytes(spec, contextSize, threads, work),
  };
}

/** Bytes that a selector keeps in memory besides parts of bundles. */
function selectorBytes({ layers, calibration }: AllocationRequest, selector: SelectorName): number {
  if (selector === 'low-rank') return sum(calibration?.layers.map(({ predictorBytes }) => predictorBytes) ?? []);
  if (selector === 'sign') return sum(layers.map((layer) => layer.numNeurons * (signRowBytes(layer.hiddenSize) + 4)));
  return 0;
}

/**
 * Bytes per neuron and token of a chunk: the products of a gate, or the scores, masks and units of a selector that
 * guesses.
 */
function scratchPerNeuron(selector: SelectorName): number {
  if (selector === 'gate') return 4;
  return selector === 'low-rank' || selector === 'sign' ? 13 : 0;
}

/** The reader keeps the checksum of every bundle, and a bit that says it was compared. */
const checksumBytes = (layers: readonly BundleGeometry[]) =>
  sum(
    layers.map((layer) => Math.ceil((layer.numNeurons / layer.neuronsPerBundle) * layer.segments.length * (4 + 1 / 8))),
  );

/** A bit for each column, in whole words. */
const signRowBytes = (columns: number) => 8 * Math.ceil(columns / 64);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
