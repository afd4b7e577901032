import { amountFrom, amountWithin, formatBytes } from '../disk/format-bytes.js';
import { LEAST_OVERHEAD, mostBytes } from './default-budget.js';
import type { Plan } from './plan.js';

/** The figures of a plan that tell whether there is memory for it. */
export type Sizes = Pick<
  Plan,
  | 'minimumBytes'
  | 'budgetBytes'
  | 'contextSize'
  | 'largestContextSize'
  | 'left'
  | 'residentBytes'
  | 'stateBytes'
  | 'scratchBytes'
  | 'cacheBytes'
  | 'draftBytes'
  | 'overheadBytes'
>;

/**
 * Why a load would fail, and what would not: a budget that is too small, or more than a control group lets this process
 * have. Null where it succeeds. A cache takes what the model can use of it, so a budget may be as large as it likes.
 */
export function obstacleTo(plan: Sizes): string | null {
  if (plan.budgetBytes < plan.minimumBytes) return tooSmall(plan);
  const { limitBytes, roomBytes } = plan.left;
  if (limitBytes === null || roomBytes === null) return null;
  if (budgeted(plan) + LEAST_OVERHEAD * plan.overheadBytes <= roomBytes) return null;
  const least = budgeted(plan) + LEAST_OVERHEAD * plan.overheadBytes;
  return `${taken(plan)}, at the very least ${formatBytes(least)}, but the container or control group allows ${formatBytes(limitBytes)} and has ${formatBytes(roomBytes)} of it left, so the kernel would end the process; ${advice(plan)}`;
}

/** What to say of a plan that takes more than is left now; null where it does not. */
export const shortage = (plan: Sizes): string | null =>
  budgeted(plan) + plan.overheadBytes <= plan.left.availableBytes
    ? null
    : `${taken(plan)}, but ${formatBytes(plan.left.availableBytes)} of memory are left now: the system may become slow, or end the process; ${advice(plan)}`;

const budgeted = ({ residentBytes, stateBytes, scratchBytes, cacheBytes, draftBytes }: Sizes): number =>
  residentBytes + stateBytes + scratchBytes + cacheBytes + draftBytes;

const taken = (plan: Sizes): string =>
  `the plan takes ${formatBytes(budgeted(plan) + plan.overheadBytes)} (${formatBytes(budgeted(plan))} of the budget, and up to ${formatBytes(plan.overheadBytes)} beside it)`;

/** The largest budget that is safe, where the model runs in it; else the least that it runs in, where that helps. */
function advice(plan: Sizes): string {
  const most = mostBytes(plan);
  if (most >= plan.minimumBytes) return `set \`memory: '${amountWithin(most)}'\` or less`;
  const { minimumBytes, overheadBytes, left } = plan;
  const room = left.roomBytes ?? left.availableBytes;
  const helps = minimumBytes < budgeted(plan) && minimumBytes + LEAST_OVERHEAD * overheadBytes <= room;
  const least = helps ? `set \`memory: '${amountFrom(minimumBytes)}'\`, the least that it runs in, ` : '';
  return `the model needs a budget of ${formatBytes(minimumBytes)}: ${least}free some memory, or set a smaller \`contextSize\``;
}

function tooSmall(plan: Sizes): string {
  const { budgetBytes, minimumBytes, residentBytes, stateBytes, scratchBytes, draftBytes, contextSize } = plan;
  const cache = minimumBytes - residentBytes - stateBytes - scratchBytes - draftBytes;
  const parts = [
    `resident weights take ${formatBytes(residentBytes)}`,
    `state for ${contextSize} tokens of context ${formatBytes(stateBytes)}`,
    `scratch ${formatBytes(scratchBytes)}`,
    `the smallest cache ${formatBytes(cache)}`,
    ...(draftBytes > 0 ? [`the draft model, which is held whole, ${formatBytes(draftBytes)}`] : []),
  ];
  return `a budget of ${formatBytes(budgetBytes)} is too small: ${parts.join(', ')}, together ${formatBytes(minimumBytes)}; ${whatFits(plan)}`;
}

/** A larger budget where there is so much memory, and a shorter context where one would do. */
function whatFits({ minimumBytes, overheadBytes, budgetBytes, largestContextSize, left }: Sizes): string {
  const larger = `set \`memory: '${amountFrom(minimumBytes)}'\``;
  const shorter = `\`contextSize: ${largestContextSize}\` in ${formatBytes(budgetBytes)}`;
  const little = `${formatBytes(left.availableBytes)} of memory are left`;
  if (minimumBytes + overheadBytes <= left.availableBytes)
    return largestContextSize > 0 ? `${larger}, or ${shorter}` : larger;
  return largestContextSize > 0 ? `${little}: set ${shorter}` : `${little}: free some, or choose a smaller model`;
}
