import { PAGE_POSITIONS } from '../../../native-bridge/memory.js';
import { END_ROOM, MESSAGE_ROOM } from '../../model/sliding-window.js';

/**
 * Which pages the layers with a sliding window hold: all alike, `limit` at most. What the running pass sees stays. Of
 * the others those stay from which a prompt is likely to be told again: the window before the end of the last turn and
 * the message after it, the window before the end of the last prompt, and then what is newest.
 */
export class KeptPages {
  readonly #window: number;
  readonly #limit: number;
  readonly #held: boolean[];
  /** Positions that the layers hold, or held. */
  #length = 0;
  /** Where the last prompt parted from what was there: mostly the end of the turn before it. */
  #turn = 0;
  /** Where the last prompt ends. */
  #prompt = 0;
  #marks = false;
  /** Pages that have to go; used again by every pass. */
  readonly #dropped: number[] = [];

  constructor(window: number, limit: number, contextSize: number) {
    this.#window = window;
    this.#limit = limit;
    this.#held = new Array<boolean>(pageAfter(contextSize)).fill(false);
  }

  /** A prompt goes on from here. */
  mark(): void {
    // One that parts from the last prompt within it tells the same turn again.
    if (this.#length <= this.#turn || this.#length >= this.#prompt) this.#turn = this.#length;
  }

  /** A prompt ends with the pass that comes next. */
  markNext(): void {
    this.#marks = true;
  }

  /** Makes room for a pass of `tokens`; returns the pages that have to go, an array that the next call changes. */
  begin(tokens: number): readonly number[] {
    const first = pageOf(this.#firstSeen(this.#length));
    this.#length += tokens;
    if (this.#marks) this.#prompt = this.#length;
    this.#marks = false;
    const end = pageAfter(this.#length);
    for (let page = first; page < end; page++) this.#held[page] = true;
    this.#dropped.length = 0;
    const held = this.#held.reduce((sum, is) => sum + Number(is), 0);
    if (held > this.#limit) this.#drop(first, end);
    return this.#dropped;
  }

  /** Holds what another one holds of the first `length` positions. */
  copy(from: KeptPages, length: number): void {
    this.#length = Math.min(from.#length, length);
    this.#turn = Math.min(from.#turn, this.#length);
    this.#prompt = Math.min(from.#prompt, this.#length);
    const end = pageAfter(this.#length);
    for (let page = 0; page < this.#held.length; page++) this.#held[page] = page < end && from.#held[page];
  }

  /** The pages that are held. */
  get held(): number[] {
    return [...this.#held.keys()].filter((page) => this.#held[page]);
  }

  /**
   * Holds `pages` of the first `length` positions, as another one did. Returns false where they are too many, or not
   * what the next token sees.
   */
  restore(pages: readonly number[], length: number): boolean {
    this.#length = length;
    this.#turn = 0;
    this.#prompt = 0;
    this.#held.fill(false);
    for (const page of pages) if (page < pageAfter(length)) this.#held[page] = true;
    return pages.length <= this.#limit && this.rewind(length) === length;
  }

  /**
   * Forgets positions from `length` on, or from the nearest shorter length at which the next token sees all that it
   * should; returns that length.
   */
  rewind(length: number): number {
    this.#marks = false;
    let reached = Math.min(length, this.#length);
    for (let page = pageAfter(reached) - 1; page >= pageOf(this.#firstSeen(reached)) && reached > 0; page--)
      if (!this.#held[page]) reached = page * PAGE_POSITIONS;
    this.#length = reached;
    this.#turn = Math.min(this.#turn, reached);
    if (reached === 0) this.#prompt = 0;
    this.#held.fill(false, pageAfter(reached));
    return reached;
  }

  #firstSeen = (position: number) => Math.max(0, position + 1 - this.#window);

  /** Lets go of pages beyond the limit. Those from `first` to `end` stay. */
  #drop(first: number, end: number): void {
    const keep = new Set<number>();
    const add = (from: number, to: number) => {
      for (let page = from; page < to && keep.size < this.#limit; page++) if (this.#held[page]) keep.add(page);
    };
    const addBefore = (position: number) =>
      add(pageOf(this.#firstSeen(Math.max(0, position - END_ROOM))), pageAfter(position));
    const turn = this.#turn;
    const prompt = Math.min(this.#prompt, this.#length);
    add(first, end);
    addBefore(turn);
    add(pageOf(turn), pageAfter(Math.min(turn + MESSAGE_ROOM, this.#length)));
    addBefore(prompt);
    add(pageOf(turn), pageAfter(prompt));
    for (let page = end - 1; page >= 0; page--) add(page, page + 1);
    for (let page = 0; page < end; page++) {
      if (!this.#held[page] || keep.has(page)) continue;
      this.#held[page] = false;
      this.#dropped.push(page);
    }
  }
}

const pageOf = (position: number) => Math.floor(position / PAGE_POSITIONS);
/** The first page that begins at a position or after it. */
const pageAfter = (position: number) => Math.ceil(position / PAGE_POSITIONS);
