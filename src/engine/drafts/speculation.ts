import type { DraftSource, FollowedText } from '../../draft/draft-source.js';
import type { Governor } from '../../draft/governor.js';

/** What a governor is asked and told. */
type DraftGovernor = Pick<
  Governor,
  'begin' | 'affordable' | 'caughtUp' | 'open' | 'asks' | 'foretold' | 'close' | 'ran'
>;

/** Tokens that a draft may lack, and run along with the next one that it foretells. */
const FEW = 8;
/** With fewer tokens of a text a draft foretells little. */
const LEAST_TEXT = 24;

/**
 * Puts passes together: the token that has to run, and those that a draft foretells after it, as many as the governor
 * finds worth their time.
 */
export class Speculation {
  readonly #source: DraftSource;
  readonly #governor: DraftGovernor;
  readonly #now: () => number;
  /** The tokens of the pass, and one that was foretold after them if there was one. Used again by every pass. */
  readonly #ids: number[] = [];
  #taken = false;
  /** What was foretold, verified or not. */
  readonly #foretold: number[] = [];

  /** `now`: a clock, ms. */
  constructor(source: DraftSource, governor: DraftGovernor, now: () => number = () => performance.now()) {
    this.#source = source;
    this.#governor = governor;
    this.#now = now;
  }

  /** Gives it to a generation, until `end`; false where another one has it. */
  take(): boolean {
    const isFree = !this.#taken;
    this.#taken = true;
    return isFree;
  }

  end(): void {
    this.#source.end();
    this.#taken = false;
  }

  get name(): DraftSource['name'] {
    return this.#source.name;
  }

  /** A prompt and its answer run from now on. */
  follow(text: FollowedText): void {
    this.#source.follow?.(text);
  }

  /** An answer to a prompt begins. `aborted` turns true once the call is to end. */
  begin(prompt: readonly number[], aborted: () => boolean): void {
    this.#source.begin(prompt, aborted);
    this.#governor.begin();
  }

  /** The tokens of the next pass, `most` at most: `id`, and what is to be verified. Valid until the next call. */
  async pass(id: number, most: number): Promise<readonly number[]> {
    const source = this.#source;
    const governor = this.#governor;
    source.push(id);
    governor.open(most - 1);
    this.#foretold.length = 0;
    try {
      await this.#foretell();
    } finally {
      source.settle?.();
    }
    const count = governor.close();
    this.#ids.length = 0;
    this.#ids.push(id);
    for (let i = 0; i < count; i++) this.#ids.push(this.#foretold[i]);
    return this.#ids;
  }

  /** Has as many tokens foretold as the governor wants. */
  async #foretell(): Promise<void> {
    const source = this.#source;
    const governor = this.#governor;
    while (governor.asks && (!this.#isBehind || (await this.#catchUp()))) {
      const began = this.#now();
      const answer = source.foretell();
      // A draft that costs nothing answers at once.
      if (!(typeof answer === 'boolean' ? answer : await answer)) break;
      this.#foretold.push(source.id);
      governor.foretold(source.certainty, this.#now() - began);
    }
  }

  /**
   * Whether the draft lacks much of the text; or a beginning that was left out, where half of what was won reads it.
   */
  get #isBehind(): boolean {
    // What was foretold stands on what the draft has read: it reads no more before it was verified.
    if (this.#foretold.length > 0) return false;
    const { lacking, leftOut } = this.#source;
    if (lacking > FEW) return true;
    const twice = 2 * (lacking + leftOut);
    return leftOut > 0 && this.#governor.affordable(twice) === twice;
  }

  /** False where the draft lacks more of the text than there is time for. */
  async #catchUp(): Promise<boolean> {
    const source = this.#source;
    const governor = this.#governor;
    const all = source.lacking + source.leftOut;
    const most = governor.affordable(all);
    if (most < Math.min(all, LEAST_TEXT)) return false;
    const began = this.#now();
    await source.catchUp(most);
    governor.caughtUp(Math.min(most, all), this.#now() - began);
    return true;
  }

  /**
   * The pass took `ms`, null where other calls were part of it, and `brought` of its tokens are part of the text.
   * `next` came after them; null at its end.
   */
  ran(ms: number | null, brought: number, next: number | null): void {
    for (let i = 1; i < brought; i++) this.#source.push(this.#ids[i]);
    if (ms === null) return;
    const foretold = this.#foretold[brought - 1];
    const isRight = next === null || foretold === undefined ? null : next === foretold;
    this.#governor.ran(this.#ids.length, ms, brought, isRight);
  }
}
