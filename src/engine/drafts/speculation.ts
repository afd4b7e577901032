import type { SpeculationReceipt } from '../../contract/receipt.js';
import type { DraftSource, FollowedText, Foreseen } from '../../draft/draft-source.js';
import type { Governor } from '../../draft/governor.js';
import type { DraftMemory } from './draft-memory.js';

/** What a governor is asked and told. */
type DraftGovernor = Pick<
  Governor,
  | 'begin'
  | 'affordable'
  | 'caughtUp'
  | 'givesBack'
  | 'gaveBack'
  | 'takes'
  | 'took'
  | 'open'
  | 'asks'
  | 'foretold'
  | 'close'
  | 'chosen'
  | 'ran'
  | 'seen'
>;

interface SpeculationParts {
  /** In the order of the governor's. */
  sources: readonly DraftSource[];
  governor: DraftGovernor;
  /** The memory of a draft, where the cache can have it. */
  memory?: DraftMemory | null;
  /** A clock, ms. */
  now?: () => number;
}

/** Tokens that a draft may lack, and run along with the next one that it foretells. */
const FEW = 8;
/** With fewer tokens of a text a draft foretells little. */
const LEAST_TEXT = 24;
/** A text is begun where so many times its reading is affordable: it may take longer than is expected. */
const MARGIN = 1.1;
/** Tokens of a text between two looks at what reading it takes. */
const PIECE = 64;

/**
 * Puts passes together: the token that has to run, and those that a draft foretells after it, as many as the governor
 * finds worth their time.
 */
export class Speculation {
  readonly #sources: readonly DraftSource[];
  readonly #governor: DraftGovernor;
  readonly #memory: DraftMemory | null;
  readonly #now: () => number;
  /** The tokens of the pass. Used again by every pass. */
  readonly #ids: number[] = [];
  /** By source what it foretold for the pass, verified or not. */
  readonly #foretold: number[][];
  /** Tokens of the pass that the format makes certain. */
  #certain = 0;
  #taken = false;

  constructor({ sources, governor, memory = null, now = () => performance.now() }: SpeculationParts) {
    this.#sources = sources;
    this.#governor = governor;
    this.#memory = memory;
    this.#now = now;
    this.#foretold = sources.map(() => []);
  }

  /** Gives it to a generation, until `end`; false where another one has it. */
  take(): boolean {
    const isFree = !this.#taken;
    this.#taken = true;
    return isFree;
  }

