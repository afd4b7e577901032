import type { Forecast, Plan } from '../../plan/plan.js';
import { inCommandWords } from './command-words.js';
import { conversionTime } from './conversion-notice.js';
import {
  formatBytes,
  formatCount,
  formatMs,
  formatRows,
  formatShare,
  formatSpeed,
  formatTable,
  plural,
} from './format.js';

/** A plan for people: the verdict, where the budget goes, and what to expect of it. */
export function formatPlan(plan: Plan): string {
  const { conversion } = plan;
  const rows: [string, string][] = [
    ...(plan.obstacle === null ? [] : [['because', inCommandWords(plan.obstacle)] satisfies [string, string]]),
    ['context', context(plan)],
    ['resident weights', resident(plan)],
    ['state', state(plan)],
    ['scratch', formatBytes(plan.scratchBytes)],
    ['cache', cache(plan)],
    ...(plan.draftBytes === 0 ? [] : [['draft', formatBytes(plan.draftBytes)] satisfies [string, string]]),
    ['smallest budget', `${formatBytes(plan.minimumBytes)} (--memory ${plan.minimumBytes})`],
    ['overhead', `up to ${formatBytes(plan.overheadBytes)} beside the budget`],
    ['left now', `${formatBytes(plan.left.availableBytes)} of memory`],
    ['selector', `${plan.selector}: ${plan.reason}`],
    ['cache policy', plan.cachePolicy],
    ['read per token', formatBytes(plan.bytesPerToken)],
    ...(plan.fits ? speeds(plan.forecast) : []),
    [
      'conversion',
      conversion.needed
        ? `${formatBytes(conversion.bytes)} to write once, ${conversionTime(conversion.bytes)}`
        : 'none: nothing is written but headers',
    ],
  ];
  return `${verdict(plan)}\n${formatRows(rows)}`;
}

/** Several plans of one model, a line for each budget. */
export function formatPlans(plans: readonly Plan[]): string {
  const withDraft = plans.some(({ draftBytes }) => draftBytes > 0);
  const heading = [
    'memory',
    'context',
    ...(withDraft ? ['draft'] : []),
    'cache',
    'of FFN',
    'read per token',
    'tokens/s',
    'prompt tokens/s',
    'first token',
  ];
  const rows = plans.map((plan) => {
    const { forecast } = plan;
    if (!plan.fits) return [formatBytes(plan.budgetBytes), 'does not fit', ...Array(heading.length - 2).fill('-')];
    return [
      formatBytes(plan.budgetBytes),
      formatCount(plan.contextSize),
      ...(withDraft ? [formatBytes(plan.draftBytes)] : []),
      formatBytes(plan.cacheBytes),
      formatShare(plan.cachedShare),
      formatBytes(plan.bytesPerToken),
      figure(forecast.tokensPerSecond),
      figure(forecast.prefillTokensPerSecond),
      seconds(forecast.firstTokenSeconds),
    ];
  });
  const unfit = plans.flatMap(({ budgetBytes, obstacle }) =>
    obstacle === null ? [] : [`${formatBytes(budgetBytes)}: ${inCommandWords(obstacle)}`],
  );
  const basis = plans.find(({ fits }) => fits)?.forecast;
  const notes = basis === undefined ? [] : [firstTokenNote(basis), `based on ${basis.basis}`];
  return [formatTable([heading, ...rows]), '', ...unfit, ...notes].join('\n');
}

function verdict({ fits, budgetBytes, minimumBytes }: Plan): string {
  if (fits) return `fits in ${formatBytes(budgetBytes)}`;
  const needs = budgetBytes < minimumBytes ? `: it needs ${formatBytes(minimumBytes)}` : '';
  return `does not fit in ${formatBytes(budgetBytes)}${needs}`;
}

const context = ({ contextSize, largestContextSize }: Plan): string =>
  largestContextSize > contextSize
    ? `${plural(contextSize, 'token')} (the budget holds ${formatCount(largestContextSize)})`
    : plural(contextSize, 'token');

const resident = ({ residentBytes, denseStreamedBytes }: Plan): string =>
  denseStreamedBytes === 0
    ? formatBytes(residentBytes)
    : `${formatBytes(residentBytes)}; ${formatBytes(denseStreamedBytes)} more stream in every token`;

/** 16 bits are what everybody has. */
const state = ({ stateBytes, stateFormat }: Plan): string =>
  stateFormat === 'q8' ? `${formatBytes(stateBytes)} in 8 bits a value, which is not exact` : formatBytes(stateBytes);

const cache = ({ cacheBytes, cachedShare, ffnBytes }: Plan): string =>
  `${formatBytes(cacheBytes)}, ${formatShare(cachedShare)} of the ${formatBytes(ffnBytes)} on flash`;

function speeds(forecast: Forecast): [string, string][] {
  const { tokensPerSecond, withDrafts, prefillTokensPerSecond, loadSeconds, firstTokenSeconds } = forecast;
  const { promptTokens, basis } = forecast;
  return [
    ['forecast', `generation at about ${formatSpeed(tokensPerSecond)}`],
    ...(withDrafts ? [['with drafts', drafted(withDrafts)] satisfies [string, string]] : []),
    [
      'first token',
      `after about ${seconds(firstTokenSeconds)}: loads in ${seconds(loadSeconds)}; a prompt of ${plural(promptTokens, 'token')} at about ${formatSpeed(prefillTokensPerSecond)}`,
    ],
    ['based on', basis],
  ];
}

const drafted = ({ least, most }: NonNullable<Forecast['withDrafts']>): string =>
  `from ${formatSpeed(least)}, where nothing is foretold, to ${formatSpeed(most)}, where all is`;

const firstTokenNote = ({ promptTokens }: Forecast): string =>
  `the first token comes after the load and a prompt of ${plural(promptTokens, 'token')}`;

const figure = (tokensPerSecond: number | null): string => formatSpeed(tokensPerSecond).replace(' tokens/s', '');
const seconds = (value: number | null): string => (value === null ? '-' : formatMs(value * 1000));

/** The warnings of all plans, each once; one that does not hold for all budgets names those that it holds for. */
export function planWarnings(plans: readonly Plan[]): string[] {
  return [...new Set(plans.flatMap(({ warnings }) => warnings))].map((warning) => {
    const warned = plans.filter(({ warnings }) => warnings.includes(warning));
    const budgets = warned.map(({ budgetBytes }) => formatBytes(budgetBytes));
    return warned.length === plans.length ? warning : `with ${budgets.join(', ')}: ${warning}`;
  });
}
