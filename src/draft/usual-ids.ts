import { type FewIds, MOST_OTHER_IDS } from './few-ids.js';

/** A head over fewer ids takes little beside the rest of a model. */
const LEAST_VOCABULARY = 65_536;
/** Shares of a vocabulary that are looked at alone, and how many of a text's different ids may lie outside. */
const SHARES = [1 / 4, 1 / 2];
const MOST_OUTSIDE = 0.15;

/**
 * The ids that a text is likely to go on with: a draft that asks for these alone saves most of its head. Vocabularies
 * put what is frequent first, so that most of a text lies in a quarter of one (arXiv 2502.14856). Where too much of
 * this text does not, as in scripts that came late into a vocabulary, it is the half or all. Ids outside that the text
 * had are likely, too: names, and marks of turns.
 */
export class UsualIds {
  readonly #vocabSize: number;
  readonly #sizes: readonly number[];
  /** The different ids of the text, and by size how many lie outside. */
  readonly #seen = new Set<number>();
  readonly #outside: number[];
  /** Ids outside the smallest size that came last, the latest at the end. */
  readonly #others: number[] = [];
  readonly #few = { below: 0, others: this.#others };

  constructor(vocabSize: number) {
    this.#vocabSize = vocabSize;
    this.#sizes = vocabSize < LEAST_VOCABULARY ? [] : SHARES.map((share) => Math.ceil(share * vocabSize));
    this.#outside = this.#sizes.map(() => 0);
  }

  begin(prompt: readonly number[]): void {
    this.#seen.clear();
    this.#outside.fill(0);
    this.#others.length = 0;
    for (const id of prompt) this.push(id);
  }

  push(id: number): void {
    const sizes = this.#sizes;
    if (sizes.length === 0 || id >= this.#vocabSize) return;
    if (!this.#seen.has(id)) {
      this.#seen.add(id);
      for (let i = 0; i < sizes.length; i++) if (id >= sizes[i]) this.#outside[i]++;
    }
    if (id < sizes[0]) return;
    const others = this.#others;
    const at = others.indexOf(id);
    if (at >= 0) others.splice(at, 1);
    else if (others.length === MOST_OTHER_IDS) others.shift();
    others.push(id);
  }

  /** Valid until the next call; null for all. */
  get few(): FewIds | null {
    const enough = this.#outside.findIndex((count) => count <= MOST_OUTSIDE * this.#seen.size);
    if (enough < 0) return null;
    this.#few.below = this.#sizes[enough];
    return this.#few;
  }
}
