import { rowBytes } from '../../native-bridge/formats.js';
import { denseFootprint } from '../dense/footprint.js';
import { formatBytes } from '../disk/format-bytes.js';
import { lookupBytes } from '../draft/lookup.js';
import { FlashrowError } from '../errors.js';
import { mixerResidentBytes } from '../mixers/footprint.js';
import { LOGIT_ROWS } from '../model/prefill-chunk.js';
import { layerTensor } from '../model/tensor-names.js';
import { visionBytes } from '../vision/vision-bytes.js';
import { allocate } from './allocate.js';
import type { Allocation } from './allocation.js';
import type { Calibration } from './calibration.js';
import { conversionShortage } from './conversion-space.js';
import { chooseDefaults, largestContext } from './default-budget.js';
import { lentSlots } from './drafts/lent-slots.js';
import { NO_SHADOW, type PlannedShadow, planShadow, whyNoShadow } from './drafts/shadow.js';
import { overheadBytes } from './memory.js';
import { type MemoryLeft, memoryLeft } from './memory-left.js';
import type { PlanOptions } from './model-options.js';
import { obstacleTo, type Sizes, shortage } from './obstacle.js';
import type { Outline } from './outline.js';
import type { Forecast, Plan } from './plan.js';
import { policyName, type Settings, settingsFor } from './settings.js';

export interface PlannedModel {
  plan: Plan;
  allocation: Allocation;
  settings: Settings & { budgetBytes: number };
  /**
   * Share of the active neurons that a guessing selector missed in its calibration; null for exact ones, and without a
   * calibration.
   */
  falseNegativeRate: number | null;
  /** The networks in few bits that the draft `self` computes with. */
  shadow: PlannedShadow;
}

/** Beyond any memory. */
const ANY_BYTES = 2 ** 50;

/** A load needs no forecast, and times nothing. */
const UNTIMED: Forecast = {
  tokensPerSecond: null,
  withDrafts: null,
  prefillTokensPerSecond: null,
  loadSeconds: null,
  promptTokens: 0,
  firstTokenSeconds: null,
  diskBytesPerSecond: null,
  basis: 'not timed',
};

/** A draft model within the budget. */
export interface DraftNeed {
  /** As the caller named it. */
  model: string;
  /** What it takes of the budget, all of it in memory, with so many tokens of context. */
  bytesFor: (contextSize: number) => number;
  /** What it takes beside the budget. */
  overheadBytes: number;
}

/**
 * Spends the caller's budget on a model and its draft, or a default that fits what is left. Throws BAD_USAGE or
 * UNSUPPORTED. A plan that does not fit is an answer, not an error.
 */
export function planOutline(
  outline: Outline,
  options: PlanOptions,
  left: MemoryLeft = memoryLeft(),
  draft: DraftNeed | null = null,
): PlannedModel {
  const { layers, tensors } = outline;
  const vision = visionBytes(options.vision ?? null, outline.spec);
  const { spec } = vision;
  const asked = settingsFor(spec, options);
  const dense = denseFootprint(spec, tensors);
  dense.residentBytes += mixerResidentBytes(spec, tensors);
  const calibration = calibrationFor(outline, asked);
  const request = { spec, layers, dense, routerBytes: routerBytes(outline), calibration, ...asked };
  const draftFor = (contextSize: number) => draft?.bytesFor(contextSize) ?? 0;
  const spendOn = (budgetBytes: number, contextSize: number, reserved = draftFor(contextSize)) =>
    allocate({
      ...request,
      budgetBytes: Math.max(0, budgetBytes - reserved),
      contextSize,
      visionBytes: vision.scratchBytes(asked.sequences * contextSize),
      lookupBytes: asked.draft === 'off' ? 0 : lookupBytes(contextSize, LOGIT_ROWS),
    });
  const minimumFor = (contextSize: number) => spendOn(0, contextSize).minimumBytes + draftFor(contextSize);
  const overhead = overheadBytes(spec) + vision.overheadBytes + (draft?.overheadBytes ?? 0);
  const chosen = chooseDefaults({ ...asked, left, overheadBytes: overhead, minimumFor });
  const settings = { ...asked, ...pickSizes(chosen) };
  const shadow = planSelf(settings, outline, () => spendOn(ANY_BYTES, chosen.contextSize, 0));
  const draftBytes = draftFor(chosen.contextSize) + shadow.bytes;
  const spent = spendOn(chosen.budgetBytes, chosen.contextSize, draftBytes);
  const allocation = { ...spent, lent: lentSlots(spent, draftBytes) };
  const { residentBytes, stateBytes, scratchBytes, arenaBytes: cacheBytes } = allocation;
  checkHot(settings.cache, allocation.selector);
  const sizes: Sizes = {
    minimumBytes: minimumFor(chosen.contextSize),
    ...pickSizes(chosen),
    largestContextSize: largestContext(chosen.budgetBytes, spec.contextLength, minimumFor),
    left,
    ...{ residentBytes, stateBytes, scratchBytes, cacheBytes, draftBytes },
    overheadBytes: overhead,
  };
  const obstacle = obstacleTo(sizes);
  const doubts = [
    obstacle === null ? shortage(sizes) : null,
    conversionShortage(outline),
    outline.copied,
    needlessLossy(settings.lossy, allocation.selector, calibration),
    shadow.why && `\`draft: 'self'\` foretells by lookup alone: ${shadow.why}`,
    draftBytes > 0 ? displaced(spent, spendOn(chosen.budgetBytes, chosen.contextSize, 0)) : null,
  ];
  const plan: Plan = {
    fits: obstacle === null,
    obstacle,
    ...sizes,
    ffnBytes: allocation.ffnBytes,
    cachedShare: allocation.cachedShare,
    denseStreamedBytes: allocation.denseStreamedBytes,
    bytesPerToken: allocation.bytesPerToken,
    conversion: outline.conversion,
    forecast: UNTIMED,
    stateFormat: settings.stateFormat,
    exact: computesEveryRow(allocation.selector) && settings.stateFormat !== 'q8',
    selector: allocation.selector,
    cachePolicy: policyName(allocation.cache),
    reason: allocation.reason,
    warnings: [...chosen.warnings, ...doubts.filter((doubt) => doubt !== null)],
  };
  return { plan, allocation, settings, falseNegativeRate: missRate(allocation.selector, calibration), shadow };
}

