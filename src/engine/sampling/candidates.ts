import type { SamplingSettings } from '../../contract/sampling-options.js';
import { sharedArray } from './shared-arrays.js';
import { typicalOnes } from './typical.js';
import { leastOfTop } from './xtc.js';

/**
 * Candidates less likely than the best by this factor (as a logarithm) are ranked only if the likelier ones do not fill
 * topK, topP or typicalP.
 */
const RARE = Math.log(1e-5);

/**
 * The ids that may be drawn, and their likelihoods relative to the best one's: `count` of them are left. Buffers are
 * made once. The limits come in this order: temperature, topK, typicalP (arXiv 2202.00666), topP (arXiv 1904.09751),
 * minP (arXiv 2407.01082), XTC. Each sees the probabilities among those that the one before left. Of two equal logits
 * the lower id comes first.
 */
export class Candidates {
  readonly #settings: SamplingSettings;
  readonly #vocabSize: number;
  readonly #ids: Uint32Array;
  readonly #weights: Float64Array;
  /** -ln p by id, for typicalP. */
  readonly #surprise: Float64Array;
  #count = 0;
  #sum = 0;

  constructor(settings: SamplingSettings, vocabSize: number) {
    this.#settings = settings;
    this.#vocabSize = vocabSize;
    this.#ids = sharedArray('ids', vocabSize, (size) => new Uint32Array(size));
    this.#weights = sharedArray('weights', vocabSize, (size) => new Float64Array(size));
    this.#surprise = sharedArray('surprise', settings.typicalP < 1 ? vocabSize : 0, (size) => new Float64Array(size));
  }

  /**
   * Draws by logits[vocabSize], of which `top` is the largest. `chance` and `place` are random numbers from 0 to 1:
   * whether the likeliest are left out, and where the draw falls.
   */
  draw(logits: Float32Array, top: number, chance: number, place: number): number {
    this.#limit(logits, top);
    const { xtcProbability, xtcThreshold } = this.#settings;
    if (chance < xtcProbability) this.#leaveOutTop(xtcThreshold);
    let left = place * this.#sum;
    for (let i = 0; i < this.#count; i++) {
      left -= this.#weights[i];
      if (left < 0) return this.#ids[i];
    }
    return this.#ids[this.#count - 1];
  }

  /** Finds the candidates, and their weights with the sum. */
  #limit(logits: Float32Array, top: number): void {
    const { topK, topP, minP, typicalP } = this.#settings;
    // The order matters only to limits by rank. Sorting a whole vocabulary costs more time than the token itself.
    const ranked = topK > 0 || topP < 1 || typicalP < 1;
    if (typicalP < 1) this.#findTypical(logits, top);
    else if (ranked) this.#rank(logits, top);
    else this.#collect(logits, top, minP > 0 ? Math.log(minP) : Number.NEGATIVE_INFINITY);
    this.#sum = this.#weigh(logits, top, this.#count);
    if (topP < 1) {
      const limit = topP * (topK > 0 || typicalP < 1 ? this.#sum : this.#mass(logits, top));
      let taken = 0;
      for (this.#sum = 0; taken < this.#count && this.#sum < limit; taken++) this.#sum += this.#weights[taken];
      this.#count = taken;
    }
    if (!ranked) return;
    const least = minP * this.#weights[0];
    while (this.#count > 1 && this.#weights[this.#count - 1] < least) this.#sum -= this.#weights[--this.#count];
  }

  /** Collects the typical ones among the topK likeliest, the likeliest first. */
  #findTypical(logits: Float32Array, top: number): void {
    if (this.#settings.topK > 0) {
      this.#rank(logits, top);
      this.#keepTypical(logits, top, Number.NEGATIVE_INFINITY);
    } else {
      this.#collect(logits, top, RARE);
      if (!this.#keepTypical(logits, top, RARE)) {
        this.#collect(logits, top, Number.NEGATIVE_INFINITY);
        this.#keepTypical(logits, top, Number.NEGATIVE_INFINITY);
      }
    }
    this.#sort(logits);
  }

  /** False where one that is not listed, below `floor`, might be more typical than one that is. */
  #keepTypical(logits: Float32Array, top: number, floor: number): boolean {
    const { temperature, typicalP } = this.#settings;
    const areAllListed = floor === Number.NEGATIVE_INFINITY;
    const listed = this.#ids.subarray(0, this.#count);
    const surprise = this.#surprise;
    let [sum, expected] = [0, 0];
    const add = (id: number) => {
      surprise[id] = (top - logits[id]) / temperature;
      const weight = Math.exp(-surprise[id]);
      sum += weight;
      if (weight > 0) expected += weight * surprise[id];
    };
    if (areAllListed) for (const id of listed) add(id);
    else for (let id = 0; id < this.#vocabSize; id++) add(id);
    const logSum = Math.log(sum);
    for (const id of listed) surprise[id] += logSum;
    const unlisted = areAllListed ? Number.POSITIVE_INFINITY : logSum - floor;
    const found = typicalOnes(listed, surprise, expected / sum + logSum, typicalP, unlisted);
    this.#count = found ?? this.#count;
    return found !== null;
  }

  #leaveOutTop(threshold: number): void {
    const least = leastOfTop(this.#ids, this.#weights, this.#count, threshold * this.#sum);
    if (least === null) return;
    const [id, weight] = [this.#ids[least], this.#weights[least]];
    let kept = 0;
    this.#sum = 0;
    for (let i = 0; i < this.#count; i++) {
      const isLikelier = this.#weights[i] > weight || (this.#weights[i] === weight && this.#ids[i] < id);
      if (isLikelier) continue;
      this.#sum += this.#weights[i];
      this.#weights[kept] = this.#weights[i];
      this.#ids[kept++] = this.#ids[i];
    }
    this.#count = kept;
  }

  /** Collects the candidates that topK or topP can reach, the likeliest first. */
  #rank(logits: Float32Array, top: number): void {
    const { topK, topP } = this.#settings;
    this.#collect(logits, top, RARE);
    const enough =
      topK > 0 ? this.#count >= topK : this.#weigh(logits, top, this.#count) >= topP * this.#mass(logits, top);
    if (!enough) this.#collect(logits, top, Number.NEGATIVE_INFINITY);
    this.#sort(logits);
    if (topK > 0) this.#count = Math.min(this.#count, topK);
  }

  #sort(logits: Float32Array): void {
    this.#ids.subarray(0, this.#count).sort((a, b) => logits[b] - logits[a] || a - b);
  }

  /** Collects, by id, the candidates whose log-likelihood is at most `-floor` below the best's. */
  #collect(logits: Float32Array, top: number, floor: number): void {
    const { temperature } = this.#settings;
    this.#count = 0;
    for (let id = 0; id < this.#vocabSize; id++)
      if ((logits[id] - top) / temperature >= floor) this.#ids[this.#count++] = id;
  }

  /** Fills the weights of the first `count` candidates; returns their sum. */
  #weigh(logits: Float32Array, top: number, count: number): number {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      this.#weights[i] = Math.exp((logits[this.#ids[i]] - top) / this.#settings.temperature);
      sum += this.#weights[i];
    }
    return sum;
  }

  /** Returns the likelihood of the whole vocabulary, relative to the best one's. */
  #mass(logits: Float32Array, top: number): number {
    const { temperature } = this.#settings;
    let sum = 0;
    for (let id = 0; id < this.#vocabSize; id++) sum += Math.exp((logits[id] - top) / temperature);
    return sum;
  }
}
