import type { SpeculationReceipt } from '../../contract/receipt.js';
import type { DraftSource, FollowedText, Foreseen, OtherTokens } from '../../draft/draft-source.js';
import type { Governor } from '../../draft/governor.js';
import type { DraftMemory } from './draft-memory.js';
import { PassTokens } from './pass-tokens.js';

/** What a governor is asked and told. */
type DraftGovernor = Pick<
  Governor,
  | 'begin'
  | 'affordable'
  | 'caughtUp'
  | 'givesBack'
  | 'gaveBack'
  | 'rested'
  | 'watched'
  | 'takes'
  | 'took'
  | 'open'
  | 'asks'
  | 'foretold'
  | 'close'
  | 'chosen'
  | 'place'
  | 'rank'
  | 'ran'
  | 'seen'
>;

interface SpeculationParts {
  /** In the order of the governor's. */
  sources: readonly DraftSource[];
  governor: DraftGovernor;
  /** Whether a pass may have tokens that stand beside others; default it may not. */
  takesOthers?: boolean;
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
const NO_OTHERS: OtherTokens = { ids: [], certainties: [] };

/**
 * Puts passes together: the token that has to run, and those that a draft foretells after it, as many as the governor
 * finds worth their time.
 */
export class Speculation {
  readonly #sources: readonly DraftSource[];
  readonly #governor: DraftGovernor;
  readonly #memory: DraftMemory | null;
  readonly #now: () => number;
  readonly #takesOthers: boolean;
  /** The tokens of the pass. Used again by every pass. */
  readonly #tokens = new PassTokens();
  /** By source what it foretold for the pass, verified or not; and by place, what may come there otherwise. */
  readonly #foretold: number[][];
  readonly #others: number[][][];
  /** Tokens of the pass that the format makes certain. */
  #certain = 0;
  /** How certain the model was of the tokens that it drew after those of the pass, as far as somebody watched. */
  readonly #watched: number[] = [];
  #taken = false;