const pickSizes = ({ budgetBytes, contextSize }: Pick<Plan, 'budgetBytes' | 'contextSize'>) => ({
  budgetBytes,
  contextSize,
});

/** What to say where a draft has the place of weights that are then read for every token, whether it is used or not. */
function displaced(beside: Allocation, alone: Allocation): string | null {
  const bytes = beside.denseStreamedBytes - alone.denseStreamedBytes;
  if (bytes <= 0) return null;
  return `beside the draft ${formatBytes(bytes)} of attention, embedding and head do not fit, and are read for every token also where the draft is let go; a larger budget, or \`draft: 'off'\`, keeps them in memory`;
}

/**
 * What the draft `self` takes of a budget, where the settings ask for it; `whole` plans with memory for all of the
 * model. Throws UNSUPPORTED for a model that cannot draft for itself.
 */
function planSelf(
  { draft, budgetBytes, ...state }: Settings & { budgetBytes: number },
  { spec, layers }: Outline,
  whole: () => Allocation,
): PlannedShadow {
  if (draft !== 'self') return NO_SHADOW;
  const why = whyNoShadow(spec, layers, state);
  if (why === null) return planShadow(spec, budgetBytes, whole());
  throw new FlashrowError('UNSUPPORTED', `the model cannot draft for itself (\`draft: 'self'\`): ${why}`, {
    option: 'draft',
    value: 'self',
  });
}

/** The figures of a calibration, where the settings ask for them. Throws UNSUPPORTED where they need them. */
function calibrationFor(outline: Outline, { cache, lossy }: Settings): Calibration | null {
  const calibration = lossy || isHot(cache) ? outline.calibration() : null;
  if (isHot(cache) && calibration === null)
    throw new FlashrowError(
      'UNSUPPORTED',
      'the cache hot+lru needs to know which neurons are used most; run `calibrateStore()` on this model first',
      { option: 'tuning.cache', cache: 'hot+lru' },
    );
  return calibration;
}

/** Whether a selector computes the same as every row would. */
const computesEveryRow = (selector: Allocation['selector']): boolean => ['all', 'gate', 'router'].includes(selector);

/** What to say where guessing was permitted, and nothing guesses. */
function needlessLossy(lossy: boolean, selector: Allocation['selector'], known: Calibration | null): string | null {
  if (!lossy || !computesEveryRow(selector)) return null;
  const remedy = known === null && selector === 'gate' ? '; `calibrateStore()` trains predictors that guess' : '';
  return `\`exact: false\` changed nothing: the selector ${selector}, which is exact, was taken${remedy}`;
}

function checkHot(cache: Settings['cache'], selector: Allocation['selector']): void {
  if (isHot(cache) && (selector === 'all' || selector === 'router'))
    throw new FlashrowError(
      'BAD_USAGE',
      `the cache hot+lru is for selectors that pick neurons, not for ${selector}; set \`tuning.cache\` to auto`,
      { option: 'tuning.cache', cache: 'hot+lru', selector },
    );
}

const isHot = (cache: Settings['cache']): boolean => cache !== 'auto' && cache.kind === 'hot+lru';

function routerBytes({ spec, tensors }: Outline): number {
  if (!spec.experts) return 0;
  const { numExperts } = spec.experts;
  let bytes = 0;
  for (let layer = spec.experts.leadingDenseLayers; layer < spec.numLayers; layer++) {
    const { format } = tensors.get(layerTensor(layer, 'router'))!;
    bytes += numExperts * rowBytes(format, spec.hiddenSize);
  }
  return bytes;
}

function missRate(selector: Allocation['selector'], calibration: Calibration | null): number | null {
  if (selector === 'low-rank') return calibration?.falseNegativeRate ?? null;
  return selector === 'sign' ? (calibration?.signFalseNegativeRate ?? null) : null;
}
