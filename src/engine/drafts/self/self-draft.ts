import type { DraftSource, FollowedText, OtherTokens } from '../../../draft/draft-source.js';
import { UsualIds } from '../../../draft/usual-ids.js';
import { findLikeliest, USUAL_OTHER_SHARES, USUAL_SHARES } from '../likeliest.js';
import type { HeldShadow } from './held-shadow.js';

/** The share of right tokens with all neurons of a model, and what it nears with fewer (SELF-03). */
const WITH_ALL = 0.9;
const WITH_NONE = 0.6;
/** With 72% of the neurons it is as often right as a draft model, with 45% 0.8 times (SELF-03, SELF-05). */
const KIN_WITH_NONE = 0.46;
const KIN_BY_SHARE = 0.75;

/**
 * Foretells by the model itself, with the networks that are in memory in few bits in place of the exact ones. All else
 * is the model's own, keys and values too: those of the tokens that were foretold are written after those of the text,
 * and taken back before the exact ones are written. So it reads no text by itself, and reads nothing from flash.
 */
export class SelfDraft implements DraftSource {
  readonly name = 'self';
  readonly usualShares = USUAL_SHARES;
  readonly usualOtherShares = USUAL_OTHER_SHARES;
  readonly typicalShare: number;
  readonly lacking = 0;
  readonly leftOut = 0;
  readonly tokenMs = null;
  readonly catchUpMs = null;
  readonly kinship: number;
  id = 0;
  certainty = 0;
  readonly others: OtherTokens = { ids: [], certainties: [] };
  readonly #vocabSize: number;
  readonly #usual: UsualIds;
  readonly #networks: Pick<HeldShadow, 'isDrafts'>;
  #text: FollowedText | null = null;
  /** The token that runs next. */
  #next = 0;
  /** Tokens of the text that had run before the first one was foretold; null where none was since. */
  #settled: number | null = null;

  /** `networks`: those that foretell, which may be let go, with `share` of the model's neurons. */
  constructor(vocabSize: number, networks: Pick<HeldShadow, 'isDrafts' | 'share'>) {
    this.#vocabSize = vocabSize;
    this.#usual = new UsualIds(vocabSize);
    this.typicalShare = WITH_NONE + (WITH_ALL - WITH_NONE) * networks.share;
    this.kinship = Math.min(1, KIN_WITH_NONE + KIN_BY_SHARE * networks.share);
    this.#networks = networks;
  }

  get isReady(): boolean {
    return this.#networks.isDrafts;
  }

  follow(text: FollowedText): void {
    this.#text = text;
  }

  begin(prompt: readonly number[]): void {
    this.#usual.begin(prompt);
  }

  end(): void {
    this.#text = null;
  }

  push(id: number): void {
    this.#next = id;
    this.#usual.push(id);
  }

  async catchUp(): Promise<number> {
    return 0;
  }

  async foretell(): Promise<boolean> {
    const text = this.#text!;
    this.#settled ??= text.position;
    await text.draft(this.#next, this.#usual.few);
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
