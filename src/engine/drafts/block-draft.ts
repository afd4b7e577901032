import { HIDDEN_ROWS } from '../../dense/hidden-join.js';
import type { DraftSource, FollowedText, HiddenTap, OtherTokens } from '../../draft/draft-source.js';
import { UsualIds } from '../../draft/usual-ids.js';
import type { Lane } from '../rounds/lane.js';
import { findLikeliest, USUAL_SHARES } from './likeliest.js';
import type { LoadedDraft } from './load-draft.js';

/**
 * Foretells by the model's own block that predicts further tokens (multi-token prediction). The block runs the token
 * after each position together with the model's hidden state at that position, and says what comes after that token.
 * Beyond the text it goes on with hidden states of its own. It begins a text at the last `HIDDEN_ROWS` positions.
 */
export class BlockDraft implements DraftSource {
  readonly name = 'mtp';
  readonly usualShares = USUAL_SHARES;
  readonly leftOut = 0;
  readonly isReady = true;
  readonly tokenMs: number;
  readonly catchUpMs: number;
  id = 0;
  certainty = 0;
  readonly others: OtherTokens = { ids: [], certainties: [] };
  /** The block alone; nobody else uses its engine. */
  readonly #options: LoadedDraft;
  readonly #usual: UsualIds;
  #lane: Lane | null = null;
  /** The text, and what was foretold after it. */
  readonly #ids: number[] = [];
  #length = 0;
  #foretold = 0;
  /** The model's hidden states at positions #from to #to, position p in row p modulo HIDDEN_ROWS. */
  readonly #states: Float32Array;
  #from = 0;
  #to = 0;
  /** The block's state holds the positions from #first on: #exact by the model's hidden states, #held with its own. */
  #first = 0;
  #exact = 0;
  #held = 0;
  /** The block's hidden state at the last position that it ran, [hiddenSize]. */
  readonly #own: Float32Array;
  /** Tokens that run next; used again. */
  readonly #next: number[] = [];

  constructor(options: LoadedDraft) {
    this.#options = options;
    this.#usual = new UsualIds(options.vocabSize);
    this.tokenMs = options.tokenMs;
    this.catchUpMs = options.catchUpMs;
    this.#states = new Float32Array(HIDDEN_ROWS * options.hiddenSize);
    this.#own = new Float32Array(options.hiddenSize);
  }

  follow(text: FollowedText): void {
    this.#from = 0;
    this.#to = 0;
    text.sees = this.#see;
  }

  begin(prompt: readonly number[], aborted: () => boolean): void {
    const lane = this.#options.engine.lanes.begin({ aborted, account: null });
    lane.sees = this.#seeOwn;
    this.#lane = lane;
    this.#ids.length = 0;
    for (const id of prompt) this.#ids.push(id);
    this.#length = prompt.length;
    this.#foretold = 0;
    this.#usual.begin(prompt);
    this.#startAt(0);
  }

  end(): void {
    this.#lane?.end();
    this.#lane = null;
  }

  push(id: number): void {
    this.#ids[this.#length++] = id;
    this.#usual.push(id);
    this.#foretold = 0;
    // What it ran with hidden states of its own runs again with those of the model.
    this.#held = this.#exact;
  }

  get lacking(): number {
    return Math.max(0, this.#length - 1 - Math.max(this.#from, this.#first + this.#held));
  }

  async catchUp(most: number, atOnce: number): Promise<number> {
    const first = Math.max(this.#from, this.#length - 1 - most);
    if (first > this.#first + this.#held) this.#startAt(first);
    const held = this.#held;
    // The last position runs when the next token is asked for.
    await this.#read(Math.min(this.#length - 2, this.#first + held + atOnce));
    return this.#held - held;
  }

  async foretell(): Promise<boolean> {
    const { vocabSize, contextSize, engine } = this.#options;
    if (this.#foretold === 0) {
      if (this.#from > this.#first + this.#held) this.#startAt(this.#from);
      await this.#read(this.#length - engine.mostVerified);
    }
    const first = this.#first + this.#held;
    const end = this.#length - 1 + this.#foretold;
    if (first >= end || end - this.#first > contextSize) return false;
    this.#next.length = 0;
    for (let at = first; at < end; at++) this.#next.push(this.#ids[at + 1]);
    if (this.#next.some((id) => id >= vocabSize)) return false;
    const lane = this.#lane!;
    lane.rewind(this.#held);
    this.#give(first, this.#next.length, this.#foretold > 0);
    await lane.foretell(this.#next, this.#usual.few);
    this.#held += this.#next.length;
    if (this.#foretold === 0) this.#exact = this.#held;
    if (!findLikeliest(lane.logits(), vocabSize, this)) return false;
    this.#ids[this.#length + this.#foretold++] = this.id;
    return true;
  }

  /** Runs the text up to the position before `end`, with the model's hidden states, in pieces. */
  async #read(end: number): Promise<void> {
    const lane = this.#lane!;
    const piece = this.#options.engine.hidden!.rows.length / this.#options.hiddenSize;
    for (let at = this.#first + this.#held; at < end; at = this.#first + this.#held) {
      const count = Math.min(piece, end - at);
      lane.rewind(this.#held);
      this.#give(at, count, false);
      await lane.prefill(this.#ids.slice(this.#first + 1, at + count + 1));
      this.#held += count;
      this.#exact = this.#held;
    }
  }

  #startAt(position: number): void {
    this.#lane!.rewind(0);
    this.#first = position;
    this.#exact = 0;
    this.#held = 0;
  }

  /** Has the next pass read the hidden states at `count` positions: the model's, or the block's own at the last one. */
  #give(first: number, count: number, isOwn: boolean): void {
    const { engine, hiddenSize } = this.#options;
    const hidden = engine.hidden!;
    hidden.isOwn = isOwn;
    if (isOwn) hidden.rows.set(this.#own);
    else
      for (let i = 0; i < count; i++) {
        const from = ((first + i) % HIDDEN_ROWS) * hiddenSize;
        hidden.rows.set(this.#states.subarray(from, from + hiddenSize), i * hiddenSize);
      }
  }

  /** Notes hidden states of the model; those at positions that it went back to take the place of older ones. */
  readonly #see: HiddenTap = (position, x, row, tokens) => {
    const { hiddenSize } = this.#options;
    if (position < this.#from || position > this.#to) this.#from = position;
    this.#to = position + tokens;
    for (let i = Math.max(0, tokens - HIDDEN_ROWS); i < tokens; i++) {
      const from = (row + i) * hiddenSize;
      this.#states.set(x.subarray(from, from + hiddenSize), ((position + i) % HIDDEN_ROWS) * hiddenSize);
    }
    this.#from = Math.max(this.#from, this.#to - HIDDEN_ROWS);
  };

  readonly #seeOwn: HiddenTap = (_position, x, row, tokens) => {
    const { hiddenSize } = this.#options;
    const from = (row + tokens - 1) * hiddenSize;
    this.#own.set(x.subarray(from, from + hiddenSize));
  };
}
