import { seededRandom } from './random.js';

export interface SamplerOptions {
  temperature: number;
  /** 0: no limit. */
  topK: number;
  /** 1: no limit. */
  topP: number;
  /** 0: no limit. */
  minP: number;
  repeatPenalty: number;
  seed: number;
  vocabSize: number;
  /** Ids that are never drawn. */
  masked: readonly number[];
}

/** How far back the repeat penalty looks. */
const PENALTY_WINDOW = 64;
/** Candidates this much less likely than the best are looked at only where the likelier ones do not fill topK or topP. */
const RARE = Math.log(1e-5);

/**
 * Draws the next id: repeat penalty (arXiv 1909.05858), then temperature, top-k, top-p (arXiv 1904.09751) and min-p (arXiv 2407.01082), in that order.
 * Buffers are allocated once; equal logits go to the lower id.
 */
export class Sampler {
  private readonly random: () => number;
  private readonly candidates: Uint32Array;
  private readonly weights: Float64Array;

  constructor(private readonly options: SamplerOptions) {
    this.random = seededRandom(options.seed);
    const sampling = options.temperature > 0 ? options.vocabSize : 0;
    this.candidates = new Uint32Array(sampling);
    this.weights = new Float64Array(sampling);
  }

  /** Picks from logits[vocabSize], which it may change; `history` are the ids so far, prompt included. */
  next(logits: Float32Array, history: readonly number[]): number {
    const { temperature, masked, repeatPenalty } = this.options;
    if (repeatPenalty !== 1) penalize(logits, history, repeatPenalty);
    for (const id of masked) logits[id] = Number.NEGATIVE_INFINITY;
    const best = likeliest(logits, this.options.vocabSize);
    return temperature > 0 ? this.draw(logits, best) : best;
  }

  private draw(logits: Float32Array, best: number): number {
    const { topK, topP, minP } = this.options;
    const top = logits[best];
    if (!Number.isFinite(top)) return best;
    // Without a limit by rank the order does not matter, and sorting a whole vocabulary costs more than the token.
    const ranked = topK > 0 || topP < 1;
    let count = ranked
      ? this.rank(logits, top)
      : this.collect(logits, top, minP > 0 ? Math.log(minP) : Number.NEGATIVE_INFINITY);
    if (topK > 0) count = Math.min(count, topK);
    let sum = this.weigh(logits, top, count);
    if (topP < 1) {
      const limit = topP * (topK > 0 ? sum : this.mass(logits, top));
      let taken = 0;
      for (sum = 0; taken < count && sum < limit; taken++) sum += this.weights[taken];
      count = taken;
    }
    if (ranked) while (count > 1 && this.weights[count - 1] < minP) sum -= this.weights[--count];
    let left = this.random() * sum;
    for (let i = 0; i < count; i++) {
      left -= this.weights[i];
      if (left < 0) return this.candidates[i];
    }
    return this.candidates[count - 1];
  }

  /** Candidates in falling order of likelihood: all that topK or topP can reach. */
  private rank(logits: Float32Array, top: number): number {
    const { topK, topP } = this.options;
    let count = this.collect(logits, top, RARE);
    const enough = topK > 0 ? count >= topK : this.weigh(logits, top, count) >= topP * this.mass(logits, top);
    if (!enough) count = this.collect(logits, top, Number.NEGATIVE_INFINITY);
    this.candidates.subarray(0, count).sort((a, b) => logits[b] - logits[a] || a - b);
    return count;
  }

  /** Candidates whose log-likelihood is at most `-floor` below the best, by id. */
  private collect(logits: Float32Array, top: number, floor: number): number {
    const { temperature, vocabSize } = this.options;
    let count = 0;
    for (let id = 0; id < vocabSize; id++) if ((logits[id] - top) / temperature >= floor) this.candidates[count++] = id;
    return count;
  }

  /** Likelihoods of the first candidates, relative to the best one's, and their sum. */
  private weigh(logits: Float32Array, top: number, count: number): number {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      this.weights[i] = Math.exp((logits[this.candidates[i]] - top) / this.options.temperature);
      sum += this.weights[i];
    }
    return sum;
  }

  /** The whole vocabulary's likelihood, relative to the best one's. */
  private mass(logits: Float32Array, top: number): number {
    const { temperature, vocabSize } = this.options;
    let sum = 0;
    for (let id = 0; id < vocabSize; id++) sum += Math.exp((logits[id] - top) / temperature);
    return sum;
  }
}

/** The id of the largest logit; the lowest id where several are equal, or where none is a number. */
export function likeliest(logits: Float32Array, vocabSize: number): number {
  let best = 0;
  for (let id = 1; id < vocabSize; id++) if (logits[id] > logits[best] || Number.isNaN(logits[best])) best = id;
  return best;
}

function penalize(logits: Float32Array, history: readonly number[], penalty: number): void {
  const from = Math.max(0, history.length - PENALTY_WINDOW);
  for (let i = from; i < history.length; i++) {
    const id = history[i];
    if (history.indexOf(id, from) < i) continue;
    logits[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
  }
}
