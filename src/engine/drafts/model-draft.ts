import type { DraftSource, OtherTokens } from '../../draft/draft-source.js';
import { UsualIds } from '../../draft/usual-ids.js';
import type { Lane } from '../rounds/lane.js';
import { findLikeliest, USUAL_OTHER_SHARES, USUAL_SHARES } from './likeliest.js';
import type { LoadedDraft } from './load-draft.js';

/**
 * A small model with the same vocabulary, which foretells the tokens that it finds likeliest. Its state follows the
 * text: what it foretold wrongly is taken back.
 */
export class ModelDraft implements DraftSource {
  readonly name = 'model';
  readonly usualShares = USUAL_SHARES;
  readonly usualOtherShares = USUAL_OTHER_SHARES;
  id = 0;
  certainty = 0;
  readonly others: OtherTokens = { ids: [], certainties: [] };
  /** The loaded draft; null while the cache has its memory. */
  #draft: LoadedDraft | null;
  /** Ids that both models know. */
  readonly #sharedIds: number;
  readonly #usual: UsualIds;
  #lane: Lane | null = null;
  /** Whether the call is to end; null between answers. */
  #aborted: (() => boolean) | null = null;
  /** The text, and what was foretold after it. */
  readonly #ids: number[] = [];
  #length = 0;
  #foretold = 0;
  /** The lane holds `#ids` from one place to another, and perhaps more that was foretold wrongly. */
  #from = 0;
  #to = 0;
  /** Tokens that run next; used again. */
  readonly #next: number[] = [];
  readonly tokenMs: number;
  readonly catchUpMs: number;

  /** `targetVocabSize`: that of the model that it drafts for, which may be padded to another size. */
  constructor(draft: LoadedDraft, targetVocabSize: number) {
    this.#draft = draft;
    this.#sharedIds = Math.min(draft.vocabSize, targetVocabSize);
    this.#usual = new UsualIds(this.#sharedIds);
    this.tokenMs = draft.tokenMs;
    this.catchUpMs = draft.catchUpMs;
  }

  get isReady(): boolean {
    return this.#draft !== null;
  }

  /** The draft is let go. */
  detach(): void {
    this.#lane?.end();
    this.#lane = null;
    this.#draft = null;
  }

  /** The draft was loaded again, perhaps in the middle of an answer. */
  attach(draft: LoadedDraft): void {
    this.#draft = draft;
    if (this.#aborted) this.#takeLane();
  }

  begin(prompt: readonly number[], aborted: () => boolean): void {
    this.#aborted = aborted;
    this.#ids.length = 0;
    for (const id of prompt) this.#ids.push(id);
    this.#length = prompt.length;
    this.#usual.begin(prompt);
    if (this.#draft) this.#takeLane();
  }

  end(): void {
    this.#lane?.end();
    this.#lane = null;
    this.#aborted = null;
  }

  /** Finds what of the text the draft's state still holds. */
  #takeLane(): void {
    this.#ids.length = this.#length;
    this.#foretold = 0;
    this.#lane = this.#draft!.engine.lanes.reuse(this.#ids, null, { aborted: this.#aborted!, account: null });
    this.#from = 0;
    this.#to = this.#lane.position;
  }

  push(id: number): void {
    // What it foretold may be right, and its state is then there.
    if (this.#ids[this.#length] !== id) this.#to = Math.min(this.#to, this.#length);
    this.#ids[this.#length++] = id;
    this.#usual.push(id);
    this.#foretold = 0;
  }

  get lacking(): number {
    return Math.max(0, this.#length - this.#to);
  }

  get leftOut(): number {
    return this.#from;
  }

  async catchUp(most: number, atOnce: number): Promise<number> {
    const { contextSize } = this.#draft!;
    const first = Math.max(0, this.#length - Math.min(most, contextSize - 1));
    const goesOn = this.#to > this.#from && this.#length - this.#from < contextSize && (first > 0 || this.#from === 0);
    if (!goesOn) {
      this.#from = first;
      this.#to = first;
    }
    this.#ids.length = this.#length;
    this.#rewind(this.#length - 1);
    const began = this.#to;
    // The last token runs with the next one that is asked for.
    await this.#read(Math.min(this.#length - 1, began + atOnce));
    return this.#to - began;
  }

  /** Runs the text up to `end`. */
  async #read(end: number): Promise<void> {
    if (this.#to >= end) return;
    await this.#lane!.prefill(this.#ids.slice(this.#from, end));
    this.#to = end;
  }

  async foretell(): Promise<boolean> {
    const { contextSize, engine } = this.#draft!;
    const mostRun = engine.mostVerified;
    const end = this.#length + this.#foretold;
    if (end - this.#from > contextSize) return false;
    this.#ids.length = end;
    this.#rewind(end - 1);
    // A state of fixed size may have gone back further.
    if (end - this.#to > mostRun) await this.#read(end - 1);
    this.#next.length = 0;
    for (let at = this.#to; at < end; at++) {
      if (this.#ids[at] >= this.#sharedIds) return false;
      this.#next.push(this.#ids[at]);
    }
    const lane = this.#lane!;
    await lane.foretell(this.#next, this.#usual.few);
    this.#to = end;
    if (!findLikeliest(lane.logits(), this.#sharedIds, this)) return false;
    this.#ids.push(this.id);
    this.#foretold++;
    return true;
  }

  /** Takes the lane back to what is right of it, and to `end` at most. */
  #rewind(end: number): void {
    const lane = this.#lane!;
    lane.rewind(Math.max(0, Math.min(this.#to, end) - this.#from));
    this.#to = this.#from + lane.position;
  }
}
