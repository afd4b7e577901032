import { PAGE_POSITIONS } from '../../native-bridge/memory.js';
import { formatBytes } from '../disk/format-bytes.js';
import type { MemoryLeft } from './memory-left.js';

/** The share of the memory left that a budget takes by default. */
export const DEFAULT_BUDGET_SHARE = 0.6;
/** Budget and overhead together take no more than this by default, so that other programs can go on. */
const MOST_SHARE = 0.9;
/** The share of the overhead that even a short run of a small model takes; the whole of it is the most. */
export const LEAST_OVERHEAD = 1 / 3;
/** A default context is not shortened below this: hardly a conversation would fit. */
const LEAST_CONTEXT = 256;

/** What the caller asks for, and what there is. */
export interface Wish {
  /** Null where the budget is left open. */
  budgetBytes: number | null;
  contextSize: number;
  /** Whether `contextSize` is the default. */
  contextIsOpen: boolean;
  left: MemoryLeft;
  overheadBytes: number;
  /** The smallest budget that works with so many tokens of context. It grows with them. */
  minimumFor: (contextSize: number) => number;
}

/** What a plan goes by. `warnings` say what is not as usual. */
export interface Chosen {
  budgetBytes: number;
  contextSize: number;
  warnings: string[];
}

/**
 * A budget that is left open is 60% of what is left. Where the model would not run in that, it is more: all but a tenth
 * of what is left, less the overhead. Where that is not enough and the context is left open as well, the context is the
 * largest that fits. Where that is not enough either, it is the least that the model runs in, if what a short run takes
 * beside it is there. Where nothing fits, the choice is as usual. A budget that is given is taken as it is, with the
 * context as usual.
 */
export function chooseDefaults(wish: Wish): Chosen {
  const { contextSize, left, minimumFor } = wish;
  if (wish.budgetBytes !== null) return { budgetBytes: wish.budgetBytes, contextSize, warnings: [] };
  const most = mostBytes(wish);
  const usual = Math.floor(left.availableBytes * DEFAULT_BUDGET_SHARE);
  const budgetBytes = Math.min(usual, most);
  const needed = minimumFor(contextSize);
  if (needed <= budgetBytes) return { budgetBytes, contextSize, warnings: [] };
  const usually = `${formatBytes(usual)}, the usual 60% of the ${formatBytes(left.availableBytes)} that are left`;
  if (needed <= most) {
    const said = `the model does not run in ${usually}; the budget is ${formatBytes(most)} (\`memory\` sets another)`;
    return { budgetBytes: most, contextSize, warnings: [said] };
  }
  const shorter = wish.contextIsOpen ? largestContext(most, contextSize, minimumFor) : 0;
  if (shorter < Math.min(LEAST_CONTEXT, contextSize)) {
    if (needed > tightBytes(wish)) return { budgetBytes: usual, contextSize, warnings: [] };
    const said = `the model does not run in ${usually}, with what the process takes beside it; the budget is ${formatBytes(needed)}, the least that it runs in (\`memory\` sets another)`;
    return { budgetBytes: needed, contextSize, warnings: [said] };
  }
  const said = `the model does not run in ${usually}, with the usual context of ${contextSize} tokens; the budget is ${formatBytes(most)} and the context ${shorter} tokens (\`memory\` and \`contextSize\` set others)`;
  return { budgetBytes: most, contextSize: shorter, warnings: [said] };
}

/** The most that a budget takes of what is left, unless it is asked for. */
export const mostBytes = ({ left, overheadBytes }: Pick<Wish, 'left' | 'overheadBytes'>): number =>
  Math.max(0, Math.floor(left.availableBytes * MOST_SHARE) - overheadBytes);

/** The most that a budget takes where hardly anything is left. */
const tightBytes = ({ left, overheadBytes }: Wish): number =>
  Math.floor(left.availableBytes * MOST_SHARE - LEAST_OVERHEAD * overheadBytes);

/**
 * The most tokens of context, up to `limit`, that a budget holds. State is kept in pages, so whole pages are tried. 0
 * where not even one token fits.
 */
export function largestContext(budgetBytes: number, limit: number, minimumFor: Wish['minimumFor']): number {
  if (minimumFor(limit) <= budgetBytes) return limit;
  // Pages that fit, and pages that do not.
  let [fits, tooMany] = [0, Math.ceil(limit / PAGE_POSITIONS)];
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (minimumFor(middle * PAGE_POSITIONS) <= budgetBytes) fits = middle;
    else tooMany = middle;
  }
  return fits * PAGE_POSITIONS;
}
