import type { GenerateSettings } from '../../contract/protocol.js';
import type { TokenLogprob } from '../../contract/token-logprob.js';
import type { Constraint } from '../../grammar/constraint.js';
import type { TokenSpelling } from '../../text/tokenizer.js';
import type { AnswerWriter } from '../answer-writer.js';
import { Sampler } from '../sampler.js';
import { allowedTokens } from './allowed-tokens.js';
import { breaksSequence } from './dry.js';
import { tableBytes } from './table-bytes.js';
import { TokenLogprobs } from './token-logprobs.js';

/** What the tokens of an answer are drawn by. */
export interface DrawingParts {
  spelling: TokenSpelling;
  vocabSize: number;
  /** What the answer has to keep, once reasoning has ended; null where any text will do. */
  constraint: Constraint | null;
}

/**
 * Draws the tokens of an answer, place by place: `next`, then `take` of the id that counts, then the next place. What
 * is drawn at a place follows from its logits and what was taken, so that the logits of several places may come from
 * one pass.
 */
export class Drawing {
  /** Of the tokens that were taken; null where nobody asked. */
  readonly logprobs: TokenLogprob[] | null;
  readonly #parts: DrawingParts;
  readonly #answer: AnswerWriter;
  readonly #eosIds: ReadonlySet<number>;
  readonly #sampler: Sampler;
  readonly #scores: TokenLogprobs | null;

  constructor(settings: GenerateSettings, parts: DrawingParts, answer: AnswerWriter) {
    const { spelling, vocabSize } = parts;
    const masked = [...spelling.suppressedIds, ...(settings.ignoreEos ? spelling.eosIds : [])];
    const breaks = (id: number) => breaksSequence(spelling.bytes(id));
    const { topLogprobs } = settings;
    this.#parts = parts;
    this.#answer = answer;
    this.#eosIds = new Set(spelling.eosIds);
    this.#sampler = new Sampler({ ...settings, vocabSize, masked, breaks });
    this.#scores = topLogprobs === null ? null : new TokenLogprobs(topLogprobs, vocabSize, spelling);
    this.logprobs = this.#scores && [];
  }

  /** Whether an id ends the answer. */
  ends(id: number): boolean {
    return this.#eosIds.has(id);
  }

  /**
   * The id at the next place, of logits[vocabSize], which it may change. `history`: the ids so far, the prompt
   * included. Null where the answer is complete, and nothing may follow. Throws what `Sampler.next` throws, and
   * UNSUPPORTED where the vocabulary cannot go on.
   */
  next(logits: Float32Array, history: readonly number[]): number | null {
    const keeps = this.#constraint;
    const allowed = keeps && allowedTokens(keeps, this.#eosIds);
    if (allowed === 'none') return null;
    this.#scores?.see(logits);
    return this.#sampler.next(logits, history, allowed);
  }

  /** Writes the id of the last place, which ends nothing. */
  take(id: number): void {
    const { reasons } = this.#answer;
    const { constraint, spelling } = this.#parts;
    const logprob = this.#scores?.of(id) ?? null;
    if (logprob) this.logprobs!.push(logprob);
    this.#answer.push(id, logprob);
    if (!reasons) constraint?.take(tableBytes(id, spelling));
    // The token that ended the reasoning may have brought the beginning of the answer.
    else if (!this.#answer.reasons) constraint?.take(Buffer.from(this.#answer.begun));
  }

  get #constraint(): Constraint | null {
    return this.#answer.reasons ? null : this.#parts.constraint;
  }
}