  end(): void {
    for (const source of this.#sources) source.end();
    this.#taken = false;
  }

  /** The last source: one that needs more than the text, if there is one. */
  get name(): SpeculationReceipt['draft'] {
    const { name } = this.#sources[this.#sources.length - 1];
    return name === 'format' ? 'off' : name;
  }

  /** A prompt and its answer run from now on. */
  follow(text: FollowedText): void {
    for (const source of this.#sources) source.follow?.(text);
  }

  /** An answer to a prompt begins, which ran in `promptMs`. `aborted` turns true once the call is to end. */
  begin(prompt: readonly number[], promptMs: number, aborted: () => boolean): void {
    for (const source of this.#sources) source.begin(prompt, aborted);
    this.#governor.begin(promptMs);
  }

  /**
   * The tokens of the next pass: `id`, those that the format makes certain, and what else is to be verified. With the
   * latter `most` at most: more than one where no other call runs. Valid until the next call. Throws what the load of a
   * draft throws.
   */
  async pass(id: number, foreseen: Foreseen | null, most: number): Promise<readonly number[]> {
    for (const source of this.#sources) {
      source.push(id);
      source.show?.(foreseen);
    }
    for (const foretold of this.#foretold) foretold.length = 0;
    if (this.#memory && most > 1) await this.#moveMemory(this.#memory);
    this.#governor.open(most - 1);
    for (let at = 0; at < this.#sources.length; at++) if (this.#sources[at].isReady) await this.#ask(at);
    const count = this.#governor.close();
    this.#put(id, foreseen, this.#foretold[this.#governor.chosen], count);
    return this.#ids;
  }

  /** What is certain goes first. `count` of the tokens that were foretold go with it where they begin with it. */
  #put(id: number, foreseen: Foreseen | null, foretold: readonly number[], count: number): void {
    const certain = foreseen?.certain ?? 0;
    let same = 0;
    while (same < Math.min(certain, count) && foretold[same] === foreseen!.ids[same]) same++;
    this.#certain = certain;
    this.#ids.length = 0;
    this.#ids.push(id);
    for (let i = 0; i < certain; i++) this.#ids.push(foreseen!.ids[i]);
    if (same === certain) for (let i = certain; i < count; i++) this.#ids.push(foretold[i]);
  }

  /** Gives the draft's memory to the cache, or takes it from there, as the governor finds best. */
  async #moveMemory(memory: DraftMemory): Promise<void> {
    const governor = this.#governor;
    const began = this.#now();
    if (memory.isDrafts && governor.givesBack) {
      await memory.giveBack();
      governor.gaveBack();
    } else if (!memory.isDrafts && governor.takes(memory.loadMs)) {
      await memory.take();
      governor.took(this.#now() - began);
    }
  }

  /** Has a source foretell as many tokens as the governor wants. */
  async #ask(at: number): Promise<void> {
    try {
      await this.#foretell(at);
    } finally {
      this.#sources[at].settle?.();
    }
  }

  async #foretell(at: number): Promise<void> {
    const source = this.#sources[at];
    const governor = this.#governor;
    while (governor.asks(at) && (!this.#isBehind(at) || (await this.#catchUp(at)))) {
      const began = this.#now();
      const answer = source.foretell();
      // A draft that costs nothing answers at once.
      if (!(typeof answer === 'boolean' ? answer : await answer)) break;
      this.#foretold[at].push(source.id);
      governor.foretold(at, source.certainty, this.#now() - began);
    }
  }

  /**
   * Whether the draft lacks much of the text; or a beginning that was left out, where half of what was won reads it.
   */
  #isBehind(at: number): boolean {
    // What was foretold stands on what the draft has read: it reads no more before it was verified.
    if (this.#foretold[at].length > 0) return false;
    const { lacking, leftOut } = this.#sources[at];
    if (lacking > FEW) return true;
    const twice = 2 * (lacking + leftOut);
    return leftOut > 0 && this.#governor.affordable(at, twice) === twice;
  }

  /** False where the draft lacks more of the text than there is time for. Looks at the time after every piece. */
  async #catchUp(at: number): Promise<boolean> {
    const source = this.#sources[at];
    const governor = this.#governor;
    const all = source.lacking + source.leftOut;
    const most = Math.ceil(governor.affordable(at, MARGIN * all) / MARGIN);
    if (most < Math.min(all, LEAST_TEXT)) return false;
    do {
      const began = this.#now();
      const ran = await source.catchUp(most, PIECE);
      if (ran === 0) break;
      governor.caughtUp(at, ran, this.#now() - began);
    } while (source.lacking > FEW && governor.affordable(at, source.lacking) === source.lacking);
    return source.lacking <= FEW;
  }

  /**
   * The pass took `ms`, null where other calls were part of it, of which it waited `waitMs` for the disk, and `brought`
   * of its tokens are part of the text. `next` came after them; null at its end.
   */
  ran(ms: number | null, waitMs: number, brought: number, next: number | null): void {
    for (let i = 1; i < brought; i++) for (const source of this.#sources) source.push(this.#ids[i]);
    if (ms === null) return;
    this.#governor.ran({
      tokens: this.#ids.length,
      certain: Math.min(this.#certain, brought - 1),
      brought,
      ms,
      waitMs,
    });
    for (let at = 0; at < this.#sources.length; at++) this.#compare(at, brought, next);
  }

  /** Compares what a source foretold with the text: the tokens of the pass that are part of it, and `next`. */
  #compare(at: number, brought: number, next: number | null): void {
    const foretold = this.#foretold[at];
    const known = next === null ? brought - 1 : brought;
    let right = 0;
    while (right < foretold.length && right < known) {
      const id = right + 1 < brought ? this.#ids[right + 1] : next;
      if (foretold[right] !== id) break;
      right++;
    }
    this.#governor.seen(at, right, right < foretold.length && right < known);
  }
}
