import type { SamplingSettings } from '../contract/sampling-options.js';
import { FlashrowError } from '../errors.js';
import { Candidates } from './sampling/candidates.js';
import { DryPenalty } from './sampling/dry.js';
import { inRange, Penalties } from './sampling/penalties.js';

/** The settings of a sampler; none has a default here. */
export interface SamplerOptions extends SamplingSettings {
  vocabSize: number;
  /** Ids that are never drawn. */
  masked: readonly number[];
  /** Whether an id ends the sequences that DRY looks for. */
  breaks: (id: number) => boolean;
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

/**
 * Draws the next id: biases, the penalties of repeats and DRY change the logits, then the limits of candidates.ts hold.
 * What it does at a place follows from the logits, the ids before it and as many random numbers for each place, so that
 * several places may be drawn from one pass. Buffers are made once. Two equal logits: the lower id wins.
 */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #random: () => number;
  readonly #penalties: Penalties | null;
  readonly #dry: DryPenalty | null;
  readonly #candidates: Candidates | null;

  constructor(options: SamplerOptions) {
    const { vocabSize } = options;
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#penalties = Penalties.areOn(options) ? new Penalties(options, vocabSize) : null;
    this.#dry = options.dryMultiplier > 0 && options.dryWindow > 0 ? new DryPenalty(options, options.breaks) : null;
    this.#candidates = options.temperature > 0 ? new Candidates(options, vocabSize) : null;
  }

  /**
   * Picks an id from logits[vocabSize], and may change them. `history`: the ids so far, the prompt included. `allowed`
   * has a bit for each id that may be picked; null where all may. Throws NOT_A_NUMBER, and BAD_USAGE where biases leave
   * no id.
   */
  next(logits: Float32Array, history: readonly number[], allowed: Uint32Array | null = null): number {
    const { logitBias, masked, vocabSize, xtcProbability } = this.#options;
    if (logitBias.length > 0) checkNumber(logits[likeliest(logits, vocabSize)]);
    for (const [id, bias] of logitBias)
      logits[id] = bias === Number.NEGATIVE_INFINITY ? bias : inRange(logits[id] + bias);
    this.#penalties?.apply(logits, history);
    this.#dry?.apply(logits, history);
    for (const id of masked) logits[id] = Number.NEGATIVE_INFINITY;
    if (allowed !== null) leaveOnly(logits, allowed, vocabSize);
    const best = likeliest(logits, vocabSize);
    if (logitBias.length > 0 && logits[best] === Number.NEGATIVE_INFINITY) throw nothingLeft();
    checkNumber(logits[best]);
    if (!this.#candidates) return best;
    // Without XTC there is one number for each place.
    const chance = xtcProbability > 0 ? this.#random() : 1;
    return this.#candidates.draw(logits, logits[best], chance, this.#random());
  }
}

const nothingLeft = () =>
  new FlashrowError('BAD_USAGE', 'logitBias rules out every token that the answer could go on with', {
    option: 'logitBias',
  });

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
