import { setImmediate } from 'node:timers/promises';
import { POSITION_PARTS } from '../../dense/rotary.js';
import type { HiddenTap } from '../../draft/draft-source.js';
import type { FewIds } from '../../draft/few-ids.js';
import { FlashrowError } from '../../errors.js';
import type { Pass, PassPart, Span } from '../mixer.js';
import { type Grid, GridPlaces } from '../pictures/grid-places.js';
import { beforePicture, pictureSpans } from '../pictures/picture-ids.js';
import type { Sequence } from '../state/sequences.js';
import type { Account } from './ledger.js';

/** Who runs tokens. */
export interface Caller {
  /** True once the call is to end; asked before each layer. */
  aborted: () => boolean;
  /** Is charged with what its passes cost; null where nobody asks. */
  account: Account | null;
  /** Rows and columns of the tokens of its pictures, by the id that each begins with; absent without pictures. */
  grids?: ReadonlyMap<number, Grid>;
}

const NO_GRIDS: ReadonlyMap<number, Grid> = new Map();

/** Tokens that a call wants to run. A call has one such object, and fills it in again for every step. */
export class Work implements PassPart {
  readonly held: Sequence;
  readonly caller: Caller;
  ids: readonly number[] = [];
  /** How many of `ids` have run. */
  done = 0;
  /** Whether several passes may take it, piece by piece, as a prompt; else it goes as a whole. */
  inPieces = false;
  /** Of how many of the last ids logits are wanted. */
  wanted = 0;
  /** Of which ids a token's logits are wanted at least; null for all. */
  few: FewIds | null = null;
  /** Told how many of `ids` are done after each layer: a fraction, until a pass has ended. */
  onLayer: ((done: number) => void) | null = null;
  /** Sees the logits[vocabSize] of every id. */
  visit: ((index: number, logits: Float32Array) => void) | null = null;

  /** Of the last ids, which stand beside others: the index of the id that each follows. Such work goes as a whole. */
  after: readonly number[] = [];
  /** Whether networks that foretell run in place of the exact ones. Such work has a pass to itself. */
  drafting = false;
  /** Sees the hidden states of every pass. */
  sees: HiddenTap | null = null;

  // Its part in the pass that is being made, or that runs.
  row = 0;
  tokens = 0;
  position = 0;
  dropped = false;
  pictures: readonly Span[] = [];
  /** The first row of its logits, once the pass has ended. */
  logitRow = 0;

  readonly #places = new GridPlaces();
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(held: Sequence, caller: Caller) {
    this.held = held;
    this.caller = caller;
  }

  get sequence(): number {
    return this.held.index;
  }

  /** Whether the pass takes the last of its ids. */
  get ends(): boolean {
    return this.done + this.tokens === this.ids.length;
  }

  /** Resolves with `finish`. */
  started(): Promise<void> {
    this.dropped = false;
    return new Promise<void>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Becomes the next part of a pass. */
  join(pass: Pass, tokens: number, wholePictures: boolean): void {
    this.row = pass.tokens;
    this.tokens = tokens;
    this.position = this.held.ids.length;
    this.dropped = false;
    this.pictures = wholePictures ? pictureSpans(this.ids, this.done, tokens) : [];
    const inRow = tokens - this.after.length;
    for (let i = 0; i < inRow; i++) pass.positions[this.row + i] = this.position + i;
    for (let i = inRow; i < tokens; i++) pass.positions[this.row + i] = this.position + this.after[i - inRow] + 1;
    if (pass.rotaryPositions !== pass.positions)
      this.#places.write(this, this.held.ids, this.caller.grids ?? NO_GRIDS, pass.rotaryPositions);
  }

  finish(): void {
    this.#resolve();
  }

  fail(error: unknown): void {
    this.#reject(error);
  }

  /** Ends it because its call was aborted. */
  drop(): void {
    this.dropped = true;
    this.fail(new FlashrowError('ABORTED', 'the work was aborted'));
  }
}

/** A pass as the engine runs it. */
export interface WorkPass extends Pass {
  tokens: number;
  readonly parts: Work[];
}

/** The most that one pass takes. */
interface Limits {
  tokens: number;
  /** Rows of logits. */
  logitRows: number;
  /** Calls that run at once. */
  calls: number;
  /** Whether the tokens of a picture see each other, so that a pass takes all of them or none. */
  wholePictures: boolean;
  /** Whether positions have a time, a row and a column. */
  gridPositions: boolean;
}

/** Prompts get this share of a pass, however many calls decode. */
const PROMPT_SHARE = 1 / 4;

/**
 * Makes passes of what the running calls wait for. All that decode go together; prompts share what room a pass has
 * left, and take turns. So a call that decodes never waits for more than the pass that runs, and a prompt has a piece
 * in every pass but those in which another prompt had its turn.
 */
export class Rounds {
  readonly #limits: Limits;
  readonly #run: (pass: WorkPass) => Promise<void>;
  /** In the order of their turns. */
  readonly #waiting: Work[] = [];
  readonly #pass: WorkPass;
  /** Prompts whose turn is over, for now. */
  readonly #later: Work[] = [];
  #running = false;

