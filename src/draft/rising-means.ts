/**
 * Means of what is measured at several lengths, and never falls from one length to a longer one. Where measurements
 * say otherwise it is noise, and neighbours share one mean (isotonic regression: Ayer et al., "An empirical
 * distribution function for sampling with incomplete information", 1955). So where all lengths cost the same, each
 * measurement is one of them all.
 */
export class RisingMeans {
  /** By length, of those with a weight: the mean, and the weight of all that share it. */
  readonly means: Float64Array;
  readonly weights: Float64Array;

  constructor(lengths: number) {
    this.means = new Float64Array(lengths);
    this.weights = new Float64Array(lengths);
  }

  /** Finds them from means and weights by length; those with weight 0 were not measured. */
  fit(means: Float64Array, weights: Float64Array): void {
    for (let length = 0; length < means.length; length++) {
      if (weights[length] === 0) continue;
      let most = 0;
      for (let first = 0; first <= length; first++) most = Math.max(most, leastMean(means, weights, first, length));
      this.means[length] = most;
    }
    for (let length = 0; length < means.length; length++) {
      let weight = 0;
      for (let other = 0; other < means.length; other++)
        if (this.means[other] === this.means[length]) weight += weights[other];
      this.weights[length] = weight;
    }
  }
}

/** The least mean of all that is measured from `first` to some length, `last` or longer. */
function leastMean(means: Float64Array, weights: Float64Array, first: number, last: number): number {
  let sum = 0;
  let weight = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let length = first; length < means.length; length++) {
    sum += means[length] * weights[length];
    weight += weights[length];
    if (length >= last) least = Math.min(least, sum / weight);
  }
  return least;
}
