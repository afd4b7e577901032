import type { BundleGeometry } from '../../native-bridge/bridge.js';
import { payloadOf } from '../../native-bridge/bundles.js';
import type { CachePolicy } from '../cache/policy.js';
import { expertsOf } from '../model/feed-forward.js';
import type { SelectorName } from '../select/selector.js';
import type { Allocation, AllocationRequest } from './allocation.js';
import { expertMissShare } from './expert-reuse.js';
import { streamedBytes, type UnitShape } from './units.js';

/**
 * The share of a layer's neurons that one token is expected to wake, where no calibration tells. Published for ReLU
 * models (ProSparse, arXiv 2402.13516).
 */
const ACTIVE_SHARE = 0.12;
/**
 * The share that `sign` chooses without a threshold of a calibration: as many weights agree with the input's signs as
 * do not.
 */
const SIGN_SHARE = 0.5;

export type ExpectedReads = Pick<Allocation, 'bytesPerToken' | 'touchedBytes' | 'cachedShare'>;

/** What a token is expected to need and to read, where each layer has `slots` for its units. */
export function expectedReads(
  request: AllocationRequest,
  selector: SelectorName,
  policy: CachePolicy,
  units: readonly UnitShape[],
  slots: readonly number[],
): ExpectedReads {
  const streamed = sum(units.map(streamedBytes));
  const cached = sum(units.map((unit, i) => cachedBytes(request.layers[i], unit, slots[i])));
  const missShare = cached >= streamed ? 0 : expectedMisses(request, selector, policy, cached / streamed);
  const touched = sum(
    units.map((unit, layer) => unit.bundles * unit.bundleBytes * touchedShare(request, selector, layer)),
  );
  return {
    cachedShare: streamed === 0 ? 1 : Math.min(1, cached / streamed),
    bytesPerToken: Math.round(touched * missShare),
    touchedBytes: Math.round(touched),
  };
}

/** Bytes of the units that a layer's slots hold, filled from the first unit on: units need not be of one size. */
function cachedBytes(layer: BundleGeometry, unit: UnitShape, slots: number): number {
  const bundles = Math.min(slots * unit.bundlesPerUnit, unit.bundles);
  return unit.residentPart ? bundles * unit.bundleBytes : payloadOf(layer, bundles);
}

/** The share of a layer's streamed half that one token is expected to need. */
function touchedShare({ spec, calibration }: AllocationRequest, selector: SelectorName, layer: number): number {
  const experts = expertsOf(spec, layer);
  if (experts) return experts.numExpertsPerToken / experts.numExperts;
  if (spec.experts) return 1;
  const known = calibration?.layers[layer];
  if (selector === 'all') return 1;
  if (selector === 'low-rank') return known?.chosenShare ?? 1;
  if (selector === 'sign') return known?.signShare ?? SIGN_SHARE;
  return known?.activeShare ?? ACTIVE_SHARE;
}

/** The share of a token's units that is expected to be read, where `cachedShare` of the streamed half is in memory. */
function expectedMisses(
  { spec }: AllocationRequest,
  selector: SelectorName,
  { kind }: CachePolicy,
  cachedShare: number,
): number {
  if (spec.experts && kind !== 'pin') return expertMissShare(cachedShare);
  // A cyclic scan finds nothing in any cache but a pinned one.
  return kind === 'pin' || selector !== 'all' ? 1 - cachedShare : 1;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