  constructor({
    sources,
    governor,
    takesOthers = false,
    memory = null,
    now = () => performance.now(),
  }: SpeculationParts) {
    this.#sources = sources;
    this.#governor = governor;
    this.#takesOthers = takesOthers;
    this.#memory = memory;
    this.#now = now;
    this.#foretold = sources.map(() => []);
    this.#others = sources.map(() => []);
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

  /** An answer comes that nothing is foretold in, while no other call runs: the cache gets the memory of a draft. */
  async rest(): Promise<void> {
    if (this.#taken || !this.#memory?.isDrafts) return;
    await this.#memory.giveBack();
    this.#governor.rested();
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
  async pass(id: number, foreseen: Foreseen | null, most: number): Promise<PassTokens> {
    for (const source of this.#sources) {
      source.push(id);
      source.show?.(foreseen);
    }
    for (const foretold of this.#foretold) foretold.length = 0;
    this.#watched.length = 0;
    if (this.#memory && most > 1) await this.#moveMemory(this.#memory);
    this.#governor.open(most - 1);
    for (let at = 0; at < this.#sources.length; at++) if (this.#sources[at].isReady) await this.#ask(at);
    this.#put(id, foreseen, this.#governor.close());
    return this.#tokens;
  }

  /** What is certain goes first. The `count` tokens that were decided for go with it where they begin with it. */
  #put(id: number, foreseen: Foreseen | null, count: number): void {
    const governor = this.#governor;
    const foretold = this.#foretold[governor.chosen];
    const others = this.#others[governor.chosen];
    const tokens = this.#tokens;
    const certain = foreseen?.certain ?? 0;
    this.#certain = certain;
    tokens.begin(id);
    for (let i = 0; i < certain; i++) tokens.push(foreseen!.ids[i]);
    let inRow = 0;
    for (let i = 0; i < count; i++) if (governor.rank(i) === 0) inRow++;
    for (let i = 0; i < certain; i++) if (i >= inRow || foretold[i] !== foreseen!.ids[i]) return;
    for (let i = certain; i < inRow; i++) tokens.push(foretold[i]);
    for (let i = 0; i < count; i++) {
      const [place, rank] = [governor.place(i), governor.rank(i)];
      if (rank > 0 && place >= certain) tokens.beside(place, others[place][rank - 1]);
    }
  }

  /** Whether it wants to know how certain the model is of what it draws: where a draft could be given memory for it. */
  get watches(): boolean {
    return this.#memory !== null;
  }

  /** The model draws the next token of the text, and is so certain of it (`certaintyOf`). */
  watch(certainty: number): void {
    this.#watched.push(certainty);
    this.#governor.watched(certainty);
  }

  /** Gives the draft's memory to the cache, or takes it from there, as the governor finds best. */
  async #moveMemory(memory: DraftMemory): Promise<void> {
    const governor = this.#governor;
    const began = this.#now();
    if (memory.isDrafts && governor.givesBack) {
      await memory.giveBack();
      governor.gaveBack();
    } else if (!memory.isDrafts && governor.takes(memory.loadMs, this.#leastText)) {
      await memory.take();
      governor.took(this.#now() - began);
    }
  }

  /** Tokens that the last source has to read before it can foretell. */
  get #leastText(): number {
    const { lacking, leftOut } = this.#sources[this.#sources.length - 1];
    return Math.ceil(MARGIN * Math.min(lacking + leftOut, LEAST_TEXT));
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
      const ms = this.#now() - began;
      const others = (this.#takesOthers && source.others) || NO_OTHERS;
      const place = this.#foretold[at].push(source.id) - 1;
      this.#others[at][place] ??= [];
      this.#others[at][place].length = 0;
      for (const id of others.ids) this.#others[at][place].push(id);
      governor.foretold(at, source.certainty, others.certainties, ms);
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
    return leftOut > 0 && this.#governor.affordable(twice) === twice;
  }

  /** False where the draft lacks more of the text than there is time for. Looks at the time after every piece. */
  async #catchUp(at: number): Promise<boolean> {
    const source = this.#sources[at];
    const governor = this.#governor;
    const all = source.lacking + source.leftOut;
    const most = Math.ceil(governor.affordable(MARGIN * all) / MARGIN);
    if (most < Math.min(all, LEAST_TEXT)) return false;
    do {
      const began = this.#now();
      const ran = await source.catchUp(most, PIECE);
      if (ran === 0) break;
      governor.caughtUp(at, ran, this.#now() - began);
    } while (source.lacking > FEW && governor.affordable(source.lacking) === source.lacking);
    return source.lacking <= FEW;
  }

  /**
   * The pass took `ms`, null where other calls were part of it, of which it waited `waitMs` for the disk. The text goes
   * up to the token in row `row`, and on with `next`; null at its end.
   */
  ran(ms: number | null, waitMs: number, row: number, next: number | null): void {
    const tokens = this.#tokens;
    const brought = tokens.lengthAt(row);
    for (let i = 1; i < brought; i++) for (const source of this.#sources) source.push(tokens.at(i, row));
    if (ms === null) return;
    this.#governor.ran({
      tokens: tokens.ids.length,
      certain: Math.min(this.#certain, brought - 1),
      brought,
      ms,
      waitMs,
    });
    for (let at = 0; at < this.#sources.length; at++) this.#compare(at, row, next);
  }

  /** Compares what a source foretold with the text: the tokens of the pass up to row `row`, and `next`. */
  #compare(at: number, row: number, next: number | null): void {
    const foretold = this.#foretold[at];
    const tokens = this.#tokens;
    const brought = tokens.lengthAt(row);
    const known = Math.min(foretold.length, next === null ? brought - 1 : brought);
    const textAt = (place: number) => (place + 1 < brought ? tokens.at(place + 1, row) : next);
    let right = 0;
    while (right < known && foretold[right] === textAt(right)) right++;
    const ends = right < known;
    const rank = ends ? this.#others[at][right].indexOf(textAt(right)!) + 1 : 0;
    this.#governor.seen(at, right, ends, rank, this.#watched);
  }
}
