import type { HiddenTap } from '../../draft/draft-source.js';
import type { FewIds } from '../../draft/few-ids.js';
import { FlashrowError } from '../../errors.js';
import type { Mixer } from '../mixer.js';
import type { Sequence, Sequences } from '../state/sequences.js';
import { type Caller, type Rounds, Work } from './rounds.js';

/** What the lanes of an engine have in common. */
export interface LaneParts {
  rounds: Rounds;
  mixer: Mixer;
  sequences: Sequences;
  contextSize: number;
  /** The logits[vocabSize] in a row of those that were last computed. */
  rowOfLogits: (row: number) => Float32Array;
}

const NONE: readonly number[] = [];

/** A sequence that one call has to itself, from the engine's `reuse` or `begin` on until its `end`. */
export class Lane {
  readonly #parts: LaneParts;
  readonly #sequence: Sequence;
  readonly #work: Work;
  /** The token of `decode`. */
  readonly #one = [0];

  constructor(parts: LaneParts, sequence: Sequence, caller: Caller) {
    this.#parts = parts;
    this.#sequence = sequence;
    this.#work = new Work(sequence, caller);
  }

  /** The number of tokens whose state the sequence holds: the position of the next one. */
  get position(): number {
    return this.#sequence.ids.length;
  }

  /** Has somebody see the hidden states of all that runs from now on; null for nobody. */
  set sees(tap: HiddenTap | null) {
    this.#work.sees = tap;
  }

  /**
   * Runs those of `ids` whose state is not held yet, in pieces. `logits()` is then that of the last one. `onLayer` is
   * told how many of `ids` are done, after each layer of each piece: a fraction, until the piece is done. Throws
   * ABORTED at most one layer after the call was aborted, CONTEXT_OVERFLOW, CORRUPT or IO; the state then holds the
   * pieces that were finished.
   */
  prefill(ids: readonly number[], onLayer: ((done: number) => void) | null = null): Promise<void> {
    // The end of the turn before, and of this prompt: the next prompt may part from the text there.
    this.#parts.mixer.snapshot(this.#sequence.index);
    this.#parts.sequences.prompt(this.#sequence, ids.length);
    return this.#run(ids, this.position, { inPieces: true, wanted: 1, onLayer });
  }

  /** Runs one token. `logits()` is then its own. Throws as `prefill` does. */
  decode(id: number): Promise<void> {
    this.#one[0] = id;
    return this.#run(this.#one, 0, { inPieces: false, wanted: 1 });
  }

  /**
   * Runs one token with the networks that foretell. What it leaves in the state is to be taken back. `logits()` is then
   * right for `few` ids, null for all.
   */
  draft(id: number, few: FewIds | null): Promise<void> {
    this.#one[0] = id;
    return this.#run(this.#one, 0, { inPieces: false, wanted: 1, few, drafting: true });
  }

  /** Runs some tokens as `verify` does. `logits()` is then that of the last, right for `few` ids, null for all. */
  foretell(ids: readonly number[], few: FewIds | null): Promise<void> {
    return this.#run(ids, 0, { inPieces: false, wanted: 1, few });
  }

  /**
   * Runs some tokens in one pass, as many at most as the engine's `mostVerified`. `logits(i)` is then that of ids[i].
   * `after`: the last of them stand beside others, each as if it followed the id of that index; `keep` has to come
   * next then. Throws as `prefill` does.
   */
  verify(ids: readonly number[], after: readonly number[] = NONE): Promise<void> {
    return this.#run(ids, 0, { inPieces: false, wanted: ids.length, after });
  }

  /** Of the tokens that `verify` ran last, the text has the one with this index and those before it. */
  keep(index: number): void {
    const { position, ids, after } = this.#work;
    const inRow = ids.length - after.length;
    if (index < inRow) {
      this.rewind(position + index + 1);
      return;
    }
    const place = position + after[index - inRow] + 1;
    this.#parts.mixer.swap!(this.#sequence.index, place, position + index);
    this.#sequence.ids.length = place;
    this.#sequence.ids.push(ids[index]);
    this.rewind(place + 1);
  }

  /**
   * Runs `ids` and shows the logits of every position in order: `visit(index into ids, logits[vocabSize])`. The logits
   * are valid during the call alone. Throws as `prefill` does.
   */
  score(ids: readonly number[], visit: (index: number, logits: Float32Array) => void): Promise<void> {
    return this.#run(ids, 0, { inPieces: true, wanted: 0, visit });
  }

  /**
   * The logits[vocabSize] of one of the tokens that ran last, 0 for the first whose logits were wanted. Valid until
   * something is awaited; until then the caller may change them.
   */
  logits(index = 0): Float32Array {
    return this.#parts.rowOfLogits(this.#work.logitRow + index);
  }

  /** Takes the state back to `length` tokens, or to fewer if the mixer cannot stop there; returns how many are held. */
  rewind(length: number): number {
    const reached = this.#parts.mixer.rewind(this.#sequence.index, length);
    this.#sequence.ids.length = reached;
    return reached;
  }

  /** Lets other calls go on with the sequence. */
  end(): void {
    this.#sequence.busy = false;
  }

  #run(
    ids: readonly number[],
    done: number,
    {
      inPieces,
      wanted,
      onLayer = null,
      visit = null,
      few = null,
      drafting = false,
      after = NONE,
    }: Pick<Work, 'inPieces' | 'wanted'> & Partial<Work>,
  ): Promise<void> {
    const { contextSize, rounds } = this.#parts;
    const tokens = this.position + ids.length - done;
    if (tokens > contextSize)
      return Promise.reject(
        new FlashrowError(
          'CONTEXT_OVERFLOW',
          `${tokens} tokens do not fit the context of ${contextSize}; shorten the prompt, or raise \`contextSize\``,
          { tokens, contextSize },
        ),
      );
    const work = this.#work;
    work.ids = ids;
    work.done = done;
    work.inPieces = inPieces;
    work.wanted = wanted;
    work.onLayer = onLayer;
    work.visit = visit;
    work.few = few;
    work.drafting = drafting;
    work.after = after;
    return rounds.do(work);
  }
}
