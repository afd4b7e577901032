import { Acceptance } from './acceptance.js';

/** What an older token counts beside the next one, and what was learned of older texts beside this one. */
const KEPT = 0.95;
const KEPT_PER_TEXT = 0.7;
/** The mean of n tokens may be off by this, divided by the square root of n. */
const DOUBT = 0.2;

/**
 * How much of a text a draft would foretell, told by the model itself: where it is sure of its next token, a smaller or
 * a coarser one mostly finds the same. So a draft that is not in memory need not be tried to be judged.
 */
export class Foretellable {
  /** By how sure the model was, how often the draft was right. */
  readonly #acceptance: Acceptance;
  #sum = 0;
  #count = 0;

  /** `usualShares`: how often a draft is right, by how sure the model is. */
  constructor(usualShares: readonly number[]) {
    this.#acceptance = new Acceptance(usualShares, undefined, KEPT_PER_TEXT);
  }

  /** Another answer begins. */
  begin(): void {
    this.#acceptance.begin();
    this.#sum = 0;
    this.#count = 0;
  }

  /** The text goes on with a token that the model was so sure of. */
  saw(certainty: number): void {
    this.#sum = this.#sum * KEPT + this.#acceptance.share(certainty);
    this.#count = this.#count * KEPT + 1;
  }

  /** The draft was right about such a token, or was not. */
  note(certainty: number, isRight: boolean): void {
    this.#acceptance.note(certainty, isRight);
  }

  /** The chance that the draft is right about the next token, on the safe side. */
  get share(): number {
    return this.#count === 0 ? 0 : Math.max(0, this.#sum / this.#count - DOUBT / Math.sqrt(this.#count));
  }
}
