import type { OtherTokens } from '../../draft/draft-source.js';

/** By how much the likeliest token's logit has to exceed the next one's, for each certainty. */
const MARGINS = [0, 0.5, 1, 2, 3.5, 6];
/** Shares of right tokens by margin, as pairs of models have them. */
export const USUAL_SHARES = [0.35, 0.5, 0.65, 0.8, 0.9, 0.97];
/** Tokens that may come in the place of the likeliest one: so many at most. */
const MOST_OTHERS = 3;
/** By how much the likeliest token's logit exceeds theirs at most, by certainty; and how often each is right. */
const GAPS = [3.5, 2, 1, 0.5];
export const USUAL_OTHER_SHARES = [0.04, 0.1, 0.13, 0.28];

/** A token that was found likeliest, and how certain that is: an index into `USUAL_SHARES`. */
export interface Likeliest {
  id: number;
  certainty: number;
  /** The next ones, likeliest first; their certainties are indexes into `USUAL_OTHER_SHARES`. */
  readonly others: OtherTokens;
}

/** Finds the likeliest of the ids below `size`, and those after it; false where there are no numbers. */
export function findLikeliest(logits: Float32Array, size: number, found: Likeliest): boolean {
  const { ids, certainties } = found.others;
  // The likeliest is first among them until all are found.
  ids.length = 0;
  let least = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < size; id++) {
    const logit = logits[id];
    if (!(logit > least)) continue;
    if (ids.length > MOST_OTHERS) ids.pop();
    let at = ids.length;
    while (at > 0 && logits[ids[at - 1]] < logit) at--;
    ids.splice(at, 0, id);
    if (ids.length > MOST_OTHERS) least = logits[ids[MOST_OTHERS]];
  }
  certainties.length = 0;
  if (ids.length === 0 || !Number.isFinite(logits[ids[0]])) return false;
  found.id = ids.shift()!;
  const best = logits[found.id];
  for (const id of ids) {
    const gap = best - logits[id];
    if (!(gap < GAPS[0])) break;
    certainties.push(lastWhere(GAPS, (limit) => gap < limit));
  }
  found.certainty =
    ids.length === 0 ? MARGINS.length - 1 : lastWhere(MARGINS, (least) => best - logits[ids[0]] >= least);
  ids.length = certainties.length;
  return true;
}

/** How certain the likeliest of logits[vocabSize] is, as `findLikeliest` says it of a draft's. */
export function certaintyOf(logits: Float32Array): number {
  let best = Number.NEGATIVE_INFINITY;
  let next = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id];
    if (!(logit > next)) continue;
    next = Math.min(logit, best);
    best = Math.max(logit, best);
  }
  return lastWhere(MARGINS, (least) => best - next >= least);
}

/** The last index whose number passes; 0 where none does. */
const lastWhere = (numbers: readonly number[], passes: (number: number) => boolean): number =>
  Math.max(0, numbers.findLastIndex(passes));
