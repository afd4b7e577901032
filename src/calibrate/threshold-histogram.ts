/** Bins for one unit of score: finer than a threshold can tell apart. */
const STEPS = 256;
/** A score beyond this bound counts in the last bin: as a logit it is 1 in e^32. */
const BOUND = 32;
const BINS = 2 * BOUND * STEPS;

/** The result of a threshold that divides scored neurons into chosen and others. */
export interface Division {
  /** The share of the active neurons that is missed. */
  falseNegativeRate: number;
  /** The share of the other neurons that is chosen. */
  falsePositiveRate: number;
  /** Chosen neurons over active ones. */
  load: number;
}

/** Counts the scores of active and of other neurons finely enough to choose a threshold. */
export class ThresholdHistogram {
  readonly #active = new Float64Array(BINS + 1);
  readonly #others = new Float64Array(BINS + 1);

  readonly #scale: number;

  /** `scale`: the size of one logistic unit in these scores; default 1. */
  constructor(scale = 1) {
    this.#scale = scale;
  }

  /** Counts the score of one neuron for one token. */
  add(score: number, active: boolean): void {
    (active ? this.#active : this.#others)[this.#bin(score)] += 1;
  }

  /**
   * The highest threshold that misses at most `falseNegativeRate` of the active neurons. Scores above it are chosen.
   */
  threshold(falseNegativeRate: number): number {
    const allowed = falseNegativeRate * total(this.#active);
    let missed = 0;
    for (let bin = 0; bin <= BINS; bin++) {
      missed += this.#active[bin];
      if (missed > allowed) return bin === 0 ? Number.NEGATIVE_INFINITY : this.#lowerEdge(bin);
    }
    // No neuron was ever active: nothing is worth choosing.
    return this.#lowerEdge(BINS);
  }

  /** The result of a threshold on the scores counted so far. */
  at(threshold: number): Division {
    const first = threshold === Number.NEGATIVE_INFINITY ? 0 : this.#bin(threshold);
    const found = total(this.#active.subarray(first));
    const mistaken = total(this.#others.subarray(first));
    const active = total(this.#active);
    return {
      falseNegativeRate: share(active - found, active),
      falsePositiveRate: share(mistaken, total(this.#others)),
      load: share(found + mistaken, active),
    };
  }

  #bin(score: number): number {
    const bin = Math.floor((score / this.#scale + BOUND) * STEPS);
    // NaN is chosen at every threshold.
    return Number.isNaN(bin) ? BINS : Math.max(0, Math.min(BINS, bin));
  }

  #lowerEdge(bin: number): number {
    return (bin / STEPS - BOUND) * this.#scale;
  }
}

const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
const total = (counts: Float64Array) => counts.reduce((sum, count) => sum + count, 0);
