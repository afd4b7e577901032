import { PAGE_POSITIONS } from '../../../native-bridge/memory.js';
import type { PerPhase, Receipt } from '../../contract/receipt.js';
import type { Plan } from '../../plan/plan.js';
import { formatBytes, formatCount, formatMs, formatRows, formatShare, formatSpeed } from './format.js';

/** A share of the budget that is worth a word. */
const WORTH_SAYING = 0.05;

/** The receipt for people: what ran, what it held, what it read, where the time went. */
export function formatReceipt(receipt: Receipt): string {
  return formatRows([
    ['ran', how(receipt)],
    ['speed', speed(receipt)],
    ['memory', memory(receipt)],
    ['flash', flash(receipt)],
    ['time', time(receipt)],
    ...drafts(receipt),
  ]);
}

function how({ selector, exact, falseNegativeRate, stateFormat, cachePolicy, kernels }: Receipt): string {
  const reasons = [
    falseNegativeRate === null ? null : `${formatShare(falseNegativeRate)} of active neurons missed at calibration`,
    stateFormat === 'q8' ? 'keys and values in 8 bits' : null,
  ].filter((reason) => reason !== null);
  const why = reasons.length === 0 ? '' : ` (${reasons.join('; ')})`;
  return `${exact ? 'exact' : `not exact${why}`}, selector ${selector}, cache ${cachePolicy}, ${kernels} kernels`;
}

function speed({ prefillTokensPerSecond, decodeTokensPerSecond, tokenMs }: Receipt): string {
  const tail =
    tokenMs.p50 === null || tokenMs.p99 === null
      ? ''
      : ` (a token p50 ${formatMs(tokenMs.p50)}, p99 ${formatMs(tokenMs.p99)})`;
  return `prompt ${formatSpeed(prefillTokensPerSecond)}, generation ${formatSpeed(decodeTokensPerSecond)}${tail}`;
}

function memory(receipt: Receipt): string {
  const parts = `resident ${formatBytes(receipt.residentBytes)}, state ${formatBytes(receipt.stateBytes)}, scratch ${formatBytes(receipt.scratchBytes)}, cache ${formatBytes(receipt.cacheBytes)}${receipt.draftBytes > 0 ? `, draft ${formatBytes(receipt.draftBytes)}` : ''}`;
  const beside = `overhead ${formatBytes(receipt.overheadBytes)}; the process grew by ${formatBytes(receipt.rssGrowthBytes)}`;
  return `${formatBytes(receipt.memoryBytes)} of ${formatBytes(receipt.budgetBytes)} (${parts}) + ${beside}`;
}

/**
 * What to say of a state that lay mostly idle, where the cache could have used its memory; null where it did not.
 * `used` tokens of context were.
 */
export function idleState(plan: Plan, { stateBytes }: Receipt, used: number): string | null {
  const idle = plan.stateBytes - stateBytes;
  if (plan.cachedShare === 1 || idle < stateBytes || idle < WORTH_SAYING * plan.budgetBytes) return null;
  const enough = Math.ceil(used / PAGE_POSITIONS) * PAGE_POSITIONS;
  return `${formatBytes(idle)} were set aside for keys and values, and not used; --context ${enough} leaves them to the cache`;
}

function flash({ payloadBytesRead, deviceBytesRead, recordsRead, bundlesHit, bundlesMissed }: Receipt): string {
  const asked = bundlesHit + bundlesMissed;
  const hits = asked === 0 ? '' : `, ${formatShare(bundlesHit / asked)} of ${formatCount(asked)} bundles were cached`;
  const reads = `${formatBytes(total(payloadBytesRead))} in ${formatCount(total(recordsRead))} reads`;
  return `${reads} (${formatBytes(total(deviceBytesRead))} from the device)${hits}`;
}

function time({ readWaitMs, ffnMs, denseMs, otherMs }: Receipt): string {
  return `waiting for reads ${formatMs(readWaitMs)}, FFN ${formatMs(ffnMs)}, dense ${formatMs(denseMs)}, other ${formatMs(otherMs)}`;
}

/** Nothing where each pass had one token, unless memory went to a draft all the same. */
function drafts({ speculation, draftBytes }: Receipt): [string, string][] {
  const { draft, drafted, accepted, forced, tokensPerPass, without } = speculation;
  if (drafted + forced === 0 || tokensPerPass === null) {
    const why = draftBytes === 0 ? ': its memory was worth more to the cache' : '';
    return ['off', 'lookup'].includes(draft) ? [] : [['drafts', `${draft}, nothing foretold${why}`]];
  }
  const alone =
    without.tokensPerSecond === null ? '' : `; passes over one token ran at ${formatSpeed(without.tokensPerSecond)}`;
  const sources = draft === 'lookup' ? draft : `lookup and ${draft}`;
  const foretold = `${sources}, ${formatCount(accepted)} of ${formatCount(drafted)} tokens right`;
  const parts = [
    ...(drafted > 0 ? [foretold] : []),
    ...(forced > 0 ? [`${formatCount(forced)} tokens had to come`] : []),
    `${tokensPerPass.toFixed(2)} tokens a pass${alone}`,
  ];
  return [['drafts', parts.join(', ')]];
}

const total = ({ prefill, decode }: PerPhase): number => prefill + decode;
