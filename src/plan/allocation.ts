import type { BundleGeometry, Extension } from '../../native-bridge/bridge.js';
import type { CachePolicy } from '../cache/policy.js';
import type { DenseFootprint } from '../dense/footprint.js';
import type { ModelSpec } from '../model/spec.js';
import type { SelectorName } from '../select/selector.js';
import type { Calibration } from './calibration.js';
import type { MatrixUnits } from './dense/matrix-units.js';
import type { StateFormat } from './state-format.js';
import type { UnitShape } from './units.js';

/** A model, a budget, and the choices that the caller made. Sizes are bytes. */
export interface AllocationRequest {
  spec: ModelSpec;
  layers: readonly BundleGeometry[];
  /** The resident half, as dense/ accounts for it. */
  dense: DenseFootprint;
  /** The routers of a mixture of experts. */
  routerBytes: number;
  /** What pictures take: the tower at work, and embeddings. */
  visionBytes: number;
  /** What looking up earlier places of a text takes. */
  lookupBytes: number;
  budgetBytes: number;
  /** Tokens. */
  contextSize: number;
  /** Contexts that are held side by side. */
  sequences: number;
  stateFormat: StateFormat;
  threads: number;
  selector: 'auto' | SelectorName;
  cache: 'auto' | CachePolicy;
  /** Whether selectors may guess. */
  lossy: boolean;
  /** The figures of a calibration; null where nobody asked for them, or the model was not calibrated. */
  calibration: Calibration | null;
}

export interface LayerAllocation {
  unit: UnitShape;
  /**
   * Layers of the same number share their slots: offset and slots are then all of theirs. Null where the layer has its
   * own.
   */
  pool: number | null;
  /** Arena bytes from the start; a multiple of 4096. */
  arenaOffset: number;
  /** Units that are held at once. Under `pin` and the selector `all` these stay for good, and the ring is besides. */
  slots: number;
}

/** Memory of a draft model that the cache can have in its place. */
export interface Lent extends Extension {
  /** Bytes that a pass over the model then reads less. */
  savedBytes: number;
}

/** A budget, spent. */
export interface Allocation {
  fits: boolean;
  selector: SelectorName;
  cache: CachePolicy;
  /** Why this selector, in words. */
  reason: string;
  layers: LayerAllocation[];
  ring: { arenaOffset: number; slots: number; slotBytes: number } | null;
  /** What the cache gets while a draft model is let go; null where nothing would be read less for it. */
  lent: Lent | null;
  /** The resident half's matrices that pass through the ring, in the order of a pass. */
  streamed: readonly MatrixUnits[];
  /** Bytes of those matrices: every token reads them. */
  denseStreamedBytes: number;
  arenaBytes: number;
  residentBytes: number;
  stateBytes: number;
  scratchBytes: number;
  minimumBytes: number;
  /** The streamed half as it lies on disk. Gates that stay in memory are not part of it. */
  ffnBytes: number;
  /** The share of the streamed half that the slots hold, 0 to 1. A ring holds nothing for long, and does not count. */
  cachedShare: number;
  /** Expected payload per generated token, streamed matrices included. */
  bytesPerToken: number;
  /** Streamed weights that a token is expected to need, cached or not. */
  touchedBytes: number;
}
