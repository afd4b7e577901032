import type { BundleGeometry } from '../../native-bridge/bridge.js';
import type { CachePolicyName } from '../cache/policy.js';
import type { SelectorName } from '../select/selector.js';
import type { Allocation, AllocationRequest } from './allocation.js';
import { divideArena, poolFloors, ringFloors, slotFloors } from './arena.js';
import { unitsOfMatrices } from './dense/matrix-units.js';
import { leastBytes, placeDense } from './dense/place-dense.js';
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
  const pools = cache.kind === 'lfu' && spec.experts !== null;
  const floors =
    selector === 'all' && cache.kind === 'pin'
      ? ringFloors(units)
      : pools
        ? poolFloors(units)
        : slotFloors(units, selector !== 'all' && !spec.experts);
  const fixed = fixedBytes(request, selector, units);
  const matrices = unitsOfMatrices(request.dense.matrices);
  const least = leastBytes(matrices, floors);
  const minimumBytes = fixed.residentBytes + fixed.stateBytes + fixed.scratchBytes + least;
  const left = Math.max(least, budgetBytes - minimumBytes + least);
  const dense = placeDense(matrices, left, floors);
  const arena = divideArena(units, floors, left - dense.heldBytes, pools, dense.ring);
  const denseStreamedBytes = sum(dense.streamed.map(({ bytes }) => bytes));
  const ffnBytes = sum(units.map(streamedBytes));
  const reads = expectedReads(request, selector, cache, units, arena.slots);
  return {
    fits: budgetBytes >= minimumBytes,
    selector,
    cache,
    reason,
    layers: arena.layers,
    ring: arena.ring,
    lent: null,
    arenaBytes: arena.arenaBytes,
    streamed: dense.streamed,
    denseStreamedBytes,
    ...fixed,
    residentBytes: fixed.residentBytes + dense.heldBytes,
    minimumBytes,
    ffnBytes,
    ...reads,
    bytesPerToken: reads.bytesPerToken + denseStreamedBytes,
  };
}

/** Bytes beside the slots and the matrices of the resident half: they do not depend on the budget. */
function fixedBytes(
  request: AllocationRequest,
  selector: SelectorName,
  units: readonly UnitShape[],
): Pick<Allocation, 'residentBytes' | 'stateBytes' | 'scratchBytes'> {
  const { spec, layers, dense, threads, contextSize, sequences, stateFormat, visionBytes, lookupBytes } = request;
  const work = {
    perNeuron: scratchPerNeuron(selector),
    keepsHidden: layers.some(({ downOrientation }) => downOrientation === 'apart'),
    sequences,
  };
  return {
    residentBytes:
      dense.residentBytes -
      sum(dense.matrices.map(({ heldBytes }) => heldBytes)) +
      request.routerBytes +
      sum(units.map((unit) => unit.residentBytes)) +
      selectorBytes(request, selector) +
      checksumBytes(layers),
    stateBytes: sequences * stateBytes(spec, contextSize, stateFormat),
    scratchBytes: dense.scratchBytes + scratchBytes(spec, contextSize, threads, work) + visionBytes + lookupBytes,
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
