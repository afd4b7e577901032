import type { Plan } from '../../plan/plan.js';
import { conversionTime } from './conversion-notice.js';
import { formatBytes, formatMs, formatRows, formatShare, formatSpeed } from './format.js';

/** A plan for people: the verdict, where the budget goes, and what to expect of it. */
export function formatPlan(plan: Plan): string {
  const { forecast, conversion } = plan;
  const verdict = plan.fits
    ? `fits in ${formatBytes(plan.budgetBytes)}`
    : `does not fit in ${formatBytes(plan.budgetBytes)}: it needs ${formatBytes(plan.minimumBytes)}`;
  const first =
    forecast.firstTokenSeconds === null ? '' : `, first token after ${formatMs(forecast.firstTokenSeconds * 1000)}`;
  const rows: [string, string][] = [
    ['resident weights', formatBytes(plan.residentBytes)],
    ['state', formatBytes(plan.stateBytes)],
    ['scratch', formatBytes(plan.scratchBytes)],
    [
      'cache',
      `${formatBytes(plan.cacheBytes)}, ${formatShare(plan.cachedShare)} of the ${formatBytes(plan.ffnBytes)} on flash`,
    ],
    ['smallest budget', `${formatBytes(plan.minimumBytes)} (--memory ${plan.minimumBytes})`],
    ['overhead', `${formatBytes(plan.overheadBytes)} beside the budget`],
    ['selector', plan.selector],
    ['cache policy', plan.cachePolicy],
    ['because', plan.reason],
    ['read per token', formatBytes(plan.bytesPerToken)],
    ['forecast', `${formatSpeed(forecast.tokensPerSecond)}${first}`],
    ['based on', forecast.basis],
    [
      'conversion',
      conversion.needed
        ? `${formatBytes(conversion.bytes)} to write once, ${conversionTime(conversion.bytes)}`
        : 'not needed',
    ],
  ];
  return `${verdict}\n${formatRows(rows)}`;
}