  /** `run` rejects where a pass fails. It drops parts by itself. */
  constructor(limits: Limits, run: (pass: WorkPass) => Promise<void>) {
    this.#limits = limits;
    this.#run = run;
    const positions = new Int32Array(limits.tokens);
    const rotaryPositions = limits.gridPositions ? new Int32Array(POSITION_PARTS * limits.tokens) : positions;
    this.#pass = { tokens: 0, positions, rotaryPositions, parts: [] };
  }

  /**
   * Resolves once all of it has run; its logits are then valid until the caller waits for something else than this.
   * Rejects with ABORTED at most a layer after its call was aborted, or with what a pass of it failed with; with
   * RangeError where no pass would have room for it.
   */
  do(work: Work): Promise<void> {
    const { tokens, logitRows } = this.#limits;
    const least = work.inPieces ? 1 : Math.max(work.ids.length, work.wanted);
    if (least > Math.min(tokens, logitRows))
      return Promise.reject(new RangeError(`no pass has room for ${least} tokens`));
    const done = work.started();
    this.#waiting.push(work);
    if (!this.#running) void this.#go();
    return done;
  }

  async #go(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      this.#fill();
      if (this.#pass.parts.length > 0) {
        try {
          await this.#run(this.#pass);
        } catch (error) {
          for (const work of this.#pass.parts)
            if (!work.dropped) {
              work.fail(error);
              work.dropped = true;
            }
        }
      }
      this.#settle();
      // Messages come in between: other calls may begin. Who was answered asks again before that.
      if (this.#limits.calls > 1) await setImmediate();
    }
    this.#running = false;
  }

  #fill(): void {
    const pass = this.#pass;
    pass.tokens = 0;
    pass.parts.length = 0;
    let prompts = false;
    for (const work of this.#waiting) {
      work.tokens = 0;
      if (work.caller.aborted()) work.drop();
      else if (work.inPieces) prompts = true;
    }
    const { tokens } = this.#limits;
    const decoding = prompts ? tokens - Math.ceil(tokens * PROMPT_SHARE) : tokens;
    let rows = this.#limits.logitRows;
    for (const work of this.#waiting) if (!work.inPieces && !work.dropped) rows -= this.#add(work, decoding, rows);
    for (const work of this.#waiting) if (work.inPieces && !work.dropped) rows -= this.#add(work, tokens, rows);
  }

  /** Takes what fits of some work into the pass, of up to `tokens` and `rows` of logits; returns its rows of logits. */
  #add(work: Work, tokens: number, rows: number): number {
    const pass = this.#pass;
    if (pass.parts.length > 0 && (work.drafting || pass.parts[0].drafting)) return 0;
    const left = work.ids.length - work.done;
    let taken = Math.min(left, tokens - pass.tokens);
    if (!work.inPieces && (taken < left || work.wanted > rows)) return 0;
    if (taken === left && work.wanted > rows) taken = left - 1;
    if (this.#limits.wholePictures) taken = beforePicture(work.ids, work.done + taken) - work.done;
    if (taken <= 0) return 0;
    work.join(pass, taken, this.#limits.wholePictures);
    pass.tokens += taken;
    pass.parts.push(work);
    return work.ends ? work.wanted : 0;
  }

  /** Ends what is done, and has prompts take turns. */
  #settle(): void {
    const waiting = this.#waiting;
    let kept = 0;
    for (const work of waiting) {
      if (work.dropped) continue;
      work.done += work.tokens;
      if (work.done === work.ids.length) work.finish();
      else if (work.tokens > 0) this.#later.push(work);
      else waiting[kept++] = work;
    }
    waiting.length = kept;
    for (const work of this.#later) waiting.push(work);
    this.#later.length = 0;
  }
}
