import { rowBytes } from '../../native-bridge/formats.js';
import { openBridge } from '../../native-bridge/index.js';
import { denseFootprint } from '../dense/footprint.js';
import { FlashrowError } from '../errors.js';
import { layerTensor } from '../model/tensor-names.js';
import { allocate } from './allocate.js';
import type { Allocation } from './allocation.js';
import type { Calibration } from './calibration.js';
import { forecast } from './forecast.js';
import { overheadBytes } from './memory.js';
import type { ModelOptions } from './model-options.js';
import type { Outline } from './outline.js';
import type { Plan } from './plan.js';
import { policyName, type Settings, settingsFor } from './settings.js';

export interface PlannedModel {
  plan: Plan;
  allocation: Allocation;
  settings: Settings;
  /**
   * Share of the active neurons that a guessing selector missed in its calibration; null for exact ones, and without a
   * calibration.
   */
  falseNegativeRate: number | null;
}

/** A load needs no forecast, and times nothing. */
const UNTIMED: Plan['forecast'] = { tokensPerSecond: null, firstTokenSeconds: null, basis: 'not timed' };

/**
 * Spends the caller's budget on a model. Throws BAD_USAGE or UNSUPPORTED. A plan that does not fit is an answer, not an
 * error.
 */
export function planOutline(outline: Outline, options: ModelOptions): PlannedModel {
  const { spec, layers, tensors } = outline;
  const settings = settingsFor(spec, options);
  const dense = denseFootprint(spec, tensors);
  const wantsHot = settings.cache !== 'auto' && settings.cache.kind === 'hot+lru';
  const calibration = settings.lossy || wantsHot ? outline.calibration() : null;
  if (wantsHot && calibration === null)
    throw new FlashrowError(
      'UNSUPPORTED',
      'the cache hot+lru needs to know which neurons are used most; run `calibrateStore()` on this model first',
      { option: 'tuning.cache', cache: 'hot+lru' },
    );
  const allocation = allocate({ spec, layers, dense, routerBytes: routerBytes(outline), calibration, ...settings });
  if (wantsHot && (allocation.selector === 'all' || allocation.selector === 'router'))
    throw new FlashrowError(
      'BAD_USAGE',
      `the cache hot+lru is for selectors that pick neurons, not for ${allocation.selector}; set \`tuning.cache\` to auto`,
      { option: 'tuning.cache', cache: 'hot+lru', selector: allocation.selector },
    );
  const plan: Plan = {
    fits: allocation.fits,
    minimumBytes: allocation.minimumBytes,
    budgetBytes: settings.budgetBytes,
    residentBytes: allocation.residentBytes,
    stateBytes: allocation.stateBytes,
    scratchBytes: allocation.scratchBytes,
    cacheBytes: allocation.arenaBytes,
    overheadBytes: overheadBytes(spec, dense.overheadBytes),
    ffnBytes: allocation.ffnBytes,
    cachedShare: allocation.cachedShare,
    bytesPerToken: allocation.bytesPerToken,
    conversion: outline.conversion,
    forecast: UNTIMED,
    selector: allocation.selector,
    cachePolicy: policyName(allocation.cache),
    reason: allocation.reason,
  };
  return { plan, allocation, settings, falseNegativeRate: missRate(allocation.selector, calibration) };
}

function routerBytes({ spec, tensors }: Outline): number {
  if (!spec.experts) return 0;
  const { numExperts } = spec.experts;
  let bytes = 0;
  for (let layer = 0; layer < spec.numLayers; layer++) {
    const { format } = tensors.get(layerTensor(layer, 'router'))!;
    bytes += numExperts * rowBytes(format, spec.hiddenSize);
  }
  return bytes;
}

function missRate(selector: Allocation['selector'], calibration: Calibration | null): number | null {
  if (selector === 'low-rank') return calibration?.falseNegativeRate ?? null;
  return selector === 'sign' ? (calibration?.signFalseNegativeRate ?? null) : null;
}

/** The same plan with a forecast. It reads up to 64 MB of the model's file. */
export function withForecast({ plan, allocation, settings }: PlannedModel, { spec, probePath, sample }: Outline): Plan {
  const bridge = openBridge({ threads: settings.threads });
  try {
    return {
      ...plan,
      forecast: forecast({
        bridge,
        path: probePath,
        sample,
        allocation,
        experts: spec.experts !== null,
        denseBytes: plan.residentBytes,
      }),
    };
  } finally {
    bridge.dispose();
  }
}
