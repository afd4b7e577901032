import type { DraftSource, Foreseen } from './draft-source.js';

/**
 * Foretells what the format of an answer leaves hardly a choice about: names of members, and what stands around them.
 */
export class FormatDraft implements DraftSource {
  readonly name = 'format';
  readonly usualShares: readonly number[];
  readonly tokenMs = 0;
  readonly catchUpMs = 0;
  readonly isReady = true;
  readonly lacking = 0;
  readonly leftOut = 0;
  id = 0;
  certainty = 0;
  #foreseen: Foreseen | null = null;
  #count = 0;

  /** `usualShares`: by the certainties of what it is shown. */
  constructor(usualShares: readonly number[]) {
    this.usualShares = usualShares;
  }

  begin(): void {}

  end(): void {
    this.#foreseen = null;
  }

  async catchUp(): Promise<number> {
    return 0;
  }

  push(): void {
    this.#foreseen = null;
    this.#count = 0;
  }

  show(foreseen: Foreseen | null): void {
    this.#foreseen = foreseen;
  }

  foretell(): boolean {
    const foreseen = this.#foreseen;
    if (foreseen === null || this.#count === foreseen.ids.length) return false;
    this.id = foreseen.ids[this.#count];
    this.certainty = foreseen.certainties[this.#count++];
    return true;
  }
}
