import type { ExpertsSpec } from '../model/spec.js';

/** What a layer's router has besides its matrix; null for what it does not have. [numExperts] each. */
export interface RouterVectors {
  /** Added to the logits. */
  logitBias: Float32Array | null;
  /** Added to the scores for the choice alone. */
  selectionBias: Float32Array | null;
  /** Factors of the experts' outputs. */
  outputScales: Float32Array | null;
}

/**
 * Routes one token: from its logits[first, first + numExperts) it writes its experts to chosen[at, at +
 * numExpertsPerToken), the best first, and their weights to shares at the same places. With `given` the experts are
 * there already.
 */
export type Route = (
  logits: Float32Array,
  first: number,
  vectors: RouterVectors,
  chosen: Uint32Array,
  shares: Float32Array,
  at: number,
  given?: boolean,
) => void;

/**
 * The routing of all mixtures of experts (arXiv 2101.03961, 2401.04088, 2412.19437). The first expert wins where
 * several are equal. Sums and scores are double.
 */
export function createRoute(spec: ExpertsSpec): Route {
  const { numExperts, numExpertsPerToken, scoring, groups, normalizeWeights, weightScale } = spec;
  const scores = new Float64Array(numExperts);
  const rank = new Float64Array(numExperts);
  const groupSize = groups ? numExperts / groups.count : 0;
  const groupRank = new Float64Array(groups?.count ?? 0);
  const bestGroups = new Uint32Array(groups?.used ?? 0);

  const rankScores = (total: number, selectionBias: Float32Array | null) => {
    for (let e = 0; e < numExperts; e++) rank[e] = scores[e] / total + (selectionBias ? selectionBias[e] : 0);
    if (groups) keepBestGroups(rank, groups.ranking === 'best', groupSize, groupRank, bestGroups);
  };

  return (logits, first, { logitBias, selectionBias, outputScales }, chosen, shares, at, given = false) => {
    for (let e = 0; e < numExperts; e++) scores[e] = logits[first + e] + (logitBias ? logitBias[e] : 0);
    // Where nothing is added, logits tell the best as scores do, and differ where scores come to the same.
    const byLogits = !selectionBias && !groups;
    if (byLogits) rank.set(scores);
    const total = toScores(scores, scoring);
    if (!byLogits) rankScores(total, selectionBias);
    if (!given) pickBest(rank, chosen, at, numExpertsPerToken);

    const sum = normalizeWeights ? sumOf(scores, chosen, at, numExpertsPerToken) : total;
    for (let i = at; i < at + numExpertsPerToken; i++) {
      const share = (scores[chosen[i]] / sum) * weightScale;
      shares[i] = outputScales ? share * outputScales[chosen[i]] : share;
    }
  };
}

function sumOf(scores: Float64Array, chosen: Uint32Array, at: number, count: number): number {
  let sum = 0;
  for (let i = at; i < at + count; i++) sum += scores[chosen[i]];
  return sum;
}

/** Makes scores of logits, in place. Their shares are the scores divided by what it returns. */
function toScores(logits: Float64Array, scoring: ExpertsSpec['scoring']): number {
  if (scoring === 'softmax') {
    let top = logits[0];
    for (const logit of logits) if (!(logit <= top)) top = logit;
    let sum = 0;
    for (let e = 0; e < logits.length; e++) {
      logits[e] = Math.exp(logits[e] - top);
      sum += logits[e];
    }
    return sum;
  }
  for (let e = 0; e < logits.length; e++) {
    const logit = logits[e];
    if (scoring === 'sigmoid') logits[e] = 1 / (1 + Math.exp(-logit));
    // ln(1 + e^x) is x to a float's precision beyond 20, where e^x may be too large for a number.
    else logits[e] = Math.sqrt(logit > 20 ? logit : Math.log1p(Math.exp(logit)));
  }
  return 1;
}

/**
 * Leaves -Infinity in the rank of experts outside the best groups. A group's rank is that of its best expert, or the
 * sum of its two best.
 */
function keepBestGroups(
  rank: Float64Array,
  byBest: boolean,
  size: number,
  groupRank: Float64Array,
  best: Uint32Array,
): void {
  for (let group = 0; group < groupRank.length; group++) {
    let [one, two] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let e = group * size; e < (group + 1) * size; e++) {
      if (!(rank[e] <= one)) [one, two] = [rank[e], one];
      else if (rank[e] > two) two = rank[e];
    }
    groupRank[group] = byBest ? one : one + two;
  }
  pickBest(groupRank, best, 0, best.length);
  for (let group = 0; group < groupRank.length; group++)
    if (!isAmong(best, 0, best.length, group)) rank.fill(Number.NEGATIVE_INFINITY, group * size, (group + 1) * size);
}

/** Writes the places of the `count` largest of `rank` to chosen[at, at + count), the largest first. */
function pickBest(rank: Float64Array, chosen: Uint32Array, at: number, count: number): void {
  for (let k = 0; k < count; k++) {
    let best = -1;
    for (let e = 0; e < rank.length; e++) {
      if (isAmong(chosen, at, k, e)) continue;
      // Written so that NaN is chosen too: damage must show in the output.
      if (best < 0 || !(rank[e] <= rank[best])) best = e;
    }
    chosen[at + k] = best;
  }
}

function isAmong(chosen: Uint32Array, at: number, count: number, value: number): boolean {
  for (let i = at; i < at + count; i++) if (chosen[i] === value) return true;
  return false;
}
