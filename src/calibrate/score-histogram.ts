/** Steps to one unit of score: finer than what a threshold can tell apart. */
const STEPS = 256;
/** Scores beyond are counted at the end: logits of 1 in e^32. */
const BOUND = 32;
const BINS = 2 * BOUND * STEPS;

/** How a threshold would divide scored neurons. */
export interface Division {
  /** Share of the active neurons that are missed. */
  falseNegativeRate: number;
  /** Share of the others that are chosen all the same. */
  falsePositiveRate: number;
  /** Chosen neurons over active ones. */
  load: number;
}

/** Scores of active and of other neurons, counted finely enough to choose a threshold by. */
export class ScoreHistogram {
  private readonly active = new Float64Array(BINS + 1);
  private readonly others = new Float64Array(BINS + 1);

  /** `scale`: what one unit of a logistic score is in these scores. */
  constructor(private readonly scale = 1) {}

  add(score: number, active: boolean): void {
    (active ? this.active : this.others)[this.bin(score)] += 1;
  }

  /** The highest threshold at which no more than `falseNegativeRate` of the active neurons are missed: those chosen are above it. */
  threshold(falseNegativeRate: number): number {
    const allowed = falseNegativeRate * total(this.active);
    let missed = 0;
    for (let bin = 0; bin <= BINS; bin++) {
      missed += this.active[bin];
      if (missed > allowed) return bin === 0 ? Number.NEGATIVE_INFINITY : this.lowerEdge(bin);
    }
    // No neuron was ever active: nothing is worth choosing.
    return this.lowerEdge(BINS);
  }

  at(threshold: number): Division {
    const first = threshold === Number.NEGATIVE_INFINITY ? 0 : this.bin(threshold);
    const found = total(this.active.subarray(first));
    const mistaken = total(this.others.subarray(first));
    const active = total(this.active);
    return {
      falseNegativeRate: share(active - found, active),
      falsePositiveRate: share(mistaken, total(this.others)),
      load: share(found + mistaken, active),
    };
  }

  private bin(score: number): number {
    const bin = Math.floor((score / this.scale + BOUND) * STEPS);
    // NaN is chosen at every threshold.
    return Number.isNaN(bin) ? BINS : Math.max(0, Math.min(BINS, bin));
  }

  private lowerEdge(bin: number): number {
    return (bin / STEPS - BOUND) * this.scale;
  }
}

const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
const total = (counts: Float64Array) => counts.reduce((sum, count) => sum + count, 0);
