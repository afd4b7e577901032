/** What is believed beforehand counts as so many tokens. */
const PRIOR_WEIGHT = 4;
/** What an older token counts beside the next of the same certainty, and beside those of the next text. */
const KEPT = 0.93;
const KEPT_PER_TEXT = 0.3;

/** How often a draft was right lately, by how certain it was. */
export class Acceptance {
  readonly #usual: readonly number[];
  readonly #usualMean: number;
  readonly #keptPerText: number;
  readonly #right: Float64Array;
  readonly #all: Float64Array;
  /** The mean of what was seen lately, whatever its certainty. */
  #typical: number;

  /** `typicalShare`: of tokens of all certainties together; the mean of their shares where that is not known. */
  constructor(usualShares: readonly number[], typicalShare: number | undefined, keptPerText = KEPT_PER_TEXT) {
    this.#usual = usualShares;
    this.#keptPerText = keptPerText;
    this.#right = new Float64Array(usualShares.length);
    this.#all = new Float64Array(usualShares.length);
    this.#usualMean = typicalShare ?? usualShares.reduce((sum, share) => sum + share, 0) / usualShares.length;
    this.#typical = this.#usualMean;
  }

  /** The chance that the next token of a certainty is right. */
  share(certainty: number): number {
    const prior = PRIOR_WEIGHT * this.#usual[certainty];
    return (this.#right[certainty] + prior) / (this.#all[certainty] + PRIOR_WEIGHT);
  }

  /** The chance for a token that was not foretold yet. */
  get typical(): number {
    return this.#typical;
  }

  /** A token of a certainty was right, or was not. */
  note(certainty: number, isRight: boolean): void {
    this.#right[certainty] = this.#right[certainty] * KEPT + Number(isRight);
    this.#all[certainty] = this.#all[certainty] * KEPT + 1;
    this.#typical += (Number(isRight) - this.#typical) / 10;
  }

  /** Another text begins: what was seen before says less of it. */
  begin(): void {
    for (let certainty = 0; certainty < this.#all.length; certainty++) {
      this.#right[certainty] *= this.#keptPerText;
      this.#all[certainty] *= this.#keptPerText;
    }
    this.#typical = this.#keptPerText * this.#typical + (1 - this.#keptPerText) * this.#usualMean;
  }
}
