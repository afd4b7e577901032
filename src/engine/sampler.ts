import { FlashrowError } from '../errors.js';

/** The settings of a sampler; none has a default here. */
export interface SamplerOptions {
  /** 0: always the likeliest id. */
  temperature: number;
  /** 0: no limit. */
  topK: number;
  /** 1: no limit. */
  topP: number;
  /** 0: no limit. */
  minP: number;
  /** 1: no penalty. */
  repeatPenalty: number;
  seed: number;
  vocabSize: number;
  /** Ids that are never drawn. */
  masked: readonly number[];
}

/** Takes away the chances of ids that are not allowed. */
function leaveOnly(logits: Float32Array, allowed: Uint32Array, vocabSize: number): void {
  for (let word = 0; word < allowed.length; word++) {
    const bits = allowed[word];
    const end = Math.min(vocabSize, 32 * word + 32);
    if (bits === 0) logits.fill(Number.NEGATIVE_INFINITY, 32 * word, end);
    else
      for (let id = 32 * word; id < end; id++)
        if (((bits >>> (id & 31)) & 1) === 0) logits[id] = Number.NEGATIVE_INFINITY;
  }
}

/** The number of last ids that the repeat penalty looks at. */
export const PENALTY_WINDOW = 64;
/**
 * Candidates less likely than the best by this factor (as a logarithm) are ranked only if the likelier ones do not fill
 * topK or topP.
 */
const RARE = Math.log(1e-5);

/**
 * Draws the next id: repeat penalty (arXiv 1909.05858), then temperature, top-k, top-p (arXiv 1904.09751) and min-p
 * (arXiv 2407.01082), in that order. Buffers are allocated once. Two equal logits: the lower id wins.
 */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #random: () => number;
  /** Ids that may be drawn, and their likelihoods relative to the best one's; the first `count` of each are in use. */
  readonly #candidates: Uint32Array;
  readonly #weights: Float64Array;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    const sampling = options.temperature > 0 ? options.vocabSize : 0;
    this.#candidates = new Uint32Array(sampling);
    this.#weights = new Float64Array(sampling);
  }

  /**
   * Picks an id from logits[vocabSize], and may change them. `history`: the ids so far, the prompt included. `allowed`
   * has a bit for each id that may be picked; null where all may.
   */
  next(logits: Float32Array, history: readonly number[], allowed: Uint32Array | null = null): number {
    const { temperature, masked, repeatPenalty } = this.#options;
    if (repeatPenalty !== 1) penalize(logits, history, repeatPenalty);
    for (const id of masked) logits[id] = Number.NEGATIVE_INFINITY;
    if (allowed !== null) leaveOnly(logits, allowed, this.#options.vocabSize);
    const best = likeliest(logits, this.#options.vocabSize);
    checkNumber(logits[best]);
    return temperature > 0 ? this.#draw(logits, best) : best;
  }

  #draw(logits: Float32Array, best: number): number {
    const { topK, topP, minP } = this.#options;
    const top = logits[best];
    // The order matters only to limits by rank. Sorting a whole vocabulary costs more time than the token itself.
    const ranked = topK > 0 || topP < 1;
    let count = ranked
      ? this.#rank(logits, top)
      : this.#collect(logits, top, minP > 0 ? Math.log(minP) : Number.NEGATIVE_INFINITY);
    if (topK > 0) count = Math.min(count, topK);
    let sum = this.#weigh(logits, top, count);
    if (topP < 1) {
      const limit = topP * (topK > 0 ? sum : this.#mass(logits, top));
      let taken = 0;
      for (sum = 0; taken < count && sum < limit; taken++) sum += this.#weights[taken];
      count = taken;
    }
    if (ranked) while (count > 1 && this.#weights[count - 1] < minP) sum -= this.#weights[--count];
    let left = this.#random() * sum;
    for (let i = 0; i < count; i++) {
      left -= this.#weights[i];
      if (left < 0) return this.#candidates[i];
    }
    return this.#candidates[count - 1];
  }

  /** Collects the candidates that topK or topP can reach, the likeliest first; returns their count. */
  #rank(logits: Float32Array, top: number): number {
    const { topK, topP } = this.#options;
    let count = this.#collect(logits, top, RARE);
    const enough = topK > 0 ? count >= topK : this.#weigh(logits, top, count) >= topP * this.#mass(logits, top);
    if (!enough) count = this.#collect(logits, top, Number.NEGATIVE_INFINITY);
    this.#candidates.subarray(0, count).sort((a, b) => logits[b] - logits[a] || a - b);
    return count;
  }

  /** Collects, by id, the candidates whose log-likelihood is at most `-floor` below the best's; returns their count. */
  #collect(logits: Float32Array, top: number, floor: number): number {
    const { temperature, vocabSize } = this.#options;
    let count = 0;
    for (let id = 0; id < vocabSize; id++)
      if ((logits[id] - top) / temperature >= floor) this.#candidates[count++] = id;
    return count;
  }

  /** Fills the weights of the first `count` candidates; returns their sum. */
  #weigh(logits: Float32Array, top: number, count: number): number {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      this.#weights[i] = Math.exp((logits[this.#candidates[i]] - top) / this.#options.temperature);
      sum += this.#weights[i];
    }
    return sum;
  }

  /** Returns the likelihood of the whole vocabulary, relative to the best one's. */
  #mass(logits: Float32Array, top: number): number {
    const { temperature, vocabSize } = this.#options;
    let sum = 0;
    for (let id = 0; id < vocabSize; id++) sum += Math.exp((logits[id] - top) / temperature);
    return sum;
  }
}

/**
 * Returns the id of the largest logit of logits[vocabSize], the lowest one if several are equal; the id of a NaN if
 * there is one.
 */
export function likeliest(logits: Float32Array, vocabSize: number): number {
  let best = 0;
  let top = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < vocabSize; id++) {
    // A NaN is not at most anything, so this one comparison finds it too.
    if (logits[id] <= top) continue;
    if (Number.isNaN(logits[id])) return id;
    best = id;
    top = logits[id];
  }
  return best;
}

/** Throws NOT_A_NUMBER where the best of a token's logits is NaN or infinite: no probability follows from it. */
export function checkNumber(best: number): void {
  if (Number.isFinite(best)) return;
  throw new FlashrowError(
    'NOT_A_NUMBER',
    `the model computed no numbers: its best logit is ${best}. Its weights may be damaged, or overflow where they are added up; fetch or convert the model again`,
    { value: String(best) },
  );
}

/** Makes each id of the last PENALTY_WINDOW of `history` less likely, once: logits[vocabSize], in place. */
function penalize(logits: Float32Array, history: readonly number[], penalty: number): void {
  const from = Math.max(0, history.length - PENALTY_WINDOW);
  for (let i = from; i < history.length; i++) {
    const id = history[i];
    if (history.indexOf(id, from) < i) continue;
    logits[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
  }
}

/**
 * Uniform numbers in [0, 1) from a whole number: mulberry32 (Tommy Ettinger, public domain design). It has 32 bits of
 * state, so what a seed has beyond them is mixed in.
 */
export function seededRandom(seed: number): () => number {
  let state = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
