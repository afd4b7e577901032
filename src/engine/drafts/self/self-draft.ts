import type { DraftSource, FollowedText } from '../../../draft/draft-source.js';
import { findLikeliest, USUAL_SHARES } from '../likeliest.js';

/**
 * Foretells by the model itself, with the networks that are in memory in few bits in place of the exact ones. All else
 * is the model's own, keys and values too: those of the tokens that were foretold are written after those of the text,
 * and taken back before the exact ones are written. So it reads no text by itself, and reads nothing from flash.
 */
export class SelfDraft implements DraftSource {
  readonly name = 'self';
  readonly usualShares = USUAL_SHARES;
  readonly lacking = 0;
  readonly leftOut = 0;
  readonly isReady = true;
  readonly tokenMs = null;
  readonly catchUpMs = null;
  id = 0;
  certainty = 0;
  readonly #vocabSize: number;
  #text: FollowedText | null = null;
  /** The token that runs next. */
  #next = 0;
  /** Tokens of the text that had run before the first one was foretold; null where none was since. */
  #settled: number | null = null;

  constructor(vocabSize: number) {
    this.#vocabSize = vocabSize;
  }

  follow(text: FollowedText): void {
    this.#text = text;
  }

  begin(): void {}

  end(): void {
    this.#text = null;
  }

  push(id: number): void {
    this.#next = id;
  }

  async catchUp(): Promise<number> {
    return 0;
  }

  async foretell(): Promise<boolean> {
    const text = this.#text!;
    this.#settled ??= text.position;
    await text.draft(this.#next);
    if (!findLikeliest(text.logits(), this.#vocabSize, this)) return false;
    this.#next = this.id;
    return true;
  }

  settle(): void {
    const settled = this.#settled;
    this.#settled = null;
    if (settled === null || this.#text!.rewind(settled) === settled) return;
    throw new Error(`the state of a text does not go back to ${settled} tokens`);
  }
}
