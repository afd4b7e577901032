/** By how much the likeliest token's logit has to exceed the next one's, for each certainty. */
const MARGINS = [0, 0.5, 1, 2, 3.5, 6];
/** Shares of right tokens by margin, as pairs of models have them. */
export const USUAL_SHARES = [0.35, 0.5, 0.65, 0.8, 0.9, 0.97];

/** A token that was found likeliest, and how certain that is: an index into `USUAL_SHARES`. */
export interface Likeliest {
  id: number;
  certainty: number;
}

/** Finds the likeliest of the ids below `size`; false where there are no numbers. */
export function findLikeliest(logits: Float32Array, size: number, found: Likeliest): boolean {
  let best = Number.NEGATIVE_INFINITY;
  let next = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < size; id++) {
    const logit = logits[id];
    if (logit <= next) continue;
    if (logit <= best) next = logit;
    else {
      next = best;
      best = logit;
      found.id = id;
    }
  }
  if (!Number.isFinite(best)) return false;
  let certainty = MARGINS.length - 1;
  while (certainty > 0 && !(best - next >= MARGINS[certainty])) certainty--;
  found.certainty = certainty;
  return true;
}
