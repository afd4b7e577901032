import { rowBytes } from '../../native-bridge/formats.js';
import { openBridge } from '../../native-bridge/index.js';
import { denseFootprint } from '../dense/footprint.js';
import { FlashrowError } from '../errors.js';
import { layerTensor } from '../model/tensor-names.js';
import { allocate } from './allocate.js';
import type { Calibration } from './calibration.js';
import { forecast } from './forecast.js';
import type { ModelOptions } from './model-options.js';
import type { Outline } from './outline.js';
import { overheadBytes } from './overhead.js';
import type { Plan } from './plan.js';
import { policyName, type Settings, settingsFor } from './settings.js';
import type { Allocation } from './spend.js';

export interface PlannedModel {
  plan: Plan;
  allocation: Allocation;
  settings: Settings;
  /** What calibration measured of a selector that guesses; null for the others. */
  falseNegativeRate: number | null;
}

/** Without timing anything: what a load goes by. */
const UNTIMED: Plan['forecast'] = { tokensPerSecond: null, firstTokenSeconds: null, basis: 'not timed' };

/** Spends the caller's budget on a model. Throws BAD_USAGE or UNSUPPORTED; not fitting is an answer, not an error. */
export function planOutline(outline: Outline, options: ModelOptions): PlannedModel {
  const { spec, layers, tensors } = outline;
  const settings = settingsFor(spec, options);
  const dense = denseFootprint(spec, tensors);
  const wantsHot = settings.cache !== 'auto' && settings.cache.kind === 'hot+lru';
  const calibration = settings.lossy || wantsHot ? outline.calibration() : null;
  if (wantsHot && calibration === null)
    throw new FlashrowError(
      'UNSUPPORTED',
      '--cache hot+lru needs to know which neurons are used most; run `flashrow calibrate` on this model first',
      { cache: 'hot+lru' },
    );
  const allocation = allocate({ spec, layers, dense, routerBytes: routerBytes(outline), calibration, ...settings });
  if (wantsHot && (allocation.selector === 'all' || allocation.selector === 'router'))
    throw new FlashrowError(
      'BAD_USAGE',
      `--cache hot+lru is for selectors that pick neurons, not for ${allocation.selector}; use --cache auto`,
      { cache: 'hot+lru', selector: allocation.selector },
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
  return { plan, allocation, settings, falseNegativeRate: missedBy(allocation.selector, calibration) };
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

function missedBy(selector: Allocation['selector'], calibration: Calibration | null): number | null {
  if (selector === 'low-rank') return calibration?.falseNegativeRate ?? null;
  return selector === 'sign' ? (calibration?.signFalseNegativeRate ?? null) : null;
}

/** The same plan with a forecast, for which up to 64 MB of the model's file are read. */
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
